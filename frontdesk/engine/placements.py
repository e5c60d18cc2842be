"""Placements that run in this process: one at a time for each call, stopped without losing any."""

import asyncio
import time
from collections.abc import Callable

from loguru import logger

from frontdesk.engine.queue import Again, Place, Task
from frontdesk.errors import FrontdeskError
from frontdesk.logs import call_context

_SHORTEST_S = 0.1
"""Between two turns of one attempt."""
_LONGEST_S = 60.0


class Placements:
    """Runs `place` on the loop of the gateway.

    Args:
        place: Sees to an attempt.
        clock: UTC seconds.
    """

    def __init__(self, place: Place, *, clock: Callable[[], float] = time.time) -> None:
        self._place = place
        self._clock = clock
        self._running: dict[str, asyncio.Task[Again | None]] = {}
        self._stopped = asyncio.Event()
        self.unfinished: set[str] = set()
        """Ids of tasks that were begun and have no result."""

    async def run(self, task: Task) -> Task | None:
        """See to a task; the next turn if there is one.

        Waits while the same call is being placed. Once stopped it never returns, but is canceled: the task
        belongs to whoever runs the queue next.
        """
        self.unfinished.add(task.id)
        while (other := self._running.get(task.call_id)) is not None:
            await asyncio.wait({other})
        if self._stopped.is_set():
            await asyncio.Event().wait()
        with call_context(task.call_id):
            following = await self._see_to(task)
        self.unfinished.discard(task.id)
        return following

    async def stop(self, timeout_s: float) -> None:
        """Begin nothing more; wait for what runs, but not longer than this, then cancel it."""
        self._stopped.set()
        running = tuple(self._running.values())
        if running:
            _, late = await asyncio.wait(running, timeout=timeout_s)
            for placement in late:
                placement.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _see_to(self, task: Task) -> Task | None:
        placement = asyncio.ensure_future(self._place(task.call_id, task.attempt, task.turn))
        self._running[task.call_id] = placement
        try:
            await asyncio.wait({placement})
        finally:
            placement.cancel()
            del self._running[task.call_id]
        if placement.cancelled() and self._stopped.is_set():
            await asyncio.Event().wait()
        return self._next(task, placement)

    def _next(self, task: Task, placement: "asyncio.Future[Again | None]") -> Task | None:
        error = asyncio.CancelledError() if placement.cancelled() else placement.exception()
        if error is not None:
            return self._after_failure(task, error)
        again = placement.result()
        if again is None:
            return None
        return task.later(max(again.at, self._clock() + _SHORTEST_S))

    def _after_failure(self, task: Task, error: BaseException) -> Task:
        code = error.code if isinstance(error, FrontdeskError) else type(error).__name__
        logger.error("the attempt could not be placed, and is tried again: {}", code)
        pause_s = min(2.0 ** min(task.failures, 32), _LONGEST_S)
        return task.later(self._clock() + pause_s, failures=task.failures + 1)
