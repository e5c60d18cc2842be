"""How an attempt and the call end: what is certain ends it at once, the rest when its time has come."""

from frontdesk.calls import evidence
from frontdesk.calls.changing import changed
from frontdesk.calls.orders import Patience
from frontdesk.calls.state import Attempt, CallState, End, HangUp, LaunchFailure
from frontdesk.ended import EndedBy, EndedReason

_SIDES = frozenset(EndedBy)


def certain_end(state: CallState, attempt: Attempt) -> End | None:
    """How an attempt ended, when a fact says so beyond doubt."""
    bot_end, hang_up = attempt.bot_end, state.hang_up_of(attempt.number)
    if bot_end is not None and bot_end.reason is not EndedReason.TRANSFERRED:
        return _end(state, hang_up, bot_end)
    completed_at = attempt.milestones.get(evidence.COMPLETED)
    if bot_end is not None and completed_at is not None:
        return _end(state, hang_up, changed(bot_end, at=completed_at))
    failed = attempt.launch_failed
    if failed is not None and bot_end is None and _launched_in_vain(state, attempt, failed):
        return _end(state, hang_up, End(failed.at, failed.reason, detail=failed.code))
    return None


def _launched_in_vain(state: CallState, attempt: Attempt, failed: LaunchFailure) -> bool:
    """Whether a launch that failed is the end of its attempt: by a plan, unless its bot may dial already."""
    if state.plan is not None:
        return not attempt.claimed_by
    return not failed.ambiguous and not evidence.shows_life(attempt)


def judged_end(state: CallState, attempt: Attempt, now: float, patience: Patience) -> End:
    """How an attempt ended, by all that is known; `now` where nothing tells when."""
    at = _ended_at(attempt, now)
    hang_up = state.hang_up_of(attempt.number)
    if hang_up is not None and hang_up.at - patience.skew_s <= at:
        return _end(state, hang_up, End(at, hang_up.why), certain=True)
    reason, detail = _judged_reason(state, attempt)
    return _end(state, None, End(at, reason, detail=detail))


def expired_end(state: CallState, attempt: Attempt, now: float, patience: Patience) -> End:
    """How an attempt ended of which nobody told anything until its room had expired."""
    if evidence.closed_at(attempt) is not None:
        return judged_end(state, attempt, now, patience)
    hang_up = state.hang_up_of(attempt.number)
    decided = hang_up is not None and hang_up.why is not EndedReason.MAX_DURATION
    unknown = state.plan is not None and evidence.outcome_unknown(attempt)
    lost = EndedReason.OUTCOME_UNKNOWN if unknown else EndedReason.LOST
    reason = hang_up.why if hang_up is not None and decided else lost
    return _end(state, hang_up if decided else None, End(now, reason, detail="unconfirmed"), certain=True)


def crashed(state: CallState, attempt: Attempt, now: float) -> HangUp:
    """The decision to hang up on a line that has no bot any more, or never had one."""
    return HangUp(now, _evident_reason(state, attempt))


def of_call(state: CallState, end: End) -> CallState:
    """The call with its end, for good; attempts that are still open end with it."""
    return changed(
        state,
        ended_at=end.at,
        ended_reason=end.reason,
        ended_by=end.by,
        ended_detail=end.detail or None,
        waiting=None,
        attempts=tuple(
            attempt if attempt.over else changed(attempt, over=End(end.at, end.reason, end.by))
            for attempt in state.attempts
        ),
    )


def called_off(state: CallState, at: float, reason: EndedReason, detail: str = "") -> End:
    """The end of a call that has no attempt to tell of it."""
    return _end(state, state.hang_up, End(at, reason, detail=detail))


def furthest(attempts: tuple[Attempt, ...]) -> Attempt:
    """The attempt, of those that ended, whose end is the call's."""
    over = (attempt for attempt in attempts if attempt.over is not None)
    return max(over, key=lambda one: (evidence.reach(one), one.over and one.over.at, one.number))


def _ended_at(attempt: Attempt, now: float) -> float:
    talks_elsewhere = evidence.away(attempt) and evidence.handed_over_answered(attempt)
    if talks_elsewhere:
        known = attempt.milestones.get(evidence.COMPLETED) or attempt.closed_at
    else:
        known = evidence.closed_at(attempt) or evidence.bot_left_at(attempt)
    if known is None and attempt.launch_failed is not None and not evidence.shows_life(attempt):
        return attempt.launch_failed.at
    return now if known is None else known


def _evident_reason(state: CallState, attempt: Attempt) -> EndedReason:
    """Why it ended; what may have rung and is not known to have come to nothing is not guessed at."""
    if state.plan is not None and evidence.outcome_unknown(attempt):
        return EndedReason.OUTCOME_UNKNOWN
    return evidence.evident_reason(attempt)


def _judged_reason(state: CallState, attempt: Attempt) -> tuple[EndedReason, str]:
    if evidence.away(attempt):
        unanswered = evidence.handed_over_openly(attempt) and not evidence.handed_over_answered(attempt)
        completed = evidence.COMPLETED in attempt.milestones
        failed = unanswered and not completed
        return (EndedReason.TRANSFER_FAILED if failed else EndedReason.TRANSFERRED), ""
    failure = attempt.launch_failed
    detail = attempt.ending.detail if attempt.ending else ""
    if failure is not None and not evidence.shows_life(attempt):
        detail = failure.code
    return _evident_reason(state, attempt), detail


def _end(state: CallState, hang_up: HangUp | None, end: End, *, certain: bool = False) -> End:
    """The end with its reason and side: a hang-up that came before it outweighs what it led to."""
    if hang_up is not None and (certain or hang_up.at <= end.at):
        by = hang_up.by if hang_up.by in _SIDES else _side(state, hang_up.why)
        return changed(end, reason=hang_up.why, by=by)
    return changed(end, by=_side(state, end.reason))


def _side(state: CallState, reason: EndedReason) -> str:
    side = reason.ended_by
    outbound = state.direction == "outbound"
    return EndedBy.CALLEE if side is EndedBy.CALLER and outbound else side
