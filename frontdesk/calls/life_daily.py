"""What Daily's events say about an attempt (Daily docs, webhooks; types and fields of each event)."""

from collections.abc import Callable

from frontdesk.calls.changing import changed
from frontdesk.calls.merging import latest, text, with_leg, with_milestone
from frontdesk.calls.models import DAILY_PREFIX, Fact
from frontdesk.calls.state import Attempt, Leg

REFER = f"{DAILY_PREFIX}calltransfer.refer"
"""Milestone of a transfer by SIP REFER, whose end Daily does not tell."""


def fold(attempt: Attempt, fact: Fact, received_at: float) -> Attempt:
    """Fold one event into the attempt; what tells of an end starts the wait for the bot's own account."""
    family, _, event = fact.type.removeprefix(DAILY_PREFIX).partition(".")
    folding = _FOLDS.get(family)
    if folding is None:
        return attempt
    folded = folding(attempt, fact, event)
    if event not in _STIRRING and family != "calltransfer":
        return folded
    return changed(folded, stirred_at=latest(folded.stirred_at, received_at))


_STIRRING = {"stopped", "error", "left", "ended"}


def _dialin(attempt: Attempt, fact: Fact, event: str) -> Attempt:
    return _phone(attempt, fact, "dialin", answered=event == "connected", ended=event in _STIRRING)


def _dialout(attempt: Attempt, fact: Fact, event: str) -> Attempt:
    return _phone(attempt, fact, "dialout", answered=event == "answered", ended=event in _STIRRING)


def _phone(attempt: Attempt, fact: Fact, kind: str, *, answered: bool, ended: bool) -> Attempt:
    leg = Leg(
        text(fact, "session_id"),
        kind,
        started_at=None if ended else fact.at,
        answered_at=fact.at if answered else None,
        ended_at=fact.at if ended else None,
    )
    return with_leg(with_milestone(attempt, fact), leg)


def _participant(attempt: Attempt, fact: Fact, event: str) -> Attempt:
    kind = "bot" if fact.data.get("bot") is True else "other"
    joined = fact.at if event == "joined" else None
    left = fact.at if event == "left" else None
    return with_leg(attempt, Leg(text(fact, "session_id"), kind, started_at=joined, ended_at=left))


def _meeting(attempt: Attempt, fact: Fact, event: str) -> Attempt:
    if event != "ended":
        return attempt
    return changed(attempt, meeting_ended_at=latest(attempt.meeting_ended_at, fact.at))


def _calltransfer(attempt: Attempt, fact: Fact, _: str) -> Attempt:
    noted = with_milestone(attempt, fact)
    return (
        with_milestone(noted, changed(fact, type=REFER)) if fact.data.get("is_sip_refer") is True else noted
    )


_FOLDS: dict[str, Callable[[Attempt, Fact, str], Attempt]] = {
    "dialin": _dialin,
    "dialout": _dialout,
    "participant": _participant,
    "meeting": _meeting,
    "calltransfer": _calltransfer,
}
