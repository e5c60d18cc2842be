"""Merging facts so that neither their order nor their number matters."""

import math
from typing import Any

from frontdesk.calls.changing import changed
from frontdesk.calls.models import Fact
from frontdesk.calls.state import Attempt, Dial, End, Leg
from frontdesk.ended import EndedReason

_KIND_RANK = {"other": 0, "bot": 1, "dialin": 2, "dialout": 2}


def earliest(known: float | None, told: float | None) -> float | None:
    """The earlier of two times, of which either may be unknown."""
    if known is None or told is None:
        return known if told is None else told
    return min(known, told)


def latest(known: float | None, told: float | None) -> float | None:
    """The later of two times, of which either may be unknown."""
    if known is None or told is None:
        return known if told is None else told
    return max(known, told)


def text(fact: Fact, name: str) -> str:
    """A text of the fact's data; empty when it is missing or no text."""
    value = fact.data.get(name)
    return value if isinstance(value, str) else ""


def number(fact: Fact, name: str) -> float | None:
    """A finite number of the fact's data; None when it is missing or no number."""
    value = fact.data.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        return None
    return value


def reason_of(fact: Fact, name: str = "reason") -> EndedReason:
    """A reason of the fact's data; what this version does not know is `lost`."""
    try:
        return EndedReason(text(fact, name))
    except ValueError:
        return EndedReason.LOST


def end_of(fact: Fact) -> End:
    """The end that a fact tells of."""
    return End(fact.at, reason_of(fact), detail=text(fact, "detail"))


def first_end(known: End | None, told: End) -> End:
    """The earlier of two ends."""
    return told if known is None else min(known, told, key=lambda end: (end.at, end.reason, end.detail))


def with_milestone(attempt: Attempt, fact: Fact) -> Attempt:
    """Note when this type of fact happened first."""
    known = attempt.milestones.get(fact.type)
    if known is not None and known <= fact.at:
        return attempt
    return changed(attempt, milestones={**attempt.milestones, fact.type: fact.at})


def with_leg(attempt: Attempt, told: Leg) -> Attempt:
    """Note what is told of a participant."""
    known = next((leg for leg in attempt.legs if leg.session_id == told.session_id), None)
    merged = told if known is None else _merged_leg(known, told)
    if merged == known or not told.session_id:
        return attempt
    others = (leg for leg in attempt.legs if leg.session_id != told.session_id)
    return changed(attempt, legs=tuple(sorted((*others, merged), key=lambda leg: leg.session_id)))


def _merged_leg(known: Leg, told: Leg) -> Leg:
    return Leg(
        session_id=known.session_id,
        kind=max(known.kind, told.kind, key=lambda kind: (_KIND_RANK.get(kind, 0), kind)),
        started_at=earliest(known.started_at, told.started_at),
        answered_at=earliest(known.answered_at, told.answered_at),
        ended_at=earliest(known.ended_at, told.ended_at),
    )


def with_dial(attempt: Attempt, fact: Fact, **told: Any) -> Attempt:
    """Note what is told of one dial; a fact without its number is kept as an event only."""
    number = fact.data.get("dial")
    if not isinstance(number, int) or isinstance(number, bool):
        return attempt
    known = next((dial for dial in attempt.dials if dial.number == number), Dial(number))
    merged = _merged_dial(known, Dial(number, session_id=text(fact, "session_id") or None, **told))
    others = (dial for dial in attempt.dials if dial.number != number)
    return changed(attempt, dials=tuple(sorted((*others, merged), key=lambda dial: dial.number)))


def _merged_dial(known: Dial, told: Dial) -> Dial:
    return Dial(
        number=known.number,
        dialing_at=earliest(known.dialing_at, told.dialing_at),
        ringing_at=earliest(known.ringing_at, told.ringing_at),
        answered_at=earliest(known.answered_at, told.answered_at),
        ended_at=earliest(known.ended_at, told.ended_at),
        reason=min(known.reason or told.reason or "", told.reason or known.reason or "") or None,
        session_id=min(known.session_id or told.session_id or "", told.session_id or known.session_id or "")
        or None,
    )
