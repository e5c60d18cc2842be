"""Calls out with a plan: what they wait for between attempts, and how they end without one.

What a call waits for follows from its attempts and from what engine and gate said last. These count in the
order in which the ledger hears of them: which session claimed an attempt, whether it did before its launch
failed or a hang-up came, and whether an attempt was opened before the gate blocked it. What would have kept
an attempt from being made changes nothing once it is open, but that its bot may not dial after an answer.
"""

from frontdesk.calls import evidence, retries, verdicts
from frontdesk.calls.changing import changed
from frontdesk.calls.merging import number, reason_of, text
from frontdesk.calls.models import Fact, GatewayFact, State
from frontdesk.calls.orders import Enqueue, Patience
from frontdesk.calls.retries import Next
from frontdesk.calls.state import Attempt, Blocked, CallState, End, HangUp, PutOff, Tries, Waiting
from frontdesk.ended import EndedReason

_WAITS = frozenset({State.SCHEDULED, State.QUEUED, State.RESCHEDULED})


def folded(state: CallState, fact: Fact) -> CallState:
    """Note what engine and gate say of an attempt that waits; of two that differ, the later turn counts."""
    attempt = number(fact, "attempt")
    if attempt is None:
        return state
    turn = int(number(fact, "turn") or 0)
    if fact.type == GatewayFact.ENQUEUED:
        return changed(state, engine_has=max(state.engine_has, (int(attempt), turn)))
    if fact.type == GatewayFact.RESCHEDULED:
        return _put_off(state, fact, int(attempt), turn)
    if fact.type == GatewayFact.BLOCKED:
        return _blocked(state, fact, int(attempt))
    return state


def claimed(state: CallState, attempt: Attempt, fact: Fact) -> Attempt:
    """The attempt with its claim, if the session that asks is the first and the attempt may still dial.

    A bot that comes too late to dial in time is sent away.
    """
    session_id = text(fact, "session_id")
    others = [one for one in state.attempts if one.number != attempt.number]
    free = not attempt.claimed_by and attempt.over is None and state.hang_up_of(attempt.number) is None
    launched = state.plan is None or (attempt.opened_at is not None and attempt.launch_failed is None)
    if state.ended or not session_id or not free or not launched:
        return attempt
    if any(one.over is None or retries.person_on_the_line(one) for one in others):
        return attempt
    if state.plan is not None and state.plan.latest_at < fact.at:
        return changed(attempt, hang_up=HangUp(fact.at, EndedReason.EXPIRED))
    return changed(attempt, claimed_by=session_id)


def opened(state: CallState, attempt: Attempt, fact: Fact) -> Attempt:
    """An attempt that is new, as it is opened; one that the call does not wait for is over at once."""
    if state.plan is None or state.ended or state.waits_for(attempt.number):
        return attempt
    return changed(
        attempt, over=End(fact.at, EndedReason.LOST, EndedReason.LOST.ended_by, retries.NOT_WAITED_FOR)
    )


def settled(state: CallState, patience: Patience) -> CallState:
    """The call with what it waits for, and where it stands."""
    if state.plan is None or state.ended:
        return state
    following = retries.next_attempt(state)
    if following is None:
        latest = max(state.attempts, key=lambda one: one.number)
        return changed(state, waiting=None, state=evidence.stage(latest))
    waiting = _waiting(state, following, patience)
    return changed(state, waiting=waiting, state=_waits_as(state, waiting))


def looked_at(state: CallState, now: float) -> CallState:
    """The call, whose time may have come."""
    if state.waiting is None or state.waiting.at > now:
        return state
    return changed(state, state=State.QUEUED)


def end(state: CallState, now: float) -> End | None:
    """How a call with a plan ended, if it has."""
    waiting = state.waiting
    if waiting is None:
        done = [attempt for attempt in state.attempts if attempt.over is not None]
        return _last_end(state) if len(done) == len(state.attempts) else None
    if state.failed is not None and state.failed.final:
        return verdicts.called_off(state, state.failed.at, state.failed.reason, state.failed.code)
    if state.hang_up is not None:
        return verdicts.called_off(state, state.hang_up.at, state.hang_up.why)
    if state.blocked is not None and state.blocked.attempt == waiting.attempt:
        return verdicts.called_off(state, state.blocked.at, state.blocked.reason, state.blocked.detail)
    if state.plan is not None and state.plan.latest_at <= now:
        return verdicts.called_off(state, state.plan.latest_at, EndedReason.EXPIRED, waiting.why)
    return None


def due_at(state: CallState) -> float | None:
    """When the clock must look at a call that waits."""
    waiting, plan = state.waiting, state.plan
    if waiting is None or plan is None:
        return None
    due = plan.latest_at if state.state is State.QUEUED else min(waiting.at, plan.latest_at)
    return due if waiting.enqueued else min(due, waiting.order.next_at)


def order(state: CallState, now: float) -> Enqueue | None:
    """What the engine is to be asked, if it is not known to have what the call waits for."""
    waiting, plan = state.waiting, state.plan
    if waiting is None or plan is None or state.ended or waiting.enqueued or waiting.order.next_at > now:
        return None
    return Enqueue(waiting.attempt, waiting.turn, waiting.at, plan.urgent)


def _put_off(state: CallState, fact: Fact, attempt: int, turn: int) -> CallState:
    until = number(fact, "at")
    if until is None:
        return state
    said, known = PutOff(attempt, turn, until, text(fact, "why"), fact.at), state.put_off
    if known is not None:
        said = max(known, said, key=lambda one: (one.attempt, one.turn, one.said_at, one.at, one.why))
    return changed(state, put_off=said)


def _blocked(state: CallState, fact: Fact, attempt: int) -> CallState:
    said = Blocked(attempt, fact.at, reason_of(fact), text(fact, "detail"), number(fact, "next_allowed_at"))
    known = state.blocked
    if known is not None:
        said = max(known, said, key=lambda one: (one.attempt, -one.at, one.reason, one.detail))
    return changed(state, blocked=said)


def _waiting(state: CallState, following: Next, patience: Patience) -> Waiting:
    attempt, turn, at, why = following.attempt, 0, following.at, following.why
    put_off = state.put_off
    if put_off is not None and put_off.attempt == attempt:
        turn, at, why = put_off.turn, put_off.at, put_off.why
    known = state.waiting
    if known is not None and (known.attempt, known.turn) == (attempt, turn):
        tries = known.order
    else:
        tries = Tries(0, state.created_at + patience.enqueue_s if attempt == 1 else 0.0)
    enqueued = turn > 0 or state.engine_has >= (attempt, turn)
    return Waiting(attempt, at, why, turn, enqueued=enqueued, order=tries)


def _waits_as(state: CallState, waiting: Waiting) -> State:
    known = state.waiting
    if known is not None and state.state in _WAITS:
        same = (known.attempt, known.turn, known.at) == (waiting.attempt, waiting.turn, waiting.at)
        if same:
            return state.state
    if waiting.attempt > 1 or waiting.turn > 0:
        return State.RESCHEDULED
    return State.SCHEDULED if waiting.at > state.created_at else State.QUEUED


def _last_end(state: CallState) -> End | None:
    """The end of the attempt that had somebody on the line, or else of the last one."""
    talked = [attempt for attempt in state.attempts if retries.person_on_the_line(attempt)]
    return (talked or state.attempts)[-1].over
