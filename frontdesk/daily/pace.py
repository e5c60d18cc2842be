"""Turns: a rate limit shared by what is urgent and what can wait."""

import asyncio
import heapq
import itertools
import time
from collections import deque
from collections.abc import Awaitable, Callable
from enum import IntEnum

_SHORTEST_WAIT_S = 0.01


class Priority(IntEnum):
    """Who goes first; among equals, who came first."""

    HANG_UP = 0
    CLEAN_UP = 1


class Turns:
    """Lets through at most so many in any window of time, the urgent before the others.

    Args:
        count: How many in a window.
        window_s: Length of the window in seconds.
        now: A monotonic clock in seconds.
        sleep: How to wait, in seconds.
    """

    def __init__(
        self,
        count: int,
        window_s: float,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._count = count
        self._window_s = window_s
        self._now = now
        self._sleep = sleep
        self._taken: deque[float] = deque()
        self._waiting: list[tuple[Priority, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._handing_out: asyncio.Task[None] | None = None

    async def take(self, priority: Priority) -> None:
        """Wait for one's turn."""
        if not self._waiting and self._wait_s() <= 0:
            self._taken.append(self._now())
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._numbers), turn))
        if self._handing_out is None or self._handing_out.done():
            self._handing_out = asyncio.create_task(self._hand_out())
        await turn

    async def _hand_out(self) -> None:
        while self._waiting:
            wait_s = self._wait_s()
            if wait_s > 0:
                await self._sleep(max(wait_s, _SHORTEST_WAIT_S))
                continue
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                self._taken.append(self._now())
                turn.set_result(None)

    def _wait_s(self) -> float:
        """Seconds until the next turn; 0 when there is one."""
        start = self._now() - self._window_s
        while self._taken and self._taken[0] <= start:
            self._taken.popleft()
        return 0.0 if len(self._taken) < self._count else self._taken[0] - start
