"""What may have changed between the launch of a bot and each of its dials: the rules are asked once more."""

from typing import Protocol

from frontdesk.calls import queue_facts
from frontdesk.calls.models import Fact, NewCall
from frontdesk.calls.plan import Plan
from frontdesk.calls.state import CallState
from frontdesk.ended import EndedReason
from frontdesk.errors import LinkUndecidedError
from frontdesk.gate.answers import Answer, Later, Yes

_REFUSALS = frozenset(EndedReason)


class Gate(Protocol):
    """May we call?"""

    async def ask(self, call: NewCall, plan: Plan, now: float) -> Answer:
        """By all that is known here."""


class Launched(Protocol):
    """A call whose bot asks whether it may dial."""

    @property
    def call(self) -> NewCall:
        """As it was accepted."""

    @property
    def state(self) -> CallState:
        """Where it stands."""


class Clearance:
    """Asks the gate in the moment of the dial: a bot takes seconds to start, and a cold one a minute.

    Args:
        gate: The rules.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def refusal(self, launched: Launched, attempt: int, now: float) -> Fact | None:
        """What the ledger is to be told when an attempt that nobody claimed yet may not be dialed any more.

        The attempt is over then, and the one that follows it waits, or is blocked, as the gate says.

        Raises:
            LinkUndecidedError: Nobody can tell now.
        """
        state = launched.state
        known = state.find(attempt)
        if state.plan is None or known is None or known.over is not None or known.claimed_by:
            return None
        answer = await self._decided(launched.call, state.plan, now)
        if isinstance(answer, Yes):
            return None
        until = answer.at if isinstance(answer, Later) else now
        return queue_facts.forbidden(state.id, attempt, now, EndedReason(answer.reason), max(until, now))

    async def allows(self, call: NewCall, plan: Plan, now: float) -> bool:
        """Whether a bot that could dial may dial once more. What its attempt comes to, its own end tells.

        Raises:
            LinkUndecidedError: Nobody can tell now.
        """
        return isinstance(await self._decided(call, plan, now), Yes)

    async def _decided(self, call: NewCall, plan: Plan, now: float) -> Answer:
        answer = await self._gate.ask(call, plan, now)
        if not isinstance(answer, Yes) and answer.reason not in _REFUSALS:
            raise LinkUndecidedError(retry_after_s=1)
        return answer
