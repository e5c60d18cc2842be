"""Daily's rate limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.simulator.clock import ManualClock
from frontdesk.simulator.limits import LIMITS, Bucket, Kind, Limit, RateLimits
from tests.simulator.unhurried import unhurried

limits = st.builds(Limit, st.integers(1, 8), st.floats(0.5, 30))
gaps = st.lists(st.floats(0, 10), max_size=60)


@unhurried
@given(limits, gaps)
def test_no_window_holds_more_than_the_limit(limit: Limit, pauses: list[float]) -> None:
    """However requests are spread, no window of the limit's length lets more through than the limit says."""
    bucket, now, admitted = Bucket(limit), 0.0, []
    for pause in pauses:
        now += pause
        if bucket.take(now) is None:
            admitted.append(now)
    for start in admitted:
        assert sum(start <= at < start + limit.window_s for at in admitted) <= limit.count


@unhurried
@given(limits, gaps)
def test_the_wait_that_is_told_is_enough(limit: Limit, pauses: list[float]) -> None:
    """Who waits as long as a refusal says is let through, and nobody is refused for longer than a window."""
    bucket, now = Bucket(limit), 0.0
    for pause in pauses:
        now += pause
        wait = bucket.take(now)
        if wait is not None:
            assert 0 < wait <= limit.window_s + 1e-6
            now += wait + 1e-6
            assert bucket.take(now) is None


@unhurried
@given(limits, st.integers(1, 60))
def test_a_steady_caller_below_the_rate_is_never_refused(limit: Limit, requests: int) -> None:
    """Requests spaced evenly at the allowed rate always pass."""
    bucket, space = Bucket(limit), limit.window_s / limit.count * (1 + 1e-9)
    assert all(bucket.take(number * space) is None for number in range(requests))


@pytest.mark.parametrize(
    ("kind", "count", "window_s"), [("most", 100, 5), ("deletes", 50, 30), ("pstn", 5, 5)]
)
async def test_the_limits_are_those_of_the_docs(kind: Kind, count: int, window_s: float) -> None:
    """Each limit lets its count through at once, refuses one more, and forgives after its window."""
    clock = ManualClock()
    rates = RateLimits(clock)
    assert [rates.take(kind) for _ in range(count)] == [None] * count
    assert rates.take(kind) == pytest.approx(window_s)
    await clock.advance(window_s)
    assert rates.take(kind) is None


def test_each_kind_of_request_has_a_limit_of_its_own() -> None:
    """Starting calls until refused leaves other requests untouched."""
    rates = RateLimits(ManualClock())
    while rates.take("pstn") is None:
        pass
    assert rates.take("most") is None
    assert set(LIMITS) == {"most", "deletes", "pstn"}


def test_limits_can_be_switched_off() -> None:
    """Benchmarks are never refused."""
    rates = RateLimits(ManualClock(), enabled=False)
    assert all(rates.take("pstn") is None for _ in range(1000))
