"""When several rules of wall clocks allow something next, through every change of the clocks."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_WEEK_S = 7 * 86_400.0
_STEP_S = 6 * 3600.0
"""No zone changes its offset twice within it."""
_WEEKS = 27
"""How far ahead is looked: longer than an organization closes."""


class Rule(Protocol):
    """Something that a wall clock allows or not."""

    @property
    def zone(self) -> ZoneInfo:
        """Of the wall clock."""

    @property
    def edges(self) -> Iterable[time]:
        """The times of day at which it may begin to allow."""

    def forbids(self, local: datetime) -> str | None:
        """A code of why not, at a time of the zone; None when it is allowed."""


R = TypeVar("R", bound=Rule)


def next_moment(rules: Sequence[Rule], now: float, lasting_s: float = 0) -> float | None:
    """The earliest moment, `now` or after it, that all rules allow; None when none comes in half a year.

    A rule begins to allow at one of its edges or where its zone's clocks change, at no other moment.

    Args:
        rules: All of them must allow it.
        now: UTC seconds, as is the answer.
        lasting_s: They must still allow it so many seconds later.
    """

    def allowed(at: float) -> bool:
        return refusal(rules, at, lasting_s) is None

    if allowed(now):
        return now
    for week in range(_WEEKS):
        begin = now + week * _WEEK_S
        found = next((at for at in _edges(rules, begin, begin + _WEEK_S) if allowed(at)), None)
        if found is not None:
            return found
    return None


def refusal(rules: Iterable[R], at: float, lasting_s: float = 0) -> tuple[R, str] | None:
    """The first rule that forbids a moment (UTC seconds) or the one `lasting_s` later, and its code."""
    for rule in rules:
        for moment in (at, at + lasting_s):
            code = rule.forbids(datetime.fromtimestamp(moment, rule.zone))
            if code is not None:
                return rule, code
    return None


def _edges(rules: Sequence[Rule], begin: float, end: float) -> list[float]:
    """All moments after `begin`, up to `end`, at which a rule may begin to allow; in order."""
    found = {at for rule in rules for at in _instants(rule, begin, end)}
    for zone in {rule.zone for rule in rules}:
        found.update(_changes(zone, begin, end))
    return sorted(at for at in found if begin < at <= end)


def _instants(rule: Rule, begin: float, end: float) -> Iterator[float]:
    """Each edge of each day; twice where the clocks go back over it."""
    for day in _days(rule.zone, begin, end):
        for edge in rule.edges:
            local = datetime.combine(day, edge, rule.zone)
            yield from (local.replace(fold=fold).timestamp() for fold in (0, 1))


def _days(zone: ZoneInfo, begin: float, end: float) -> Iterator[date]:
    day = datetime.fromtimestamp(begin, zone).date() - _DAY
    last = datetime.fromtimestamp(end, zone).date() + _DAY
    while day <= last:
        yield day
        day += _DAY


def _changes(zone: ZoneInfo, begin: float, end: float) -> Iterator[float]:
    """The moments at which the zone's clocks jump, to the second."""
    at = float(int(begin))
    while at < end:
        following = at + _STEP_S
        if _offset(zone, at) != _offset(zone, following):
            yield _change(zone, at, following)
        at = following


def _change(zone: ZoneInfo, before: float, after: float) -> float:
    old = _offset(zone, before)
    while after - before > 1:
        middle = float(int(before + after) // 2)
        if _offset(zone, middle) == old:
            before = middle
        else:
            after = middle
    return after


def _offset(zone: ZoneInfo, at: float) -> timedelta | None:
    return datetime.fromtimestamp(at, zone).utcoffset()
