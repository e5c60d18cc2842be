"""What the facts of an attempt amount to. Times are by the clock of whoever told them."""

from frontdesk.calls.life_daily import REFER
from frontdesk.calls.merging import earliest
from frontdesk.calls.models import DAILY_PREFIX, BotFact, State
from frontdesk.calls.state import Attempt, CallState, Leg
from frontdesk.ended import EndedReason

_TRANSFER = f"{DAILY_PREFIX}calltransfer."
_ANSWERED = f"{_TRANSFER}answered"
COMPLETED = f"{_TRANSFER}completed"
_DIALOUT = f"{DAILY_PREFIX}dialout."
_NOBODY_KNOWS = frozenset({EndedReason.OUTCOME_UNKNOWN, EndedReason.LOST})
_ORDER = {state: rank for rank, state in enumerate(State)}


def answered_at(attempt: Attempt) -> float | None:
    """When somebody was on the line; the bot's clock counts, Daily's where the bot told nothing."""
    told = attempt.milestones
    by_bot = earliest(told.get(BotFact.CONNECTED), told.get(BotFact.ANSWERED))
    if by_bot is not None:
        return by_bot
    return earliest(told.get("daily.dialin.connected"), told.get("daily.dialout.answered"))


def ringing_at(attempt: Attempt) -> float | None:
    """When the callee's phone began to ring, as far as anybody tells."""
    told = attempt.milestones
    by_bot = told.get(BotFact.RINGING)
    return told.get("daily.dialout.connected") if by_bot is None else by_bot


def shows_life(attempt: Attempt) -> bool:
    """Whether a bot was ever there."""
    if attempt.heard_at is not None or (attempt.presence is not None and attempt.presence.bot):
        return True
    return any(leg.kind == "bot" for leg in attempt.legs)


def left_in_vain(state: CallState, attempt: Attempt) -> bool:
    """Whether a bot left a caller on hold while its launch may go on, its room being taken for lost."""
    lost = attempt.over is not None and attempt.over.reason is EndedReason.LOST
    waits = state.direction == "inbound" and state.answered_at is None
    return lost and waits and attempt.bot_started_at is None


def dialed(attempt: Attempt) -> bool:
    """Whether a phone was dialed, by anybody's account."""
    if attempt.dials or any(leg.kind == "dialout" for leg in attempt.legs):
        return True
    return any(name == BotFact.DIALING or name.startswith(_DIALOUT) for name in attempt.milestones)


def reached(attempt: Attempt) -> bool:
    """Whether the attempt counts: its bot was allowed to dial, or did."""
    return bool(attempt.claimed_by) or dialed(attempt)


def rang(attempt: Attempt) -> bool:
    """Whether a phone rang, or may have: also by a bot that could dial and fell silent, or cannot tell."""
    if ringing_at(attempt) is not None or answered_at(attempt) is not None:
        return True
    if any(dial.ringing_at is not None or dial.answered_at is not None for dial in attempt.dials):
        return True
    return reached(attempt) and (attempt.bot_end is None or attempt.bot_end.reason in _NOBODY_KNOWS)


def outcome_unknown(attempt: Attempt) -> bool:
    """Whether somebody may have picked up without anybody telling: a bot that could dial fell silent."""
    silent = attempt.bot_end is None and attempt.ending is None
    return silent and reached(attempt) and answered_at(attempt) is None and not refused(attempt)


def stage(attempt: Attempt) -> State:
    """How far the attempt has come."""
    if away(attempt):
        return State.TRANSFERRING
    if answered_at(attempt) is not None:
        return State.IN_PROGRESS
    if ringing_at(attempt) is not None:
        return State.RINGING
    return State.DIALING if BotFact.DIALING in attempt.milestones else State.LAUNCHING


def further(state: State, other: State) -> State:
    """The later of two states."""
    return max(state, other, key=_ORDER.__getitem__)


def reach(attempt: Attempt) -> tuple[int, bool, bool]:
    """Sorts attempts by how far they came."""
    return _ORDER[stage(attempt)], shows_life(attempt), attempt.bot_started_at is not None


def away(attempt: Attempt) -> bool:
    """Whether the person on the phone was handed over: by the bot's account, or by Daily's without one."""
    if attempt.bot_end is not None:
        return attempt.bot_end.reason is EndedReason.TRANSFERRED
    return any(name.startswith(_TRANSFER) for name in attempt.milestones)


def handed_over_openly(attempt: Attempt) -> bool:
    """Whether Daily tells of the other side of the transfer: it goes on until `completed`."""
    told = attempt.milestones
    return REFER not in told and any(name.startswith(_TRANSFER) for name in told)


def handed_over_answered(attempt: Attempt) -> bool:
    """Whether the other side of the transfer picked up."""
    return _ANSWERED in attempt.milestones or COMPLETED in attempt.milestones


def phones(attempt: Attempt) -> list[Leg]:
    """The legs to phones."""
    return [leg for leg in attempt.legs if leg.kind in {"dialin", "dialout"}]


def line_ended_at(attempt: Attempt) -> float | None:
    """When the last phone that had been talked to was gone; None while one is, or before."""
    legs = phones(attempt)
    if any(leg.ended_at is None for leg in legs):
        return None
    ends = [leg.ended_at for leg in legs if leg.answered_at is not None and leg.ended_at is not None]
    return max(ends, default=None)


def bot_left_at(attempt: Attempt) -> float | None:
    """When the bot left the room, by Daily's account; None while it is there."""
    bots = [leg for leg in attempt.legs if leg.kind == "bot"]
    if any(leg.ended_at is None for leg in bots):
        return None
    return max((leg.ended_at for leg in bots if leg.ended_at is not None), default=None)


def meeting_over_at(attempt: Attempt) -> float | None:
    """When everybody had left the room; None if somebody came later."""
    ended_at = attempt.meeting_ended_at
    if ended_at is None or any((leg.started_at or 0.0) > ended_at for leg in attempt.legs):
        return None
    return ended_at


def closed_at(attempt: Attempt) -> float | None:
    """When nobody can have been on the line any more; None when that is not known."""
    return earliest(earliest(line_ended_at(attempt), meeting_over_at(attempt)), attempt.closed_at)


def dialed_in_vain(attempt: Attempt) -> bool:
    """Whether phones rang, all of them stopped, and nobody had picked up."""
    if answered_at(attempt) is not None:
        return False
    known_by_legs = any(leg.session_id for leg in phones(attempt))
    ends = [leg.ended_at for leg in phones(attempt)]
    ends += [dial.ended_at for dial in attempt.dials if not (known_by_legs and dial.session_id)]
    return bool(ends) and None not in ends


def refused(attempt: Attempt) -> bool:
    """Whether it was told outright that nobody picked up: by the bot of each dial, by Daily of the only one.

    That Daily's `stopped` came without `answered` tells nothing: events go astray.
    """
    legs, dials = phones(attempt), attempt.dials
    if dials and len(dials) >= len(legs) and all(dial.reason for dial in dials):
        return True
    return len(legs) == 1 and len(dials) <= 1 and f"{_DIALOUT}error" in attempt.milestones


def evident_reason(attempt: Attempt) -> EndedReason:
    """Why an attempt ended of which the bot told no end."""
    if attempt.ending is not None:
        return attempt.ending.reason
    if answered_at(attempt) is not None:
        return _after_answer(attempt)
    if dialed_in_vain(attempt):
        last = max(attempt.dials, key=lambda dial: dial.number, default=None)
        return EndedReason(last.reason) if last and last.reason else EndedReason.BUSY_OR_NO_ANSWER
    if shows_life(attempt):
        return EndedReason.BOT_CRASHED if _bot_gone(attempt) else EndedReason.LOST
    return attempt.launch_failed.reason if attempt.launch_failed else EndedReason.BOT_START_FAILED


def _after_answer(attempt: Attempt) -> EndedReason:
    line, left = line_ended_at(attempt), bot_left_at(attempt)
    if line is not None and (left is None or line <= left):
        return EndedReason.CALLER_HANGUP
    return EndedReason.BOT_CRASHED if _bot_gone(attempt) else EndedReason.LOST


def _bot_gone(attempt: Attempt) -> bool:
    return bot_left_at(attempt) is not None or (attempt.presence is not None and not attempt.presence.bot)
