"""How fast calls out are dialed: evenly, slower while Daily or the bots' host are full; pure functions."""

from dataclasses import dataclass, replace

SLOWEST = 32.0
"""Longest slowdown: one dial where there would be so many."""
HALVED_EVERY_S = 30.0
"""After so much time without trouble, dialing is twice as fast again."""
_FIRST_REST_S = 2.0
_LONGEST_REST_S = 300.0
_CLOCKS_DIFFER_S = 5.0
LATE_S = 0.25
"""How late a dial may be without delaying those after it; a busy database takes its time."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What all gateways that share a database know of it; times are UTC seconds.

    Args:
        next_at: When the next dial may start.
        full_until: Nobody dials before: the other side is full.
        slowdown: 1 at full speed, as it was at `slowed_at`.
        slowed_at: When somebody was full last.
    """

    next_at: float = 0.0
    full_until: float = 0.0
    slowdown: float = 1.0
    slowed_at: float = 0.0

    def opens_at(self) -> float:
        """When the next dial may start, all considered."""
        return max(self.next_at, self.full_until)

    def slowdown_at(self, now: float) -> float:
        """How much slower than configured calls are dialed now; halves again and again without trouble."""
        halvings = int(max(0.0, now - self.slowed_at) // HALVED_EVERY_S)
        return max(1.0, self.slowdown / 2.0 ** min(halvings, 10))


def believable(pace: Pace, now: float, starts_per_s: float) -> Pace:
    """The pace without times that only a clock can have written which was ahead: nobody waits for those."""
    soon = now + _CLOCKS_DIFFER_S
    return replace(
        pace,
        next_at=pace.next_at if pace.next_at <= soon + SLOWEST / starts_per_s else now,
        full_until=pace.full_until if pace.full_until <= soon + _LONGEST_REST_S else now,
        slowed_at=min(pace.slowed_at, now),
    )


def dialed(pace: Pace, now: float, starts_per_s: float) -> Pace:
    """The pace after a dial: the next one follows after an interval.

    A dial that was late by a moment does not delay those after it, or the rate would never be reached;
    one that comes after a pause begins anew, so that a pause earns no burst.
    """
    interval_s = pace.slowdown_at(now) / starts_per_s
    late_s = now - pace.next_at
    began_at = pace.next_at if 0 <= late_s <= LATE_S else now
    return replace(pace, next_at=began_at + interval_s)


def slowed(pace: Pace, now: float, began_at: float, retry_after_s: float | None) -> Pace:
    """The pace after somebody was full: rests as long as they ask, then goes on at half the speed.

    Args:
        pace: Before.
        now: UTC seconds.
        began_at: When the dial that failed began; of several that ran into the same trouble, one counts.
        retry_after_s: What the other side asked for, in seconds.
    """
    if began_at > pace.slowed_at:
        pace = replace(pace, slowdown=min(SLOWEST, 2.0 * pace.slowdown_at(now)), slowed_at=now)
    rest_s = _FIRST_REST_S * pace.slowdown_at(now) if retry_after_s is None else retry_after_s
    until = now + min(rest_s, _LONGEST_REST_S)
    return replace(pace, full_until=max(pace.full_until, until))
