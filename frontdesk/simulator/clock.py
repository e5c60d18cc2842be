"""Time as the simulator sees it: real for running, by hand for tests."""

import asyncio
import heapq
import itertools
import time


class Clock:
    """The machine's own time. Seconds everywhere."""

    def monotonic(self) -> float:
        """Seconds that never jump; the zero is arbitrary."""
        return time.monotonic()

    def wall(self) -> float:
        """Unix time in seconds."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Wait; zero or less gives the other tasks one turn."""
        await asyncio.sleep(max(0.0, seconds))


class ManualClock(Clock):
    """Time that stands still until `advance` moves it; for tests of holds, rings and expiries.

    :param wall: Unix time at the start, in seconds.
    """

    def __init__(self, wall: float = 1_800_000_000.0) -> None:
        self._now = 0.0
        self._wall = wall
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def monotonic(self) -> float:
        """Seconds since this clock was made."""
        return self._now

    def wall(self) -> float:
        """Unix time in seconds, moved by `advance` alone."""
        return self._wall + self._now

    async def sleep(self, seconds: float) -> None:
        """Wait until `advance` has moved time this far."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), wake))
        await wake

    async def advance(self, seconds: float) -> None:
        """Move time, waking every sleeper at its own moment and in order."""
        end = self._now + seconds
        await self._settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            self._now, _, wake = heapq.heappop(self._sleepers)
            if not wake.done():
                wake.set_result(None)
            await self._settle()
        self._now = end
        await self._settle()

    async def _settle(self) -> None:
        """Let every task that can run do so before time moves on."""
        for _ in range(25):
            await asyncio.sleep(0)
