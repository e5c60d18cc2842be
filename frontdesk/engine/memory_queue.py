"""A queue without durability, for gateways that share a process: DBOS is one per process."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from frontdesk.engine.placements import Placements
from frontdesk.engine.queue import Place, Task

AT_ONCE = 32
"""Most tasks of one partition that run at the same time."""
_LOOK_S = 0.02


class MemoryQueue:
    """The semantics of the durable queue for as long as this object lives.

    A task that was running when `running` ended runs again in the next one.

    Args:
        clock: UTC seconds; may jump.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._tasks: dict[str, Task] = {}
        self._used: set[str] = set()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def running(self, place: Place, *, stop_s: Callable[[], float]) -> AsyncIterator[asyncio.Event]:
        """See `Queue.running`."""
        placements = Placements(place, clock=self._clock)
        starting = asyncio.create_task(self._start_due(placements))
        try:
            yield asyncio.Event()
        finally:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            await placements.stop(stop_s())
            await asyncio.sleep(0)  # what has finished says so
            left = tuple(self._running.values())
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def put(self, task: Task, *, anew: bool = False) -> None:
        """See `Queue.put`."""
        while anew and task.id in self._used:
            task = task.later(task.at)
        if task.id not in self._used:
            self._used.add(task.id)
            self._tasks[task.id] = task
            self._changed.set()

    async def known(self) -> set[str]:
        """See `Queue.known`."""
        return {task.call_id for task in self._tasks.values()}

    async def _start_due(self, placements: Placements) -> None:
        while True:
            self._changed.clear()
            for task in self._next():
                self._running[task.id] = asyncio.create_task(self._run(task, placements))
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S if self._tasks else None):
                    await self._changed.wait()

    def _next(self) -> list[Task]:
        now = self._clock()
        busy = Counter(self._tasks[name].partition for name in self._running)
        chosen = []
        for task in sorted(self._tasks.values(), key=lambda task: (not task.urgent, task.rank, task.at)):
            if task.id not in self._running and task.at <= now and busy[task.partition] < AT_ONCE:
                busy[task.partition] += 1
                chosen.append(task)
        return chosen

    async def _run(self, task: Task, placements: Placements) -> None:
        try:
            following = await placements.run(task)
            if following is not None:
                await self.put(following)
            del self._tasks[task.id]
        finally:
            del self._running[task.id]
            self._changed.set()
