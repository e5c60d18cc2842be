"""Whether a call out is tried again, and when: one policy, as pure functions of what is known of it.

What rang, or may have rung, is tried again only after an outcome that the plan names, and never after
somebody was on the line or when nobody can tell. A bot that never came to dial is launched again by itself.
"""

from dataclasses import dataclass
from itertools import takewhile

from frontdesk.calls import evidence
from frontdesk.calls.plan import Plan, RetryOn
from frontdesk.calls.state import Attempt, CallState, End
from frontdesk.ended import EndedReason

MOST_LAUNCHES = 8
"""How often in a row a bot is launched again that never came to dial."""
LONGEST_PAUSE_S = 60.0
"""Longest pause before a bot is launched again, in seconds; the pauses double from one."""
FULL_PAUSE_S = 30.0
"""The same while everything is full; the pauses double from two."""
LONG_FULL_PAUSE_S = 300.0
"""Once everything was full for `LONG_FULL` times in a row: a call must not fill the books with its tries."""
LONG_FULL = 10
SCHEDULED, QUEUED = "scheduled", "queued"
GATEWAY_LOST = "gateway_lost"
"""Code of a launch whose gateway died."""
NOT_WAITED_FOR = "not_waited_for"
"""Detail of an attempt that was opened though the call did not wait for it; it does not count."""
Tried = list[tuple[Attempt, End]]
_MACHINES = frozenset({EndedReason.VOICEMAIL_NO_MESSAGE, EndedReason.CALL_SCREENED})
_OUTCOMES = {
    EndedReason.BUSY: RetryOn.BUSY,
    EndedReason.NO_ANSWER: RetryOn.NO_ANSWER,
    EndedReason.BUSY_OR_NO_ANSWER: RetryOn.NO_ANSWER,
    EndedReason.VOICEMAIL_NO_MESSAGE: RetryOn.VOICEMAIL,
    EndedReason.CALL_SCREENED: RetryOn.VOICEMAIL,
    EndedReason.CARRIER_UNAVAILABLE: RetryOn.FAILED,
    EndedReason.SERVICE_FAILED: RetryOn.FAILED,
    EndedReason.BOT_CRASHED: RetryOn.FAILED,
    EndedReason.BOT_START_FAILED: RetryOn.FAILED,
}
_WITHOUT_A_WORD_OF_THE_PHONE = frozenset(
    {EndedReason.SERVICE_FAILED, EndedReason.BOT_CRASHED, EndedReason.BOT_START_FAILED}
)
"""What does not tell what became of a phone that was dialed: somebody may have been about to pick up."""
_NEVER_CAME = frozenset(
    {
        EndedReason.BOT_START_FAILED,
        EndedReason.BOT_CRASHED,
        EndedReason.SERVICE_FAILED,
        EndedReason.LOST,
        EndedReason.CANCELED,  # by the bot's host
        # Of a bot that was about to dial: what holds by then, the gate says of the next attempt.
        EndedReason.BLOCKED_QUIET_HOURS,
        EndedReason.BLOCKED_DO_NOT_CALL,
        EndedReason.BLOCKED_CONSENT,
        EndedReason.BLOCKED_CLOSED,
        EndedReason.BLOCKED_TIMEZONE,
    }
)
_NEVER_BEGAN = frozenset({EndedReason.BOT_START_FAILED, EndedReason.CANCELED})


@dataclass(frozen=True, slots=True)
class Next:
    """An attempt that is to follow: its number, when it may begin (UTC seconds), and why it is needed."""

    attempt: int
    at: float
    why: str


def next_attempt(state: CallState) -> Next | None:
    """The attempt that the plan wants now; None while one goes on, without a plan, and when none may follow.

    Whether the call was called off since the last one, or its time is up, is not asked here.
    """
    plan = state.plan
    if plan is None or any(attempt.over is None for attempt in state.attempts):
        return None
    if any(person_on_the_line(attempt) for attempt in state.attempts):
        return None
    tried = [
        (attempt, attempt.over) for attempt in state.attempts if attempt.over and _was_wanted(attempt.over)
    ]
    if not tried:
        why = SCHEDULED if plan.earliest_at > state.created_at else QUEUED
        return Next(state.attempt + 1, plan.earliest_at, why)
    if _called_off(state, tried[-1][1]):
        return None
    at = _again_at(tried, plan)
    if at is None or at > plan.latest_at:
        return None
    return Next(state.attempt + 1, at, tried[-1][1].reason.value)


def may_follow(state: CallState, attempt: Attempt) -> bool:
    """Whether another attempt may follow one with a plan, by what is known of it so far."""
    if attempt.number < state.attempt or attempt.over is not None:
        return attempt.number < state.attempt or state.waiting is not None
    if state.plan is None or state.hang_up is not None:
        return False
    wanted = set(state.plan.retry_on)
    if evidence.answered_at(attempt) is not None:
        wanted &= {RetryOn.VOICEMAIL}
    earlier = sum(not _in_vain(one) for one in state.attempts if one.number < attempt.number)
    return bool(wanted) and earlier + 1 < state.plan.max_attempts


def person_on_the_line(attempt: Attempt) -> bool:
    """Whether somebody picked up who, as far as anybody tells, was no machine."""
    machine = attempt.over is not None and attempt.over.reason in _MACHINES
    return evidence.answered_at(attempt) is not None and not machine


def _in_vain(attempt: Attempt) -> bool:
    """Whether a bot never came to dial: not allowed to, not able to join, or stopped by its host."""
    never_began = attempt.bot_end is not None and attempt.bot_end.reason in _NEVER_BEGAN
    return not evidence.reached(attempt) or (never_began and not evidence.dialed(attempt))


def _called_off(state: CallState, over: End) -> bool:
    """Whether an attempt was ended by whoever called the call off, and not by its bot's host before that."""
    hang_up = state.hang_up
    return over.reason is EndedReason.CANCELED and hang_up is not None and hang_up.at <= over.at


def _was_wanted(over: End) -> bool:
    return over.detail != NOT_WAITED_FOR


def _again_at(tried: Tried, plan: Plan) -> float | None:
    last, over = tried[-1]
    if any(end.reason is EndedReason.OUTCOME_UNKNOWN for _, end in tried):
        return None
    pause_s = _launch_s(tried) if _in_vain(last) else _redial_s(tried, plan)
    return None if pause_s is None else over.at + pause_s


def _redial_s(tried: Tried, plan: Plan) -> float | None:
    """Seconds until a phone that was, or may have been, dialed is dialed again."""
    last, over = tried[-1]
    outcome = _OUTCOMES.get(over.reason)
    counted = sum(not _in_vain(attempt) for attempt, _ in tried)
    if outcome not in plan.retry_on or counted >= plan.max_attempts:
        return None
    if over.reason in _WITHOUT_A_WORD_OF_THE_PHONE and evidence.dialed(last):
        return None
    return plan.delay_s(counted)


def _launch_s(tried: Tried) -> float | None:
    """Seconds until another bot is launched for one that never came to dial."""
    last, over = tried[-1]
    failure = last.launch_failed
    if failure is not None and failure.final and failure.reason is over.reason:
        return None
    asked_s = failure.retry_after_s if failure else 0.0
    in_vain = [end for _, end in takewhile(lambda one: _in_vain(one[0]), reversed(tried))]
    full = sum(end.reason is EndedReason.CAPACITY for end in in_vain)
    if over.reason is EndedReason.CAPACITY:
        return max(asked_s, _full_s(full))
    launches = len(in_vain) - full
    if over.reason not in _NEVER_CAME or launches > MOST_LAUNCHES:
        return None
    lost = failure is not None and failure.code == GATEWAY_LOST
    return 0.0 if lost else max(asked_s, min(2.0 ** (launches - 1), LONGEST_PAUSE_S))


def _full_s(times: int) -> float:
    return LONG_FULL_PAUSE_S if times > LONG_FULL else min(2.0**times, FULL_PAUSE_S)
