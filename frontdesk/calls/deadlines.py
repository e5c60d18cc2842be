"""When the clock must do something about a call. None: not as things stand.

`up_since` is since when this gateway takes reports: what was said before may still be on its way.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from frontdesk.calls import evidence
from frontdesk.calls.orders import Patience
from frontdesk.calls.state import Attempt, CallState, HangUp


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the clock has to do about one attempt.

    `closed_at` is when nobody was on its line any more. `confirm_s` is how long the bot's word is waited for
    once the line that the gateway hung up is closed: a bot that may not dial says nothing.
    """

    attempt: Attempt
    patience: Patience
    up_since: float
    created_at: float
    hang_up: HangUp | None
    closed_at: float | None
    confirm_s: float

    @classmethod
    def of(cls, state: CallState, attempt: Attempt, up_since: float, patience: Patience) -> "Outlook":
        """How things stand for an attempt."""
        hang_up = state.hang_up_of(attempt.number)
        closed_at, silent = evidence.closed_at(attempt), state.plan is not None and not attempt.claimed_by
        confirm_s = 0.0 if silent else patience.confirm_s
        return cls(attempt, patience, up_since, state.created_at, hang_up, closed_at, confirm_s)

    def dues(self, *, ended: bool) -> Iterator[float]:
        """When something is due."""
        due = self.close_at()
        if due is not None:
            yield due
        if self.attempt.over is None and not ended:
            for due in (self.judge_at(), self.hang_up_at(), self.ask_at()):
                if due is not None:
                    yield due

    def judge_at(self) -> float | None:
        """When an attempt that shows signs of its end is taken as ended, the bot saying nothing."""
        attempt, patience = self.attempt, self.patience
        since = max(attempt.stirred_at or attempt.heard_at or 0.0, self.up_since)
        if attempt.closed_at is None and evidence.away(attempt):
            wait_s = self._transfer_wait_s()
            return None if wait_s is None else since + wait_s
        if self.closed_at is not None:
            hung_up = attempt.closed_at is not None and self.hang_up is not None
            return since + (self.confirm_s if hung_up else patience.settle_s)
        if attempt.launch_failed is not None and not evidence.shows_life(attempt):
            return since + patience.settle_s
        return None

    def hang_up_at(self) -> float | None:
        """When the gateway hangs up on a line whose bot is gone, or never came."""
        if not self._watched():
            return None
        attempt, due = self.attempt, None
        if self._found_gone():
            due = attempt.presence.at if attempt.presence else None
        if attempt.stirred_at is not None and evidence.bot_left_at(attempt) is not None:
            left = max(attempt.stirred_at, attempt.heard_at or 0.0, self.up_since) + self.patience.settle_s
            due = left if due is None else min(left, due)
        return due

    def ask_at(self) -> float | None:
        """When Daily is asked whether the bot is there."""
        if not self._watched() or self._found_gone():
            return None
        return max(self.lease_until(), self.attempt.ask.next_at)

    def close_at(self) -> float | None:
        """When the room is to be closed; tried without end while somebody may be on the line."""
        attempt = self.attempt
        if attempt.closed_at is not None:
            return None
        if attempt.over is None:
            return attempt.close.next_at if self.hang_up is not None else None
        return attempt.close.next_at if attempt.close.count < self.patience.close_tries else None

    def lease_until(self) -> float:
        """Until when the silence of a bot means nothing."""
        attempt, patience = self.attempt, self.patience
        if not evidence.shows_life(attempt):
            begun_at = attempt.bot_started_at or attempt.opened_at or self.created_at
            return max(begun_at + patience.join_s, self.up_since + patience.lease_s)
        seen_at = attempt.heard_at or 0.0
        for leg in attempt.legs:
            if leg.kind == "bot":
                seen_at = max(seen_at, leg.started_at or leg.ended_at or 0.0)
        return max(seen_at, self._vouched_at(), self.up_since) + patience.lease_s

    def _watched(self) -> bool:
        """Whether the attempt has a bot on whose word the call depends, and no end in sight."""
        attempt = self.attempt
        if attempt.over is not None or attempt.bot_end is not None:
            return False
        return self.hang_up is None and self.closed_at is None

    def _found_gone(self) -> bool:
        """Whether Daily, asked after the lease had run out, found no bot."""
        presence = self.attempt.presence
        return presence is not None and not presence.bot and presence.at >= self.lease_until()

    def _vouched_at(self) -> float:
        """When Daily last said that all was well: the bot in the room, or its caller handed over."""
        presence = self.attempt.presence
        if presence is None:
            return 0.0
        well = presence.bot or (presence.phones == 0 and evidence.away(self.attempt))
        return presence.at if well else 0.0

    def _transfer_wait_s(self) -> float | None:
        attempt, patience = self.attempt, self.patience
        if attempt.bot_end is None and self.closed_at is None:
            return None
        if evidence.COMPLETED in attempt.milestones:
            return patience.settle_s
        if not evidence.handed_over_openly(attempt):
            return None if self.closed_at is None else patience.settle_s
        return None if evidence.handed_over_answered(attempt) else patience.transfer_s


def hang_up_call_at(state: CallState, up_since: float, patience: Patience) -> float | None:
    """When the gateway hangs up a call that is longer than any may be."""
    if state.hang_up is not None or state.waiting is not None:
        return None
    begun_at = _answered_at(state) or _latest_begin(state, patience)
    return max(begun_at + state.max_duration_s + patience.slack_s, up_since + patience.lease_s)


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


def _answered_at(state: CallState) -> float | None:
    """When what goes on was answered: with a plan, an earlier attempt may have reached a machine."""
    if state.plan is None or not state.attempts:
        return state.answered_at
    return evidence.answered_at(state.attempts[-1])


def _end_without_attempt_at(state: CallState, up_since: float, patience: Patience) -> float:
    if state.failed is not None and state.failed.final:
        return 0.0
    if state.hang_up is not None:
        return max(state.hang_up.at, up_since) + patience.confirm_s
    return max(state.created_at + patience.join_s, up_since + patience.lease_s)


def _end_after_all_at(state: CallState, up_since: float, patience: Patience) -> float:
    last = state.attempts[-1]
    failure, in_vain = last.launch_failed, evidence.left_in_vain(state, last)
    called_off = state.failed is not None or state.hang_up is not None
    if failure is None and in_vain and not called_off:
        return max((last.opened_at or state.created_at) + patience.join_s, up_since + patience.lease_s)
    another = failure is not None and not failure.final and not called_off
    if failure is not None and another and (in_vain or not evidence.shows_life(last)):
        return max(failure.at + patience.join_s, up_since + patience.lease_s)
    rivals = [one for one in state.attempts if one.launch_failed is None or evidence.shows_life(one)]
    unheard_of = state.attempt - len(state.attempts)
    return _last_word(rivals, up_since) + patience.settle_s if len(rivals) + unheard_of > 1 else 0.0


def _last_word(attempts: list[Attempt], up_since: float) -> float:
    return max(up_since, *(max(one.heard_at or 0.0, one.stirred_at or 0.0) for one in attempts))


def _latest_begin(state: CallState, patience: Patience) -> float:
    begun_at = state.created_at
    for attempt in state.attempts:
        begun_at = max(begun_at, attempt.opened_at or 0.0)
    return begun_at + patience.join_s + state.ringing_s
