"""Which events the CRM is told, once each, in the order of the call; `call.ended` is the last."""

from typing import Final

from frontdesk.calls import evidence, retries
from frontdesk.calls.changing import changed
from frontdesk.calls.models import Data, State
from frontdesk.calls.orders import Told
from frontdesk.calls.state import Attempt, CallState, End, Waiting
from frontdesk.ended import EndedReason

STARTED: Final = "call.started"
RINGING: Final = "call.ringing"
ANSWERED: Final = "call.answered"
ATTEMPT_ENDED: Final = "call.attempt.ended"
RESCHEDULED: Final = "call.rescheduled"
ENDED: Final = "call.ended"


def retry_follows(state: CallState, attempt: Attempt) -> bool:
    """Whether another attempt may follow this one; without a plan only the launch says so."""
    if state.plan is not None:
        return retries.may_follow(state, attempt)
    failure = attempt.launch_failed
    launched_again = failure is not None and not failure.final and state.hang_up is None
    return attempt.number < state.attempt or launched_again


def tell(state: CallState) -> tuple[CallState, tuple[Told, ...]]:
    """What the CRM does not know yet of a call that is not over."""
    told: list[Told] = []
    for attempt in state.attempts:
        state = _tell_attempt(state, attempt, told)
    return _tell_waiting(state, told), tuple(told)


def tell_end(state: CallState) -> tuple[CallState, tuple[Told, ...]]:
    """The last events of a call that has just ended; after them the call is over."""
    state, told = tell(state)
    end = End(
        state.ended_at or 0.0,
        state.ended_reason or EndedReason.LOST,
        state.ended_by or "",
        state.ended_detail or "",
    )
    last: list[Told] = []
    data = _data(end)
    if state.blocked is not None and state.blocked.reason is end.reason:
        data |= {"next_allowed_at": state.blocked.next_allowed_at}
    _say(state, last, ENDED, state.attempt, end.at, is_last=True, data=data)
    ended = changed(
        state, state=State.ENDED, sequence=state.sequence + 1, published=(*state.published, ENDED)
    )
    return ended, (*told, *last)


def _tell_attempt(state: CallState, attempt: Attempt, told: list[Told]) -> CallState:
    number, answered_at = attempt.number, evidence.answered_at(attempt)
    ringing_at = evidence.ringing_at(attempt) if state.direction == "outbound" else None
    is_last = not retry_follows(state, attempt)
    known = state.published
    if ringing_at is not None and f"{ANSWERED}/{number}" not in known:
        state = _once(state, told, RINGING, number, ringing_at, is_last=is_last)
    if answered_at is not None:
        state = _once(state, told, ANSWERED, number, answered_at, is_last=is_last)
    if attempt.over is not None:
        over = attempt.over
        state = _once(state, told, ATTEMPT_ENDED, number, over.at, is_last=is_last, data=_data(over))
    return state


def _tell_waiting(state: CallState, told: list[Told]) -> CallState:
    """A call that waits for another attempt, or longer than it was to, says so once for each."""
    waiting = state.waiting
    if waiting is None or (waiting.attempt, waiting.turn) == (1, 0):
        return state
    name = f"{RESCHEDULED}/{waiting.attempt}.{waiting.turn}"
    if name in state.published:
        return state
    data: Data = {"waiting_for": waiting.why, "next_attempt_at": waiting.at}
    _say(state, told, RESCHEDULED, waiting.attempt, _said_at(state, waiting), is_last=False, data=data)
    return changed(state, sequence=state.sequence + 1, published=(*state.published, name))


def _said_at(state: CallState, waiting: Waiting) -> float:
    if waiting.turn > 0 and state.put_off is not None:
        return state.put_off.said_at
    over = state.attempts[-1].over if state.attempts else None
    return over.at if over else waiting.at


def _once(
    state: CallState,
    told: list[Told],
    kind: str,
    number: int,
    at: float,
    *,
    is_last: bool,
    data: Data | None = None,
) -> CallState:
    name = f"{kind}/{number}"
    if name in state.published or f"{ATTEMPT_ENDED}/{number}" in state.published:
        return state
    _say(state, told, kind, number, at, is_last=is_last, data=data or {})
    return changed(state, sequence=state.sequence + 1, published=(*state.published, name))


def _say(
    state: CallState, told: list[Told], kind: str, number: int, at: float, *, is_last: bool, data: Data
) -> None:
    told.append(Told(kind, state.sequence + 1, number, is_last, at, data))


def _data(end: End) -> Data:
    return {
        "reason": end.reason.value,
        "ended_by": str(end.by),
        "retryable": end.reason.retryable,
        "detail": end.detail or None,
        "ended_at": end.at,
    }
