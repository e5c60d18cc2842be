"""Asking the gateway whether this bot may dial: of two bots of one attempt, one may.

A gateway may start a bot twice (a crash in between, a host that takes a request twice). The ledger grants an
attempt to the first that asks; nobody dials without that. Minutes later, before it dials again what never
rang, the bot asks once more: it may be night by then, or nobody may want the call any more. A gateway that
does not know that question answers the first one, which is as good as it can tell.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from typing import Any, Protocol, Self

import aiohttp
from loguru import logger

from frontdesk.agent.link_post import bearer, final, link_url, read_object
from frontdesk.agent.timers import Sleep
from frontdesk.contract import AgentRequest, Callback

DEADLINE_S = 60.0
"""A gateway that did not answer for so long will have started another bot, or given the call up."""
AGAIN_WITHIN_S = 15.0
"""Longest wait for the answer before a further dial; what comes later dials nobody."""
ASK_TIMEOUT_S = 5.0
_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 2.0
_OK = 200


class Verdict(Enum):
    """What the gateway says."""

    GRANTED = auto()
    REFUSED = auto()
    """Another bot has the attempt, or nobody may dial any more."""
    UNKNOWN = auto()
    """No answer yet."""


class Ask(Protocol):
    """Asks the gateway once."""

    def __call__(self, dial: int = 1) -> Awaitable[Verdict]:
        """Whether this bot may dial for the `dial`th time, counted from 1."""


Decided = Callable[[Verdict], None]


class Claim:
    """The claim of one bot, asked for again and again until it is decided.

    Args:
        ask: Asks the gateway once.
        decided: Told of the decision before anybody else is, once.
        name: In whose name it is asked.
        deadline_s: How long to ask.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self,
        ask: Ask,
        decided: Decided,
        *,
        name: str = "",
        deadline_s: float = DEADLINE_S,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.name = name
        self._ask = ask
        self._decided = decided
        self._deadline_s = deadline_s
        self._sleep = sleep
        self._task: asyncio.Task[Verdict] | None = None

    @classmethod
    def of(cls, request: AgentRequest, http: aiohttp.ClientSession, decided: Decided) -> Self | None:
        """The claim of a call out; None for a call in, and where no gateway decides."""
        if request.callback is None or request.dialout_settings is None:
            return None
        post = ClaimPost(http, request.callback, request.call_id, request.session_id)
        return cls(post, decided, name=post.name)

    def start(self) -> None:
        """Begin to ask."""
        self._task = asyncio.create_task(self._decide(), name="claim")

    async def verdict(self) -> Verdict:
        """Wait for the decision; UNKNOWN when there was none until the deadline. Any number may wait."""
        assert self._task is not None, "the claim was not started"  # noqa: S101
        return await asyncio.shield(self._task)

    async def again(self, dial: int) -> bool:
        """Whether a bot that was granted its attempt may dial once more, for the `dial`th time.

        Only a yes within `AGAIN_WITHIN_S` is one; until then it is asked again and again.
        """
        return await self._ask_in_time(dial, AGAIN_WITHIN_S) is Verdict.GRANTED

    async def close(self, within_s: float) -> None:
        """Wait for the decision for so many seconds at most, then stop asking."""
        task, self._task = self._task, None
        if task is not None:
            await asyncio.wait({task}, timeout=within_s)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _decide(self) -> Verdict:
        verdict = await self._ask_in_time(1, self._deadline_s)
        self._decided(verdict)
        return verdict

    async def _ask_in_time(self, dial: int, within_s: float) -> Verdict:
        patience = asyncio.ensure_future(self._sleep(within_s))
        asking = asyncio.ensure_future(self._ask_until_decided(dial))
        try:
            await asyncio.wait({patience, asking}, return_when=asyncio.FIRST_COMPLETED)
            return asking.result() if asking.done() else Verdict.UNKNOWN
        finally:
            for task in (patience, asking):
                task.cancel()
            await asyncio.gather(patience, asking, return_exceptions=True)

    async def _ask_until_decided(self, dial: int) -> Verdict:
        pause_s = _FIRST_PAUSE_S
        while (verdict := await self._ask(dial)) is Verdict.UNKNOWN:
            await self._sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        return verdict


class ClaimPost:
    """Asks once, in the name of this bot alone.

    A start request that a host takes twice makes two bots with one session id: their claims still differ.

    Args:
        http: The call's HTTP session.
        callback: Where to, and the token.
        call_id: Whose.
        session_id: Which start of a bot.
    """

    def __init__(
        self, http: aiohttp.ClientSession, callback: Callback, call_id: str, session_id: str
    ) -> None:
        self._http = http
        self._url = link_url(callback, call_id, "claim")
        self._headers = bearer(callback)
        self.name = f"{session_id[:90]}-{secrets.token_hex(4)}"

    async def __call__(self, dial: int = 1) -> Verdict:
        """Ask; whatever goes wrong is no answer."""
        which = {"dial": dial} if dial > 1 else {}
        try:
            async with self._http.post(
                self._url,
                json={"session_id": self.name, **which},
                headers=self._headers,
                allow_redirects=False,  # the token goes to nobody else
                timeout=aiohttp.ClientTimeout(total=ASK_TIMEOUT_S),
            ) as response:
                return judge(response.status, await read_object(response))
        except Exception as error:  # noqa: BLE001 - it is asked again
            logger.warning("the claim was not answered: {}", type(error).__name__)
            return Verdict.UNKNOWN


def judge(status: int, answer: dict[str, Any]) -> Verdict:
    """What an answer means.

    Only a plain yes is a yes. A refusal counts only when the gateway itself gives it.
    """
    granted = answer.get("granted") if status == _OK else None
    if granted is True:
        return Verdict.GRANTED
    return Verdict.REFUSED if granted is False or final(status, answer) else Verdict.UNKNOWN
