"""Places calls out: what happens between a call's turn in the queue and a bot that dials."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from loguru import logger
from pydantic import ValidationError

from frontdesk.calls import queue_facts
from frontdesk.calls.entries import LedgerCall
from frontdesk.calls.ledger import Ledger
from frontdesk.calls.state import Waiting
from frontdesk.ended import EndedReason
from frontdesk.engine.admission import Admission
from frontdesk.engine.callee import Callees
from frontdesk.engine.line import Line
from frontdesk.engine.permission import Gate, Holds, Permission
from frontdesk.engine.queue import Again
from frontdesk.engine.start import Owners, Start
from frontdesk.engine.turns import Turn
from frontdesk.errors import FrontdeskError, UnknownOrganizationError, UnknownWorkflowError
from frontdesk.gate.answers import Later, No, Yes
from frontdesk.launch.call import Call
from frontdesk.launch.service import Launched, Launcher
from frontdesk.logs import call_context
from frontdesk.organizations import Organizations

_REASONS = frozenset(EndedReason)
_SOON_S = 1.0
_TROUBLE_S = 5.0
_UNKNOWN_TURNS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What placing a call needs.

    Args:
        ledger: Says what is waited for, and arbitrates.
        launcher: Makes the room and starts the bot.
        gate: Says whether the call may be made.
        admission: Gives slots.
        callees: Digests numbers.
        holds: Of campaigns.
        owners: Which gateways run.
        organizations: Whose limits hold.
        rules: Whether frequency limits hold; off for simulated phones.
    """

    ledger: Ledger
    launcher: Launcher
    gate: Gate
    admission: Admission
    callees: Callees
    holds: Holds
    owners: Owners
    organizations: Organizations
    rules: bool = True


class Placing:
    """Sees to attempts when the queue brings them up.

    Everything here may be repeated at any time, by this process or by another one: the ledger arbitrates.

    Args:
        parts: What it works with.
        patience_s: How long an attempt waits for a slot before it goes back into the queue, in seconds.
        clock: UTC seconds.
        sleep: How to wait, in seconds.
    """

    def __init__(
        self,
        parts: Parts,
        *,
        patience_s: float = 20.0,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._ledger = parts.ledger
        self._organizations = parts.organizations
        self._admission = parts.admission
        self._books = parts.launcher.books
        self._clock = clock
        self._line = Line(
            parts.admission.take,
            parts.admission.give_back,
            holds=parts.admission.holds,
            clock=clock,
            sleep=sleep,
        )
        self._permission = Permission(
            parts.gate,
            parts.holds,
            parts.callees,
            self._line,
            rules=parts.rules,
            patience_s=patience_s,
            clock=clock,
        )
        self._start = Start(parts.launcher, parts.admission, parts.owners, clock=clock)

    def on_launched(self, told: Callable[[str, Launched], None]) -> None:
        """Have `told` called with the call's id when this process has started a bot for it."""
        self._start.launched = told

    def wake(self) -> None:
        """A slot may be free: ask for those who wait in this process."""
        self._line.wake()

    async def place(self, call_id: str, attempt: int, turn: int) -> Again | None:
        """See to an attempt; None when the queue has nothing more to do for it. Raises nothing."""
        with call_context(call_id):
            try:
                return await self._place(call_id, attempt, turn)
            except FrontdeskError as error:
                logger.warning("the call could not be placed now: {}", error.code)
            except Exception as error:  # noqa: BLE001 - a call must not get lost, whatever is wrong
                logger.error("the call could not be placed now: {}", type(error).__name__)
        return Again(self._clock() + _TROUBLE_S)

    async def _place(self, call_id: str, attempt: int, turn: int) -> Again | None:
        known = await self._ledger.load(call_id)
        if known is None:
            hope = self._ledger.awaits(call_id) or turn < _UNKNOWN_TURNS
            return Again(self._clock() + _SOON_S) if hope else None
        opened = known.state.find(attempt)
        if opened is not None and opened.opened_at is not None:
            return await self._start.inherit(known.state, opened)
        waiting = self._waiting(known, attempt)
        if waiting is None or waiting.at > self._clock():
            await self._admission.give_back(call_id, attempt)
            return None if waiting is None else Again(waiting.at)
        return await self._see_to(known, attempt, turn)

    def _waiting(self, known: LedgerCall, attempt: int) -> Waiting | None:
        """What the call waits for, if that is this attempt and there is time left for it."""
        state, plan = known.state, known.state.plan
        if plan is None or state.hang_up is not None or plan.latest_at <= self._clock():
            return None
        return state.waiting if state.waits_for(attempt) else None

    async def _see_to(self, known: LedgerCall, attempt: int, turn: int) -> Again | None:
        mine = self._turn(known, attempt, turn)
        if isinstance(mine, No):
            await self._block(known.call.id, attempt, mine)
            return None
        answer = await self._permission.ask(mine)
        if isinstance(answer, Yes):
            return await self._start.dial(mine)
        if isinstance(answer, No):
            await self._block(known.call.id, attempt, answer)
            return None
        return await self._put_off(mine, answer)

    def _turn(self, known: LedgerCall, attempt: int, turn: int) -> Turn | No:
        call, plan = known.call, known.state.plan
        if plan is None:
            return No(EndedReason.BOT_START_FAILED, "no_plan")
        try:
            organization = self._organizations.by_id(call.organization_id)
            launch = Call.resumed(call, organization, self._books.installation)
        except (UnknownOrganizationError, UnknownWorkflowError) as error:
            return No(EndedReason.BOT_START_FAILED, error.code)
        except ValidationError:
            return No(EndedReason.BOT_START_FAILED, "erased")
        return Turn(call=call, plan=plan, launch=launch, attempt=attempt, turn=turn)

    async def _block(self, call_id: str, attempt: int, no: No) -> None:
        await self._admission.give_back(call_id, attempt)
        fact = queue_facts.blocked(
            call_id,
            attempt,
            self._clock(),
            reason=no.reason,
            detail=no.detail or "",
            next_allowed_at=no.next_allowed_at,
        )
        await self._ledger.record(fact)

    async def _put_off(self, turn: Turn, later: Later) -> Again | None:
        """Back into the queue; a refusal is written down, trouble of ours is not worth a record."""
        await self._admission.give_back(turn.call.id, turn.attempt)
        if later.reason not in _REASONS:
            return Again(later.at)
        call_id, attempt = turn.call.id, turn.attempt
        recorded = await self._ledger.record(
            queue_facts.rescheduled(
                call_id, attempt, turn.turn, self._clock(), until=later.at, why=later.reason
            )
        )
        state = recorded.states.get(call_id)
        if state is None:
            return Again(later.at)
        return Again(state.waiting.at) if state.waiting and state.waits_for(attempt) else None
