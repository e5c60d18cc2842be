"""What the bot's reports say about an attempt."""

from collections.abc import Callable

from frontdesk.calls.changing import changed
from frontdesk.calls.merging import (
    end_of,
    first_end,
    latest,
    reason_of,
    text,
    with_dial,
    with_leg,
)
from frontdesk.calls.models import BotFact, Fact
from frontdesk.calls.state import Attempt, Leg

_MILESTONES = frozenset(BotFact) - {BotFact.TURN, BotFact.TOOL}


def fold(attempt: Attempt, fact: Fact, received_at: float) -> Attempt:
    """Fold one report into the attempt; whatever it says, the bot was heard of."""
    heard_at = latest(attempt.heard_at, received_at)
    first_at = attempt.milestones.get(fact.type)
    if fact.type in _MILESTONES and (first_at is None or fact.at < first_at):
        noted = changed(attempt, heard_at=heard_at, milestones={**attempt.milestones, fact.type: fact.at})
    else:
        noted = changed(attempt, heard_at=heard_at)
    folding = _FOLDS.get(fact.type)
    return noted if folding is None else folding(noted, fact)


def _joined(attempt: Attempt, fact: Fact) -> Attempt:
    return with_leg(attempt, Leg(text(fact, "session_id"), "bot", started_at=fact.at))


def _connected(attempt: Attempt, fact: Fact) -> Attempt:
    session_id = text(fact, "session_id")
    return with_leg(attempt, Leg(session_id, "dialin", started_at=fact.at, answered_at=fact.at))


def _dialing(attempt: Attempt, fact: Fact) -> Attempt:
    return with_dial(attempt, fact, dialing_at=fact.at)


def _ringing(attempt: Attempt, fact: Fact) -> Attempt:
    leg = Leg(text(fact, "session_id"), "dialout", started_at=fact.at)
    return with_dial(with_leg(attempt, leg), fact, ringing_at=fact.at)


def _answered(attempt: Attempt, fact: Fact) -> Attempt:
    leg = Leg(text(fact, "session_id"), "dialout", answered_at=fact.at)
    return with_dial(with_leg(attempt, leg), fact, answered_at=fact.at)


def _dial_ended(attempt: Attempt, fact: Fact) -> Attempt:
    leg = Leg(text(fact, "session_id"), "dialout", ended_at=fact.at)
    return with_dial(with_leg(attempt, leg), fact, ended_at=fact.at, reason=reason_of(fact).value)


def _ending(attempt: Attempt, fact: Fact) -> Attempt:
    return changed(attempt, ending=first_end(attempt.ending, end_of(fact)))


def _ended(attempt: Attempt, fact: Fact) -> Attempt:
    return changed(attempt, bot_end=first_end(attempt.bot_end, end_of(fact)))


_FOLDS: dict[str, Callable[[Attempt, Fact], Attempt]] = {
    BotFact.JOINED: _joined,
    BotFact.CONNECTED: _connected,
    BotFact.DIALING: _dialing,
    BotFact.RINGING: _ringing,
    BotFact.ANSWERED: _answered,
    BotFact.DIAL_ENDED: _dial_ended,
    BotFact.ENDING: _ending,
    BotFact.ENDED: _ended,
}
