"""Forwarding a caller on hold into the call's room.

Daily holds the caller until somebody posts pinlessCallUpdate with the room's SIP address, which must
be ready for it (Daily docs, pinlessCallUpdate). Nobody tells when the caller gives up meanwhile.
"""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import aiohttp

from frontdesk.agent.call import DailyAccess
from frontdesk.agent.report import CallReport, Step
from frontdesk.agent.timers import Sleep
from frontdesk.contract import DialinSettings

REQUEST_TIMEOUT_S = 10.0
_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 4.0
_HEALING = {408, 425, 429}


class Forwarded(StrEnum):
    """How forwarding came out."""

    DONE = "done"
    CALLER_GONE = "caller_gone"
    """Daily does not know the call any more: the caller hung up on hold."""
    REFUSED = "refused"
    """Daily refuses our key or our request; trying again does not help."""
    UNSURE = "unsure"
    """Daily does not know the call after a try without a clear answer: it may be gone or on its way."""
    TIMED_OUT = "timed_out"


@dataclass(frozen=True)
class _Answer:
    """What one try came to.

    `outcome` is None when it should be tried again, `why` is a status or an error's name, and `unclear`
    says that Daily may have forwarded the caller all the same.
    """

    outcome: Forwarded | None
    why: str
    unclear: bool = False


class Forwarder:
    """Forwards one caller, once.

    Args:
        session: The call's HTTP session.
        access: Daily's REST API.
        dialin: The call on hold.
        report: Told of each failed try.
        timeout_s: Seconds from the first try until it gives up.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        access: DailyAccess,
        dialin: DialinSettings,
        report: CallReport,
        timeout_s: float,
        *,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = session
        self._access = access
        self._dialin = dialin
        self._report = report
        self._timeout_s = timeout_s
        self._sleep = sleep
        self._clock = clock
        self._begun = False

    async def forward(self, sip_uri: str) -> Forwarded | None:
        """Post until it works, cannot work, or the time is up.

        Returns:
            None when forwarding was begun before: Daily repeats dialin-ready for every SIP endpoint.
        """
        if self._begun:
            return None
        self._begun = True
        deadline = self._clock() + self._timeout_s
        pause_s = _FIRST_PAUSE_S
        unclear = False
        while True:
            answer = await self._post(sip_uri)
            if answer.outcome is Forwarded.DONE:
                return answer.outcome
            self._report.step(Step.FORWARD_FAILED, why=answer.why)
            if answer.outcome is not None:
                return Forwarded.UNSURE if unclear else answer.outcome
            unclear |= answer.unclear
            if self._clock() + pause_s >= deadline:
                return Forwarded.TIMED_OUT
            await self._sleep(pause_s * random.uniform(1, 1.25))  # noqa: S311
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _post(self, sip_uri: str) -> _Answer:
        try:
            async with self._session.post(
                f"{self._access.api_url}/dialin/pinlessCallUpdate",
                headers={"Authorization": f"Bearer {self._access.api_key.get_secret_value()}"},
                json={
                    "callId": self._dialin.call_id,
                    "callDomain": self._dialin.call_domain,
                    "sipUri": sip_uri,
                },
                timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S),
            ) as response:
                return _judge(response.status, await response.text())
        except TimeoutError:
            return _Answer(None, "timeout", unclear=True)
        except aiohttp.ClientConnectorError as error:
            return _Answer(None, type(error).__name__)
        except aiohttp.ClientError as error:
            return _Answer(None, type(error).__name__, unclear=True)


def _judge(status: int, text: str) -> _Answer:
    if status == 200:  # noqa: PLR2004
        return _Answer(Forwarded.DONE, "200")
    if status >= 500 or status in _HEALING:  # noqa: PLR2004
        return _Answer(None, str(status), unclear=status not in _HEALING)
    ours = status != 400 or "authorization-header-error" in text or "missing required field" in text  # noqa: PLR2004
    # Daily documents no text for a call that is gone; what remains of its 400s is that.
    return _Answer(Forwarded.REFUSED if ours else Forwarded.CALLER_GONE, str(status))
