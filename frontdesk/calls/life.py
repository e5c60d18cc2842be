"""The life of a call, as pure functions: what follows from a new call, from a fact, and from the clock.

Facts may arrive in any order and more than once: the record is the same. What the bot says of its end holds
at once; what Daily and silence say of it holds when the bot had time to tell its own account. Nothing
follows the end: state, reason and the time of the end stay, while times, dials and legs of facts that
arrive late are still filled in. What counts in the order of the ledger is listed in `life_plan`.
"""

from collections.abc import Callable

from frontdesk.calls import (
    evidence,
    life_bot,
    life_clock,
    life_daily,
    life_gateway,
    life_plan,
    telling,
    verdicts,
)
from frontdesk.calls.changing import changed
from frontdesk.calls.evidence import answered_at, ringing_at
from frontdesk.calls.life_clock import due_at, end_of_call, with_attempt
from frontdesk.calls.merging import earliest
from frontdesk.calls.models import BotFact, Fact, GatewayFact, NewCall, Source
from frontdesk.calls.orders import AskPresence, CloseLine, Order, Patience, Step, Told
from frontdesk.calls.plan import Plan
from frontdesk.calls.state import Attempt, CallState, End
from frontdesk.ended import EndedReason

__all__ = [
    "AskPresence",
    "CallState",
    "CloseLine",
    "Order",
    "Patience",
    "Step",
    "Told",
    "advance",
    "answered_at",
    "opened",
    "ringing_at",
    "tick",
]

_DEFAULT_MAX_DURATION_S = 3600.0
_BETWEEN_DIALS_S = 30.0
"""What a dial costs besides ringing. Some cost more, but none that follows another one that rang."""
_FOLDS = {Source.GATEWAY: life_gateway.fold, Source.BOT: life_bot.fold, Source.DAILY: life_daily.fold}


def opened(call: NewCall, patience: Patience) -> Step:
    """A call as it was accepted; tells `call.started`."""
    state = CallState(
        id=call.id,
        direction=call.direction,
        created_at=call.created_at,
        max_duration_s=_number(call, "max_duration_s", _DEFAULT_MAX_DURATION_S),
        ringing_s=_ringing_s(call),
        plan=Plan.from_json(call.plan) if call.plan else None,
        sequence=1,
        published=(telling.STARTED,),
    )
    told = Told(telling.STARTED, 1, 0, is_last_attempt=False, at=call.created_at)
    return Step(_scheduled(life_plan.settled(state, patience), 0.0, patience), (told,))


def advance(state: CallState, fact: Fact, received_at: float, patience: Patience) -> Step:
    """Fold one fact into a call; ends it at once when the fact says so beyond doubt.

    Orders come from `tick` alone, which `due_at` calls for.
    """
    state = _folded(state, fact, received_at)
    if state.ended:
        return Step(_scheduled(state, 0.0, patience))
    state = life_plan.settled(_certain(state, fact.attempt), patience)
    # The clock stands still here: only what is due at once, whatever the time, may end the call.
    state, told = _tell(state, end_of_call(state, 0.0, 0.0, patience))
    return Step(_scheduled(state, 0.0, patience), told)


def tick(state: CallState, now: float, up_since: float, patience: Patience) -> Step:
    """What the clock says: may end the call, may give orders; `due_at` is later than `now` or None.

    Args:
        state: Of the call.
        now: UTC seconds.
        patience: How long to wait for what.
        up_since: Since when this gateway takes reports; a bot's silence before that means nothing.
    """
    told: tuple[Told, ...] = ()
    if not state.ended:
        state = life_plan.settled(life_clock.judged(state, now, up_since, patience), patience)
        state = life_plan.looked_at(state, now)
        state, told = _tell(state, end_of_call(state, now, up_since, patience))
    state, orders = life_clock.ordered(state, now, up_since, patience)
    return Step(_scheduled(state, up_since, patience), told, orders)


def _folded(state: CallState, fact: Fact, received_at: float) -> CallState:
    if fact.type == GatewayFact.HANG_UP and fact.source is Source.GATEWAY:
        return state if state.ended else changed(state, hang_up=life_gateway.hang_up_of(fact, state.hang_up))
    if fact.attempt < 1:
        return _folded_into_call(state, fact)
    known = state.find(fact.attempt)
    attempt = _folded_into_attempt(state, known, fact, received_at)
    if attempt is known:
        return state
    state = with_attempt(state, attempt)
    attempts = _that_tell(state)
    return changed(
        state,
        state=state.state if state.ended else evidence.further(state.state, evidence.stage(attempt)),
        answered_at=_first(attempts, answered_at),
        first_word_at=_first(attempts, lambda one: one.milestones.get(BotFact.FIRST_WORD)),
    )


def _folded_into_attempt(state: CallState, known: Attempt | None, fact: Fact, received_at: float) -> Attempt:
    attempt = _FOLDS[fact.source](known or Attempt(fact.attempt), fact, received_at)
    if fact.type == BotFact.CLAIMED and fact.source is Source.BOT:
        attempt = life_plan.claimed(state, attempt, fact)
    if fact.type == GatewayFact.ATTEMPT_OPENED and known is None:
        attempt = life_plan.opened(state, attempt, fact)
    return changed(attempt, over=_end_of(state)) if state.ended and attempt.over is None else attempt


def _that_tell(state: CallState) -> tuple[Attempt, ...]:
    """The attempts whose answer and first word are the call's: with a plan, the last that was answered."""
    if state.plan is None:
        return state.attempts
    return tuple(one for one in state.attempts if answered_at(one) is not None)[-1:]


def _folded_into_call(state: CallState, fact: Fact) -> CallState:
    if fact.type == GatewayFact.LAUNCH_FAILED and fact.source is Source.GATEWAY:
        return changed(state, failed=life_gateway.failure_of(fact, state.failed))
    planned = state.plan is not None and not state.ended and fact.source is Source.GATEWAY
    return life_plan.folded(state, fact) if planned else state


def _first(attempts: tuple[Attempt, ...], find: Callable[[Attempt], float | None]) -> float | None:
    first: float | None = None
    for attempt in attempts:
        first = earliest(first, find(attempt))
    return first


def _end_of(state: CallState) -> End:
    return End(state.ended_at or 0.0, state.ended_reason or EndedReason.LOST, state.ended_by or "")


def _certain(state: CallState, number: int) -> CallState:
    attempt = state.find(number)
    if attempt is None or attempt.over is not None:
        return state
    end = verdicts.certain_end(state, attempt)
    return state if end is None else with_attempt(state, changed(attempt, over=end))


def _tell(state: CallState, end: End | None) -> tuple[CallState, tuple[Told, ...]]:
    """The call, which may have ended, with what the CRM is told of it."""
    return telling.tell(state) if end is None else telling.tell_end(verdicts.of_call(state, end))


def _scheduled(state: CallState, up_since: float, patience: Patience) -> CallState:
    return changed(state, due_at=due_at(state, up_since, patience))


def _ringing_s(call: NewCall) -> float:
    """Longest time that the phones of a call out may ring, in seconds."""
    if call.direction == "inbound":
        return 0.0
    dials, ring_s = _number(call, "dial_attempts", 5), _number(call, "ring_timeout_s", 45)
    return dials * (ring_s + _BETWEEN_DIALS_S)


def _number(call: NewCall, name: str, default: float) -> float:
    value = call.limits.get(name)
    return float(value) if isinstance(value, int | float) else default
