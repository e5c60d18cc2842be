"""How fast calls out are dialed, with a clock that the test holds."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.engine.pace import HALVED_EVERY_S, LATE_S, SLOWEST, Pace, dialed, slowed

NOW = 1_800_000_000.0


def starts(pace: Pace, per_s: float, until: float, late_s: float = 0.0, now: float = NOW) -> list[float]:
    """When calls are dialed by somebody who never has nothing to dial and is late each time."""
    times = []
    while (at := max(now, pace.opens_at()) + late_s) < until:
        times.append(at)
        pace, now = dialed(pace, at, per_s), at
    return times


@pytest.mark.parametrize("per_s", [0.5, 1, 5, 20, 100])
@pytest.mark.parametrize("late_ms", [0, 3, 9])
def test_the_rate_is_kept_and_reached(per_s: float, late_ms: float) -> None:
    """In 100 seconds as many calls are dialed as configured, also by somebody who is late each time."""
    times = starts(Pace(), per_s, NOW + 100, late_ms / 1000)
    assert 0.98 * per_s * 100 <= len(times) <= per_s * 100 + 1


def test_what_a_short_stall_has_cost_is_caught_up() -> None:
    """A database that stalls for a fifth of a second does not lower the rate of the minute."""
    pace, now, count = Pace(), NOW, 0
    while now < NOW + 60:
        pace, count = dialed(pace, now, 20), count + 1
        now = max(now, pace.opens_at()) + (0.2 if count % 20 == 0 else 0)
    assert count >= 0.98 * 20 * 60


def test_a_pause_earns_no_burst() -> None:
    """After an hour without a call the next two are an interval apart."""
    pace = dialed(Pace(), NOW, 2)
    pace = dialed(pace, NOW + 3600, 2)
    assert pace.opens_at() == NOW + 3600.5


@settings(deadline=None)
@given(
    per_s=st.floats(0.1, 100),
    waits=st.lists(st.floats(0, 5), min_size=2, max_size=60),
    window=st.floats(0.5, 60),
)
def test_no_window_has_more_starts_than_the_rate_allows(
    per_s: float, waits: list[float], window: float
) -> None:
    """However irregularly calls come, a window holds what fits into it, one more, and who was late."""
    pace, now, times = Pace(), NOW, []
    for wait in waits:
        now = max(now + wait, pace.opens_at())
        times.append(now)
        pace = dialed(pace, now, per_s)
    for first in times:
        inside = [at for at in times if first <= at < first + window]
        assert len(inside) <= (window + LATE_S) * per_s + 2


def test_full_elsewhere_dials_slower_and_recovers_by_itself() -> None:
    """Refused, it rests and dials at half the rate; 30 s without trouble double it."""
    pace = slowed(dialed(Pace(), NOW, 1), NOW + 1, NOW, None)
    assert pace.opens_at() == NOW + 1 + 2 * 2
    times = starts(pace, 1, NOW + 100, now=NOW + 1)
    gaps = [round(after - before, 6) for before, after in pairwise(times)]
    slow = [gap for at, gap in zip(times, gaps, strict=False) if at < NOW + 1 + HALVED_EVERY_S]
    fast = [gap for at, gap in zip(times, gaps, strict=False) if at >= NOW + 1 + HALVED_EVERY_S]
    assert set(slow) == {2.0}
    assert set(fast) == {1.0}


def test_trouble_after_trouble_slows_down_to_a_bound() -> None:
    """Each new refusal doubles the interval up to the slowest; recovery takes 30 s for each doubling."""
    pace, now = Pace(), NOW
    factors = []
    for _ in range(7):
        pace = slowed(pace, now, now, 0.0)
        factors.append(pace.slowdown_at(now))
        now += 1
    assert factors == [2, 4, 8, 16, 32, 32, 32]
    assert [pace.slowdown_at(now - 1 + 30 * n) for n in range(7)] == [32, 16, 8, 4, 2, 1, 1]
    assert pace.slowdown_at(now + 1e9) == 1


def test_many_dials_that_meet_the_same_trouble_slow_down_once() -> None:
    """Twenty launches that were under way when the host got full count as one refusal, not as twenty."""
    pace = Pace()
    for late in range(20):
        pace = slowed(pace, NOW + late / 10, NOW - 1, None)
    assert pace.slowdown == 2
    assert pace.full_until == pytest.approx(NOW + 1.9 + 4)


@pytest.mark.parametrize(("asked_s", "rest_s"), [(0.0, 0.0), (7.0, 7.0), (1e9, 300.0), (None, 4.0)])
def test_what_the_other_side_asks_for_is_obeyed_within_reason(asked_s: float | None, rest_s: float) -> None:
    """Retry-After is how long nobody dials, up to five minutes; without it, twice the slower interval."""
    assert slowed(Pace(), NOW, NOW, asked_s).full_until == NOW + rest_s
    assert SLOWEST == 32
