"""Somebody who places calls as told, and remembers all of it."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from frontdesk.engine.queue import Again, Queue, Task

Behavior = Callable[[int, int], Again | None]


@dataclass
class Clerk:
    """`place` of a queue.

    A call in `held` is not finished before its event is set; what `answers` gives for a call is done with
    its attempt and turn; all others are done at once.
    """

    answers: dict[str, Behavior] = field(default_factory=dict)
    held: dict[str, asyncio.Event] = field(default_factory=dict)
    begun: list[tuple[str, int, int]] = field(default_factory=list)
    begun_at: list[float] = field(default_factory=list)
    done: list[tuple[str, int, int]] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    now: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    most_at_once: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    async def place(self, call_id: str, attempt: int, turn: int) -> Again | None:
        """See to an attempt."""
        self.begun.append((call_id, attempt, turn))
        self.begun_at.append(time.time())
        self.now[call_id] += 1
        self.most_at_once[call_id] = max(self.most_at_once[call_id], self.now[call_id])
        await self._tell()
        try:
            if call_id in self.held:
                await self.held[call_id].wait()
            answer = self.answers[call_id](attempt, turn) if call_id in self.answers else None
        finally:
            self.now[call_id] -= 1
        self.done.append((call_id, attempt, turn))
        await self._tell()
        return answer

    async def until(self, holds: Callable[[], bool], timeout_s: float = 60.0) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(timeout_s), self.changed:
            await self.changed.wait_for(holds)

    async def until_done(self, *placed: tuple[str, int, int]) -> None:
        """Wait until all of these are done."""
        await self.until(lambda: set(placed) <= set(self.done))

    @asynccontextmanager
    async def works(self, queue: Queue, *, stop_s: float = 5.0) -> AsyncIterator[asyncio.Event]:
        """The queue runs inside."""
        async with queue.running(self.place, stop_s=lambda: stop_s) as lost:
            yield lost

    async def _tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()


async def forgotten(queue: Queue, call_id: str) -> None:
    """Wait until the queue has nothing more to do for a call."""
    async with asyncio.timeout(60):
        while call_id in await queue.known():
            await asyncio.sleep(0.02)


def single(call_id: str, **changes: object) -> Task:
    """A task of one organization."""
    return Task(**{"call_id": call_id, "partition": "organization", **changes})  # type: ignore[arg-type]
