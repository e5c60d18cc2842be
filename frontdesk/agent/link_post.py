"""One try to hand reports over, and what the gateway's answer means for the next one."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import aiohttp

from frontdesk.contract import Callback
from frontdesk.ended import EndedReason

POST_TIMEOUT_S = 10.0
_LONGEST_ANSWER = 64 * 1024
_LONGEST_RETRY_AFTER_S = 30.0
_OK = 200
_BAD = {400, 422}
_TOO_LARGE = 413
_FINAL = {401, 403, 410}
_NOT_FOUND = 404


class Verdict(Enum):
    """What to do next."""

    TAKEN = auto()
    RETRY = auto()
    BAD = auto()
    """The gateway does not understand something in this batch."""
    STOP = auto()
    """The gateway does not want to hear of this call any more."""


@dataclass(frozen=True)
class Answer:
    """What the gateway said. `why` is a status or an error's name."""

    verdict: Verdict
    why: str
    taken: int = 0
    hang_up: EndedReason | None = None
    retry_after_s: float = 0.0


class LinkPost:
    """Posts batches of one session.

    Args:
        http: The call's HTTP session.
        callback: Where to, and the token.
        call_id: Whose.
        session_id: Which start of a bot.
        claim: In whose name the bot asked whether it may dial; None when it did not.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        callback: Callback,
        call_id: str,
        session_id: str,
        claim: str | None = None,
    ) -> None:
        self._http = http
        self._url = link_url(callback, call_id, "events")
        self._headers = bearer(callback) | {"Content-Type": "application/json"}
        who = {"session_id": session_id} | ({} if claim is None else {"claim": claim})
        self._who = json.dumps(who).encode().removesuffix(b"}")

    async def __call__(self, events: Sequence[bytes]) -> Answer:
        """Post events, or a heartbeat when there are none."""
        body = b'%b,"events":[%b]}' % (self._who, b",".join(events))
        try:
            async with self._http.post(
                self._url,
                data=body,
                headers=self._headers,
                allow_redirects=False,  # the token goes to nobody else
                timeout=aiohttp.ClientTimeout(total=POST_TIMEOUT_S),
            ) as response:
                return judge(response.status, await read_object(response), len(events))
        except Exception as error:  # noqa: BLE001 - whatever the link does, the conversation goes on
            return Answer(Verdict.RETRY, type(error).__name__)


def link_url(callback: Callback, call_id: str, what: str) -> str:
    """A route of the link for one call."""
    return f"{str(callback.url).rstrip('/')}/link/calls/{call_id}/{what}"


def bearer(callback: Callback) -> dict[str, str]:
    """The header that proves who reports."""
    return {"Authorization": f"Bearer {callback.token}"}


async def read_object(response: aiohttp.ClientResponse) -> dict[str, Any]:
    """The JSON object that was answered; empty when it is none, or endless."""
    body = b""
    async for chunk in response.content.iter_chunked(_LONGEST_ANSWER):
        body += chunk
        if len(body) > _LONGEST_ANSWER:
            return {}
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def final(status: int, answer: dict[str, Any]) -> bool:
    """Whether the gateway itself says that nothing more is to be asked or told of a call.

    Proxies answer with the same statuses for a gateway that is being restarted, or when their own doors are
    set wrongly; only the gateway's problem documents have `retryable` and a `code` in words.
    """
    if answer.get("retryable") is False:
        return status in _FINAL or status == _NOT_FOUND
    return status in _FINAL and isinstance(answer.get("code"), str) and "retryable" not in answer


def judge(status: int, answer: dict[str, Any], offered: int) -> Answer:
    """What an answer to so many events means.

    Errors that cost a report or the link count only when the gateway itself says so: proxies answer 404, and
    worse, for a gateway that is being restarted.
    """
    why = str(status)
    if status == _OK:
        return _accepted(answer, offered)
    if final(status, answer):
        return Answer(Verdict.STOP, why)
    bad = status == _TOO_LARGE or (status in _BAD and "code" in answer)
    if bad and offered:
        return Answer(Verdict.BAD, why)
    return Answer(Verdict.RETRY, why, retry_after_s=_retry_after_s(answer))


def _accepted(answer: dict[str, Any], offered: int) -> Answer:
    taken = answer.get("taken")
    if type(taken) is not int or not min(1, offered) <= taken <= offered:
        return Answer(Verdict.RETRY, "garbage")
    orders = answer.get("orders")
    return Answer(Verdict.TAKEN, "200", taken, _hang_up(orders if isinstance(orders, dict) else {}))


def _hang_up(orders: dict[str, Any]) -> EndedReason | None:
    wanted = orders.get("hang_up")
    if wanted is None:
        return None
    known = {reason.value: reason for reason in EndedReason}
    # A newer gateway may have a new word for it; hanging up is what matters.
    return known.get(str(wanted), EndedReason.CANCELED)


def _retry_after_s(answer: dict[str, Any]) -> float:
    seconds = answer.get("retry_after_s")
    return min(max(float(seconds), 0), _LONGEST_RETRY_AFTER_S) if isinstance(seconds, int | float) else 0.0
