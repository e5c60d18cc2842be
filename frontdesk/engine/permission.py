"""Whether an attempt may dial: the campaign, the rules, a slot and the CRM, asked in this order."""

import time
from collections.abc import Callable
from typing import Protocol

from frontdesk.calls.models import NewCall
from frontdesk.calls.plan import Plan
from frontdesk.ended import EndedReason
from frontdesk.engine.callee import Callees
from frontdesk.engine.limits import Most
from frontdesk.engine.line import Line
from frontdesk.engine.turns import Turn
from frontdesk.engine.wanted import Full, Granted, NotYet, Refusal, TooOften, Wanted
from frontdesk.gate.answers import Answer, Later, Yes, as_planned

NO_SLOT = "no_slot"
"""`Later.reason` while everything is full, or others go first: no refusal of the call."""
_HELD_S = 15.0
_HELD_APART_S = 0.05
"""Between two looks at held calls of a campaign: thousands of them would keep the queue busy all the time."""
_SOON_S = 1.0
_LATER_S = 3.0
_FRESH_S = 1.0
"""How long what the rules said holds."""


class Gate(Protocol):
    """May we call?"""

    async def ask(self, call: NewCall, plan: Plan, now: float) -> Answer:
        """By all that is known here."""

    async def ask_crm(self, call: NewCall, plan: Plan, now: float) -> Answer:
        """By the CRM's account, right before the dial."""


class Holds(Protocol):
    """What campaigns allow."""

    async def hold(self, campaign_id: str) -> str | None:
        """Why the campaign's calls must wait; None when they may be made."""

    async def most_at_once(self, campaign_id: str) -> int | None:
        """Most calls of the campaign at once; None for no limit of its own."""


class Permission:
    """Asks everybody who has a say in whether an attempt may dial.

    Args:
        gate: The rules.
        holds: The campaigns.
        callees: Digests numbers.
        line: Where one waits for a slot.
        rules: Whether it matters how often one number is called.
        patience_s: How long to wait for a slot, in seconds.
        clock: UTC seconds.
    """

    def __init__(
        self,
        gate: Gate,
        holds: Holds,
        callees: Callees,
        line: Line,
        *,
        rules: bool,
        patience_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._gate = gate
        self._holds = holds
        self._callees = callees
        self._line = line
        self._rules = rules
        self._patience_s = patience_s
        self._clock = clock
        self._held_until: dict[str, float] = {}

    async def ask(self, turn: Turn) -> Answer:
        """A yes comes with a slot, which whoever does not dial must give back; so must they after a no.

        Raises:
            DatabaseUnavailableError: The database is away; a slot may have been taken.
        """
        asked_at = self._clock()
        answer = await self._held(turn) or await self._gate.ask(turn.call, turn.plan, asked_at)
        if not isinstance(answer, Yes):
            return answer
        slot = await self._line.wait(await self._wanted(turn), self._patience_s)
        if not isinstance(slot, Granted):
            return self._refused(turn, slot)
        return await self._ask_again(turn, asked_at)

    async def _ask_again(self, turn: Turn, asked_at: float) -> Answer:
        """What may have changed while the attempt waited for its slot, and what is asked last."""
        now = self._clock()
        held = await self._held(turn)
        if held is not None:
            return held
        if now - asked_at > _FRESH_S:
            answer = await self._gate.ask(turn.call, turn.plan, now)
            if not isinstance(answer, Yes):
                return answer
        return await self._ask_crm(turn)

    async def _ask_crm(self, turn: Turn) -> Answer:
        return await self._gate.ask_crm(turn.call, turn.plan, self._clock())

    async def _held(self, turn: Turn) -> Later | None:
        campaign_id = turn.call.campaign_id
        if campaign_id is None:
            return None
        why = await self._holds.hold(campaign_id)
        if why is None:
            self._held_until.pop(campaign_id, None)
            return None
        after_others = self._held_until.get(campaign_id, 0.0) + _HELD_APART_S
        until = self._held_until[campaign_id] = max(self._clock() + _HELD_S, after_others)
        return Later(why, until)

    async def _wanted(self, turn: Turn) -> Wanted:
        call, outreach = turn.call, turn.launch.organization.outreach
        campaign_id = call.campaign_id
        number = call.to_number or ""
        return Wanted(
            call_id=call.id,
            attempt=turn.attempt,
            organization_id=call.organization_id,
            callee=await self._callees.digest(call.organization_id, number),
            caller_id=call.caller_id,
            campaign_id=campaign_id,
            most=Most(
                organization=outreach.concurrency.calls,
                caller_id=outreach.concurrency.per_caller_id,
                campaign=None if campaign_id is None else await self._holds.most_at_once(campaign_id),
            ),
            frequency=outreach.frequency if self._rules else None,
            urgent=turn.plan.urgent,
        )

    def _refused(self, turn: Turn, refusal: Refusal) -> Answer:
        now = self._clock()
        if isinstance(refusal, TooOften):
            return as_planned(Later(EndedReason.BLOCKED_FREQUENCY, refusal.at), turn.plan)
        if isinstance(refusal, NotYet):
            return Later(NO_SLOT, max(refusal.at, now + _SOON_S))
        own = isinstance(refusal, Full) and not refusal.limit.of_all
        return Later(NO_SLOT, now + (_LATER_S if own else _SOON_S))
