"""How often one number may be called: in 24 hours, in 7 days, and how soon again."""

from collections.abc import Iterable

from frontdesk.organizations import Frequency

DAY_S = 86_400.0
WEEK_S = 7 * DAY_S


def next_allowed(
    times: Iterable[float], limits: Frequency, now: float, engaged: Iterable[float] = ()
) -> float:
    """The earliest moment, `now` or after it, at which the number may be called once more.

    Args:
        times: When it rang (UTC seconds), in any order; what is older than a week does not matter.
        limits: Of the organization, for all its calls together.
        now: UTC seconds.
        engaged: When its line was busy or declined unheard: nobody was called, but the gap holds.
    """
    called = sorted(times)
    tried = sorted((*called, *engaged))
    windows = ((called, limits.per_day, DAY_S), (called, limits.per_week, WEEK_S))
    gap = (tried, 1, limits.min_gap_minutes * 60)
    return max(now, *(_free_at(*window, now) for window in (*windows, gap)))


def _free_at(called: list[float], most: int | None, window_s: float, now: float) -> float:
    if most is None or len(called) < most:
        return now
    return called[-most] + window_s
