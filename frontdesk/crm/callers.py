"""The CRM is asked who is calling, beside the launch of the bot. Whatever it does, no call waits for it."""

import asyncio
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol

import aiohttp
from loguru import logger
from pydantic import ValidationError
from pydantic_core import to_json

from frontdesk.contract import CallContext
from frontdesk.crm.breaker import Breaker
from frontdesk.crm.caller_answer import MOST_BYTES, CallerAnswer
from frontdesk.crm.endpoints import Caller
from frontdesk.organizations import Organization
from frontdesk.tasks import InFlight

DEADLINE_S = 2.0
"""From the webhook to the end of the answer."""
_REMEMBERED_S = 300.0
_TYPES = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"}


class _UselessError(Exception):
    """The CRM gave no answer that can be used; the text is a code for the log."""


class Addresses(Protocol):
    """Where CRMs are asked."""

    def caller(self, organization_id: str) -> Caller | None:
        """Where this organization's is; None when it is not to be asked."""


class Sessions(Protocol):
    """With which session CRMs are asked."""

    def session(self, *, allow_private: bool) -> aiohttp.ClientSession:
        """One that reaches public addresses only, or any."""


class Callers:
    """Asks, and keeps the answers for the bots that come to want them.

    Args:
        addresses: Where to ask.
        sessions: With which session.
        deadline_s: Longest wait for an answer, in seconds.
        clock: UTC seconds.
        now: Monotonic seconds.

    Attributes:
        noted: Told of each answer that says something.
    """

    def __init__(
        self,
        addresses: Addresses,
        sessions: Sessions,
        *,
        deadline_s: float = DEADLINE_S,
        clock: Callable[[], float] = time.time,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._addresses = addresses
        self._sessions = sessions
        self._deadline_s = deadline_s
        self._clock = clock
        self._now = now
        self._breakers: dict[str, Breaker] = {}
        self._asked: dict[str, tuple[float, asyncio.Task[CallContext | None]]] = {}
        self._tasks = InFlight()
        self.noted: Callable[[str, CallContext], None] = lambda _call_id, _context: None

    def ask(
        self, call_id: str, organization: Organization, from_number: str | None, to_number: str | None
    ) -> None:
        """Ask in the background, unless the organization has no such address or it failed too often."""
        caller = self._addresses.caller(str(organization.id))
        if caller is None:
            return
        self._forget_old()
        breaker = self._breakers.setdefault(str(organization.id), Breaker(now=self._now))
        if not breaker.lets_through():
            return
        question = to_json({"call_id": call_id, "from": from_number, "to": to_number})
        task = self._tasks.start(self._ask(call_id, organization, caller, question.decode(), breaker))
        self._asked[call_id] = (self._now(), task)

    def asked(self, call_id: str) -> bool:
        """Whether the CRM was asked, and its answer may still come."""
        entry = self._asked.get(call_id)
        return entry is not None and not entry[1].done()

    def known(self, call_id: str) -> CallContext | None:
        """What the CRM said so far."""
        entry = self._asked.get(call_id)
        return entry[1].result() if entry and entry[1].done() and not entry[1].cancelled() else None

    async def context(self, call_id: str, wait_s: float) -> CallContext | None:
        """What is known of a caller after at most `wait_s` seconds; None when nothing is."""
        entry = self._asked.get(call_id)
        if entry is None:
            return None
        await asyncio.wait((entry[1],), timeout=wait_s)
        return self.known(call_id)

    async def drain(self, timeout_s: float) -> None:
        """Wait for answers, but not longer than this."""
        await self._tasks.drain(timeout_s)

    async def _ask(
        self, call_id: str, organization: Organization, caller: Caller, question: str, breaker: Breaker
    ) -> CallContext | None:
        try:
            async with asyncio.timeout(self._deadline_s):
                content = await self._post(call_id, caller, question)
            context = _read(content, organization)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, _UselessError) as error:
            breaker.failed()
            code = str(error) if isinstance(error, _UselessError) else _code(error)
            logger.warning("the CRM did not say who is calling: {}", code, call_id=call_id)
            return None
        breaker.succeeded()
        if context != CallContext():
            self.noted(call_id, context)
        return context

    async def _post(self, call_id: str, caller: Caller, question: str) -> bytes:
        headers = _TYPES | caller.signer.headers(f"caller_{call_id}", self._clock(), question)
        http = self._sessions.session(allow_private=caller.allow_private)
        async with http.post(
            caller.url, data=question.encode(), headers=headers, allow_redirects=False
        ) as answer:
            if answer.status == HTTPStatus.NO_CONTENT:
                return b"{}"
            if answer.status != HTTPStatus.OK:
                raise _UselessError(f"http_{answer.status}")
            return await _limited(answer)

    def _forget_old(self) -> None:
        limit = self._now() - _REMEMBERED_S
        while self._asked:
            oldest = next(iter(self._asked))
            if self._asked[oldest][0] > limit:
                return
            del self._asked[oldest]


async def _limited(answer: aiohttp.ClientResponse) -> bytes:
    content = b""
    while chunk := await answer.content.read(MOST_BYTES):
        content += chunk
        if len(content) > MOST_BYTES:
            answer.close()
            raise _UselessError("answer_too_large")
    return content


def _read(content: bytes, organization: Organization) -> CallContext:
    """An answer counts whole or not at all."""
    try:
        answer = CallerAnswer.model_validate_json(content)
    except ValidationError:
        raise _UselessError("answer_invalid") from None
    if answer.workflow is not None and answer.workflow not in organization.workflows:
        raise _UselessError("unknown_workflow")
    return answer.context()


def _code(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "timeout"
    return "unreachable" if isinstance(error, aiohttp.ClientConnectorError) else "broke_off"
