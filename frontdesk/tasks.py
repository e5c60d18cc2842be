"""Work that goes on after its request was answered, and is waited for at the end."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from loguru import logger

Result = TypeVar("Result")


class InFlight:
    """Tasks that are still running."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        """Start a task and keep it alive until it is done."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def drain(self, timeout_s: float) -> None:
        """Wait for all tasks, but not longer than this; then cancel the rest and wait for their end."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(tuple(self._tasks), timeout=timeout_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


class Background:
    """What runs for as long as the process does."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Run something until `stop`; that it ends earlier is logged as what it is, a fault."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(_tell_fault)
        self._tasks.append(task)

    async def stop(self) -> None:
        """Cancel everything and wait for its end."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _tell_fault(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.critical("{} has stopped: {}", task.get_name(), type(error).__name__)
