"""When the clock must do something about a call. None: not as things stand.

`up_since` is since when this gateway takes reports: what was said before may still be on its way.
"""

from frontdesk.calls import evidence
from frontdesk.calls.orders import Patience
from frontdesk.calls.state import Attempt, CallState


def hang_up_call_at(state: CallState, up_since: float, patience: Patience) -> float | None:
    """When the gateway hangs up a call that is longer than any may be."""
    if state.hang_up is not None:
        return None
    return max(_longest_end(state, patience), up_since + patience.lease_s)


def expiry_at(state: CallState, up_since: float, patience: Patience) -> float:
    """When the rooms of a call have certainly expired, with everybody in them ejected."""
    end = _latest_begin(state, patience) + state.max_duration_s + patience.slack_s + patience.expiry_s
    return max(end, up_since + patience.lease_s)


def end_call_at(state: CallState, up_since: float, patience: Patience) -> float | None:
    """When a call that still is open ends, as far as its attempts go; 0 for at once."""
    done = [attempt for attempt in state.attempts if attempt.over is not None]
    if len(done) == len(state.attempts):
        find = _end_after_all_at if done else _end_without_attempt_at
        return min(find(state, up_since, patience), expiry_at(state, up_since, patience))
    talked = [attempt for attempt in done if evidence.answered_at(attempt) is not None]
    if not talked or state.direction == "outbound":
        return None
    return _last_word(talked, up_since) + patience.settle_s


def judge_at(state: CallState, attempt: Attempt, up_since: float, patience: Patience) -> float | None:
    """When an attempt that shows signs of its end is taken as ended, the bot saying nothing."""
    since = max(attempt.stirred_at or 0.0, up_since)
    if evidence.away(attempt) and attempt.closed_at is None:
        wait_s = _transfer_wait_s(attempt, patience)
        return None if wait_s is None else since + wait_s
    if evidence.closed_at(attempt) is not None:
        hung_up = attempt.closed_at is not None and state.hang_up_of(attempt.number) is not None
        return since + (patience.confirm_s if hung_up else patience.settle_s)
    if attempt.launch_failed is not None and not evidence.shows_life(attempt):
        return since + patience.settle_s
    return None


def hang_up_at(state: CallState, attempt: Attempt, up_since: float, patience: Patience) -> float | None:
    """When the gateway hangs up on a line whose bot is gone, or never came."""
    if not _watched(state, attempt):
        return None
    due: list[float] = []
    if evidence.bot_left_at(attempt) is not None:
        due.append(max(attempt.stirred_at or 0.0, attempt.heard_at or 0.0, up_since) + patience.settle_s)
    if attempt.presence is not None and _found_gone(state, attempt, up_since, patience):
        due.append(attempt.presence.at)
    return min(due, default=None)


def ask_at(state: CallState, attempt: Attempt, up_since: float, patience: Patience) -> float | None:
    """When Daily is asked whether the bot is there."""
    if not _watched(state, attempt) or _found_gone(state, attempt, up_since, patience):
        return None
    return max(lease_until(state, attempt, up_since, patience), attempt.ask.next_at)


def lease_until(state: CallState, attempt: Attempt, up_since: float, patience: Patience) -> float:
    """Until when the silence of a bot means nothing."""
    if not evidence.shows_life(attempt):
        begun_at = attempt.bot_started_at or attempt.opened_at or state.created_at
        return max(begun_at + patience.join_s, up_since + patience.lease_s)
    seen_at = max(
        (leg.started_at or leg.ended_at or 0.0 for leg in attempt.legs if leg.kind == "bot"), default=0.0
    )
    return max(attempt.heard_at or 0.0, seen_at, _vouched_at(attempt), up_since) + patience.lease_s


def close_at(state: CallState, attempt: Attempt, patience: Patience) -> float | None:
    """When the room of an attempt is to be closed; tried without end while somebody may be on the line."""
    if attempt.closed_at is not None:
        return None
    if attempt.over is None:
        return attempt.close.next_at if state.hang_up_of(attempt.number) else None
    return attempt.close.next_at if attempt.close.count < patience.close_tries else None


def _watched(state: CallState, attempt: Attempt) -> bool:
    """Whether the attempt has a bot on whose word the call depends, and no end in sight."""
    if attempt.over is not None or state.hang_up_of(attempt.number) is not None:
        return False
    if evidence.closed_at(attempt) is not None:
        return False
    return attempt.bot_end is None


def _found_gone(state: CallState, attempt: Attempt, up_since: float, patience: Patience) -> bool:
    """Whether Daily, asked after the lease had run out, found no bot."""
    presence = attempt.presence
    if presence is None or presence.bot:
        return False
    return presence.at >= lease_until(state, attempt, up_since, patience)


def _vouched_at(attempt: Attempt) -> float:
    """When Daily last said that all was well: the bot in the room, or its caller handed over."""
    presence = attempt.presence
    if presence is None:
        return 0.0
    well = presence.bot or (evidence.away(attempt) and presence.phones == 0)
    return presence.at if well else 0.0


def _transfer_wait_s(attempt: Attempt, patience: Patience) -> float | None:
    gone = evidence.closed_at(attempt) is not None
    if attempt.bot_end is None and not gone:
        return None
    if evidence.COMPLETED in attempt.milestones:
        return patience.settle_s
    if not evidence.handed_over_openly(attempt):
        return patience.settle_s if gone else None
    return None if evidence.handed_over_answered(attempt) else patience.transfer_s


def _end_without_attempt_at(state: CallState, up_since: float, patience: Patience) -> float:
    if state.failed is not None and state.failed.final:
        return 0.0
    if state.hang_up is not None:
        return max(state.hang_up.at, up_since) + patience.confirm_s
    return max(state.created_at + patience.join_s, up_since + patience.lease_s)


def _end_after_all_at(state: CallState, up_since: float, patience: Patience) -> float:
    failure = state.attempts[-1].launch_failed
    another = failure is not None and not failure.final and state.failed is None and state.hang_up is None
    if failure is not None and another and not evidence.shows_life(state.attempts[-1]):
        return max(failure.at + patience.join_s, up_since + patience.lease_s)
    rivals = [one for one in state.attempts if one.launch_failed is None or evidence.shows_life(one)]
    unheard_of = state.attempt - len(state.attempts)
    return _last_word(rivals, up_since) + patience.settle_s if len(rivals) + unheard_of > 1 else 0.0


def _last_word(attempts: list[Attempt], up_since: float) -> float:
    return max(up_since, *(max(one.heard_at or 0.0, one.stirred_at or 0.0) for one in attempts))


def _longest_end(state: CallState, patience: Patience) -> float:
    begun_at = state.answered_at or _latest_begin(state, patience)
    return begun_at + state.max_duration_s + patience.slack_s


def _latest_begin(state: CallState, patience: Patience) -> float:
    opened_at = max((one.opened_at or 0.0 for one in state.attempts), default=0.0)
    return max(state.created_at, opened_at) + patience.join_s + state.ringing_s
