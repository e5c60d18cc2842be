"""Daily's rate limit for deletions: never exceeded, and what hangs up goes before what cleans up."""

import asyncio
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frontdesk.daily.pace import Priority, Turns


@dataclass
class Time:
    """Seconds that pass only by sleeping."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.now += seconds


async def take(
    turns: Turns, priority: Priority, name: int, taken: list[tuple[int, float]], time: Time
) -> None:
    await turns.take(priority)
    taken.append((name, time.now))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    count=st.integers(1, 5),
    priorities=st.lists(st.sampled_from(Priority), max_size=25),
    canceled=st.sets(st.integers(0, 24)),
)
async def test_the_limit_holds_and_urgent_ones_go_first(
    count: int, priorities: list[Priority], canceled: set[int]
) -> None:
    """No window ever holds more turns than allowed; of those who wait, the urgent come first, in order."""
    time = Time()
    turns = Turns(count, 30.0, now=time, sleep=time.sleep)
    taken: list[tuple[int, float]] = []
    tasks = [asyncio.create_task(take(turns, p, i, taken, time)) for i, p in enumerate(priorities)]
    await asyncio.sleep(0)
    for index in canceled & set(range(count, len(tasks))):
        tasks[index].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    times = [at for _, at in taken]
    assert all(later - earlier >= 30.0 for earlier, later in zip(times, times[count:], strict=False))
    waited = [name for name, _ in taken[count:]]
    assert waited == sorted(waited, key=lambda name: (priorities[name], name))
    assert len(taken) == len(tasks) - len(canceled & set(range(count, len(tasks))))


async def test_a_hang_up_overtakes_cleaning_up() -> None:
    """With a hundred rooms waiting to be cleaned up, a hang-up is in the very next window."""
    time = Time()
    turns = Turns(2, 1.0, now=time, sleep=time.sleep)
    taken: list[tuple[int, float]] = []
    waiting = [asyncio.create_task(take(turns, Priority.CLEAN_UP, i, taken, time)) for i in range(100)]
    while len(taken) < 10:
        await asyncio.sleep(0)
    before = len(taken)
    await take(turns, Priority.HANG_UP, 1000, taken, time)
    assert [name for name, _ in taken].index(1000) <= before + 2  # two a window
    await asyncio.gather(*waiting)
