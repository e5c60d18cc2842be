"""The CRM is asked right before a dial; only a clear yes is one."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from loguru import logger
from pydantic_core import to_json

from frontdesk.calls.models import NewCall
from frontdesk.crm.asking import Asking, NoAnswerError, Sessions
from frontdesk.crm.breaker import Breaker
from frontdesk.crm.endpoints import Caller

DEADLINE_S = 5.0
"""From the question to the end of the answer."""
_MOST_BYTES = 8 * 1024


class Addresses(Protocol):
    """Where CRMs are asked."""

    def may_call(self, organization_id: str) -> Caller | None:
        """Where this organization's is; None when it is not to be asked."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the CRM said.

    Args:
        yes: It said `{"eligible": true}`, and nothing else.
        code: Why it is no yes: a word for the record.
        heard: Whether it answered the question at all; if not, it is worth asking again.
        next_allowed_at: From when on it may say yes, by its own account; UTC seconds.
    """

    yes: bool
    code: str | None = None
    heard: bool = True
    next_allowed_at: float | None = None


class MayCall:
    """Asks the CRMs of all organizations.

    Args:
        addresses: Where to ask.
        sessions: With which session.
        deadline_s: Longest wait for an answer, in seconds.
        clock: UTC seconds.
        now: Monotonic seconds.
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
        self._asking = Asking(sessions, deadline_s=deadline_s, most_bytes=_MOST_BYTES, clock=clock)
        self._clock = clock
        self._now = now
        self._breakers: dict[str, Breaker] = {}

    async def ask(self, call: NewCall) -> Said:
        """Ask about one call out; an organization that wants no question says yes. Never raises."""
        caller = self._addresses.may_call(call.organization_id)
        if caller is None:
            return Said(yes=True)
        breaker = self._breakers.setdefault(call.organization_id, Breaker(now=self._now))
        if not breaker.lets_through():
            return Said(yes=False, code="not_asked", heard=False)
        said = await self._ask(call, caller)
        if said.heard:
            breaker.succeeded()
        else:
            breaker.failed()
            logger.warning("the CRM did not say whether to call: {}", said.code, call_id=call.id)
        return said

    async def _ask(self, call: NewCall, caller: Caller) -> Said:
        name = f"may_call_{call.id}_{int(self._clock() * 1000)}"
        try:
            content = await self._asking.ask(caller, name, to_json(_question(call)).decode())
        except NoAnswerError as error:
            return Said(yes=False, code=str(error), heard=False)
        return understood(content)


def understood(content: bytes) -> Said:
    """What an answer means: exactly `{"eligible": true}` is a yes, with no other key and no key twice.

    An object whose `eligible` is false is a no; of it, `next_allowed_at` (RFC 3339 with an offset) is taken
    and nothing else is kept. Whatever is neither is no answer to the question.
    """
    unclear = Said(yes=False, code="answer_invalid", heard=False)
    try:
        answer = json.loads(content.decode(), object_pairs_hook=tuple)
    except (ValueError, RecursionError):
        return unclear
    if answer == (("eligible", True),) and answer[0][1] is True:
        return Said(yes=True)
    said = dict(answer) if isinstance(answer, tuple) else {}
    if said.get("eligible") is not False or len(said) != len(answer):
        return unclear
    return Said(yes=False, code="not_eligible", next_allowed_at=_moment(said.get("next_allowed_at")))


def _question(call: NewCall) -> dict[str, Any]:
    return {
        "call_id": call.id,
        "to": call.to_number,
        "patient_id": call.patient_id,
        "workflow": call.workflow,
        "external_id": call.external_id,
        "campaign_id": call.campaign_id,
        "metadata": call.metadata,
    }


def _moment(value: object) -> float | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        aware = moment is not None and moment.tzinfo is not None
        return moment.astimezone(UTC).timestamp() if moment is not None and aware else None
    except (ValueError, OverflowError):
        return None
