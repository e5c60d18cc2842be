"""How often one number may be called."""

from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.gate.frequency import DAY_S, WEEK_S, next_allowed
from frontdesk.organizations import Frequency

NOW = 1_800_000_000.0
DEFAULT = Frequency()
limits = st.builds(
    Frequency,
    per_day=st.none() | st.integers(1, 4),
    per_week=st.none() | st.integers(1, 6),
    min_gap_minutes=st.integers(0, 3000),
)
histories = st.lists(st.integers(-10 * 86_400, 0).map(lambda ago: NOW + ago), max_size=12)


def test_the_default_is_one_a_day_and_three_a_week() -> None:
    """By default, a second call waits for 24 hours and a fourth for a week after the first."""
    assert next_allowed([], DEFAULT, NOW) == NOW
    assert next_allowed([NOW - 3600], DEFAULT, NOW) == NOW - 3600 + DAY_S
    days = [NOW - 3 * DAY_S, NOW - 2 * DAY_S, NOW - DAY_S]
    assert next_allowed(days, DEFAULT, NOW) == NOW - 3 * DAY_S + WEEK_S
    assert next_allowed(days[1:], DEFAULT, NOW) == NOW


def test_no_limits_leave_the_gap() -> None:
    """Without limits of day and week, the gap between two calls remains."""
    free = Frequency(per_day=None, per_week=None, min_gap_minutes=60)
    assert next_allowed([NOW - 600, NOW - 7200], free, NOW) == NOW - 600 + 3600
    assert next_allowed([NOW - 3600], free, NOW) == NOW


def allows(history: list[float], frequency: Frequency, at: float) -> bool:
    """The rule itself, told otherwise: count what each window holds."""
    windows = ((frequency.per_day, DAY_S), (frequency.per_week, WEEK_S))
    counted = all(most is None or sum(one + span > at for one in history) < most for most, span in windows)
    return counted and all(one + frequency.min_gap_minutes * 60 <= at for one in history)


@settings(deadline=None)
@given(histories, limits)
def test_the_answer_is_allowed_and_no_earlier_moment_is(history: list[float], frequency: Frequency) -> None:
    """At the moment that is named another call is allowed, and at none before it."""
    found = next_allowed(history, frequency, NOW)
    assert found >= NOW
    assert allows(history, frequency, found)
    moments = {NOW, *(one + span for one in history for span in (DAY_S, WEEK_S)), found - 1}
    assert not any(allows(history, frequency, one) for one in moments if NOW <= one < found)


@settings(deadline=None)
@given(histories, limits, st.randoms())
def test_the_order_of_calls_does_not_matter(
    history: list[float], frequency: Frequency, chance: object
) -> None:
    """Books may name the calls to a number in any order."""
    shuffled = list(history)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert next_allowed(shuffled, frequency, NOW) == next_allowed(history, frequency, NOW)
