"""What the clock does to a call: it judges, hangs up, asks and orders, each when its time has come."""

from collections.abc import Iterator

from frontdesk.calls import deadlines, evidence, life_plan, verdicts
from frontdesk.calls.changing import changed
from frontdesk.calls.deadlines import Outlook
from frontdesk.calls.orders import AskPresence, CloseLine, Order, Patience
from frontdesk.calls.state import Attempt, CallState, End, HangUp, Tries
from frontdesk.ended import EndedReason

_MAY_RING_ON = frozenset({EndedReason.OUTCOME_UNKNOWN, EndedReason.LOST, EndedReason.CANCELED})
"""Of a bot that left and could not tell, or did not wait, whether the phone fell silent."""
_MOST_DOUBLED = 32
"""A float overflows after a thousand doublings: an order may be given for days."""


def with_attempt(state: CallState, attempt: Attempt) -> CallState:
    """The call with a new or changed attempt."""
    others = (one for one in state.attempts if one.number != attempt.number)
    return changed(state, attempts=tuple(sorted((*others, attempt), key=lambda one: one.number)))


def end_of_call(state: CallState, now: float, up_since: float, patience: Patience) -> End | None:
    """How the call ended, if its time has come."""
    if state.plan is not None:
        return life_plan.end(state, now)
    due_at = deadlines.end_call_at(state, up_since, patience)
    if due_at is None or due_at > now:
        return None
    if state.attempts:
        return verdicts.furthest(state.attempts).over
    failed = state.failed
    if failed is not None and failed.final:
        return verdicts.called_off(state, failed.at, failed.reason, failed.code)
    return verdicts.called_off(state, now, EndedReason.BOT_START_FAILED)


def judged(state: CallState, now: float, up_since: float, patience: Patience) -> CallState:
    """The attempts that must be taken as ended are, and those without a bot are hung up."""
    hang_up_at = deadlines.hang_up_call_at(state, up_since, patience)
    if hang_up_at is not None and hang_up_at <= now:
        state = changed(state, hang_up=HangUp(now, EndedReason.MAX_DURATION))
    expired = deadlines.expiry_at(state, up_since, patience) <= now
    for attempt in state.attempts:
        if attempt.over is None:
            state = _judge(state, attempt, now, up_since, patience, expired=expired)
    return state


def _judge(
    state: CallState, attempt: Attempt, now: float, up_since: float, patience: Patience, *, expired: bool
) -> CallState:
    outlook = Outlook.of(state, attempt, up_since, patience)
    judge_at = outlook.judge_at()
    if judge_at is not None and judge_at <= now:
        return with_attempt(state, changed(attempt, over=verdicts.judged_end(state, attempt, now, patience)))
    if expired:
        return with_attempt(state, changed(attempt, over=verdicts.expired_end(state, attempt, now, patience)))
    hang_up_at = outlook.hang_up_at()
    if hang_up_at is not None and hang_up_at <= now:
        return with_attempt(state, changed(attempt, hang_up=verdicts.crashed(state, attempt, now)))
    return state


def ordered(
    state: CallState, now: float, up_since: float, patience: Patience
) -> tuple[CallState, tuple[Order, ...]]:
    """What is to be done now, noted so that it is ordered again later if nothing comes of it."""
    orders: list[Order] = []
    for attempt in state.attempts:
        outlook = Outlook.of(state, attempt, up_since, patience)
        close_at = outlook.close_at()
        if close_at is not None and close_at <= now:
            orders.append(_close(state, attempt))
            state = with_attempt(state, changed(attempt, close=_tried(attempt.close, now, patience)))
            continue
        ask_at = None if state.ended else outlook.ask_at()
        if ask_at is not None and ask_at <= now:
            orders.append(AskPresence(attempt.number, attempt.room))
            state = with_attempt(state, changed(attempt, ask=_tried(attempt.ask, now, patience)))
    enqueue = life_plan.order(state, now)
    if enqueue is not None and state.waiting is not None:
        orders.append(enqueue)
        tried = _tried(state.waiting.order, now, patience)
        state = changed(state, waiting=changed(state.waiting, order=tried))
    return state, tuple(orders)


def due_at(state: CallState, up_since: float, patience: Patience) -> float | None:
    """When the clock must look at the call again."""
    return min(_dues(state, up_since, patience), default=None)


def _dues(state: CallState, up_since: float, patience: Patience) -> Iterator[float]:
    for attempt in state.attempts:
        yield from Outlook.of(state, attempt, up_since, patience).dues(ended=state.ended)
    waits_until = life_plan.due_at(state)
    if waits_until is not None:
        yield waits_until
    elif not state.ended:
        yield deadlines.expiry_at(state, up_since, patience)
        yield from _call_dues(state, up_since, patience)


def _call_dues(state: CallState, up_since: float, patience: Patience) -> Iterator[float]:
    finds = (deadlines.hang_up_call_at, deadlines.end_call_at)
    for find in finds if state.plan is None else finds[:1]:
        due = find(state, up_since, patience)
        if due is not None:
            yield due


def _close(state: CallState, attempt: Attempt) -> CloseLine:
    hang_up = state.hang_up_of(attempt.number)
    why = attempt.over.reason if attempt.over else hang_up.why if hang_up else EndedReason.LOST
    left = attempt.bot_end is not None
    silent = left and attempt.over is not None and attempt.over.reason not in _MAY_RING_ON
    ringing = [leg for leg in evidence.phones(attempt) if leg.kind == "dialout" and leg.ended_at is None]
    return CloseLine(
        attempt=attempt.number,
        why=why,
        room=attempt.room,
        legs=() if silent else tuple(leg.session_id for leg in ringing),
        host=attempt.host,
        host_session_id=attempt.host_session_id,
        stop_bot=not left,
    )


def _tried(tries: Tries, now: float, patience: Patience) -> Tries:
    pause_s = min(patience.retry_s * 2.0 ** min(tries.count, _MOST_DOUBLED), patience.longest_retry_s)
    return Tries(tries.count + 1, now + pause_s)
