"""The CRM is asked who is calling, beside the launch of the bot. Whatever it does, no call waits for it."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from loguru import logger
from pydantic import ValidationError
from pydantic_core import to_json

from frontdesk.contract import CallContext
from frontdesk.crm.asking import Asking, NoAnswerError, Sessions
from frontdesk.crm.breaker import Breaker
from frontdesk.crm.caller_answer import MOST_BYTES, CallerAnswer
from frontdesk.crm.endpoints import Caller
from frontdesk.organizations import Organization
from frontdesk.tasks import InFlight

DEADLINE_S = 2.0
"""From the webhook to the end of the answer."""
_REMEMBERED_S = 300.0


class Addresses(Protocol):
    """Where CRMs are asked."""

    def caller(self, organization_id: str) -> Caller | None:
        """Where this organization's is; None when it is not to be asked."""


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
        self._asking = Asking(sessions, deadline_s=deadline_s, most_bytes=MOST_BYTES, clock=clock)
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
            content = await self._asking.ask(caller, f"caller_{call_id}", question, empty=b"{}")
            context = _read(content, organization)
        except NoAnswerError as error:
            breaker.failed()
            logger.warning("the CRM did not say who is calling: {}", error, call_id=call_id)
            return None
        breaker.succeeded()
        if context != CallContext():
            self.noted(call_id, context)
        return context

    def _forget_old(self) -> None:
        limit = self._now() - _REMEMBERED_S
        while self._asked:
            oldest = next(iter(self._asked))
            if self._asked[oldest][0] > limit:
                return
            del self._asked[oldest]


def _read(content: bytes, organization: Organization) -> CallContext:
    """The answer, which counts whole or not at all.

    Raises:
        NoAnswerError: It cannot be used.
    """
    try:
        answer = CallerAnswer.model_validate_json(content)
    except ValidationError:
        raise NoAnswerError("answer_invalid") from None
    if answer.workflow is not None and answer.workflow not in organization.workflows:
        raise NoAnswerError("unknown_workflow")
    return answer.context()
