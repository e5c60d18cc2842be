"""What the durable queue carries, and what it asks of whoever places the calls."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Protocol, Self


@dataclass(frozen=True, slots=True)
class Again:
    """The attempt is to be looked at once more, not before `at` (UTC seconds)."""

    at: float


Place = Callable[[str, int, int], Awaitable[Again | None]]
"""`place(call_id, attempt, turn)`: see to an attempt now; None when the queue has nothing more to do for it.

It may run more than once for the same turn: after a crash, on a peer, or when the queue's database was away.
In one process it never runs twice at the same time for one call. When it raises, it is asked again later, in
a later turn.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One turn of one attempt; holds ids only, since it is kept in plain text.

    Args:
        attempt: Number of the attempt, from 1.
        turn: Counts the times that the queue brought the attempt up, from 0.
        at: Not before, UTC seconds.
        urgent: Overtakes what campaigns have waiting.
        partition: Whose tasks must not hold up others': an organization, or a campaign.
        failures: How often in a row `place` raised.
    """

    call_id: str
    attempt: int = 1
    turn: int = 0
    at: float = 0.0
    urgent: bool = True
    partition: str = ""
    failures: int = 0

    @property
    def rank(self) -> int:
        """Lower ones run first: what was begun is brought to its end before anything new."""
        return 1 if self.turn > 0 or self.attempt > 1 else 2

    @property
    def id(self) -> str:
        """The same for every copy of the task."""
        return f"{self.call_id}-{self.attempt}-{self.turn}"

    def later(self, at: float, *, failures: int = 0) -> Self:
        """The next turn of the same attempt."""
        return replace(self, turn=self.turn + 1, at=at, failures=failures)


class Queue(Protocol):
    """Brings each task to `place` at its time, and once more when a process died over it; loses none.

    Tasks of a partition run in the order in which they were due, those of later turns and attempts first;
    urgent ones do not wait for others at all.
    """

    def running(
        self, place: Place, *, stop_s: Callable[[], float]
    ) -> AbstractAsyncContextManager[asyncio.Event]:
        """Tasks run inside; what does not finish within `stop_s()` at the end runs again later.

        Yields:
            Set when the queue cannot go on: leave, and enter again.

        Raises:
            EngineUnavailableError: The queue's database is away.
        """

    async def put(self, task: Task, *, anew: bool = False) -> None:
        """Keep a task; durable when this returns. One that was put before, even if done, is not put again.

        Args:
            task: What to do when.
            anew: The task is lost in the queue's eyes: put it under the next turn that was never used.

        Raises:
            EngineUnavailableError: The queue's database is away; it is not known whether it was put.
        """

    async def known(self) -> set[str]:
        """Ids of calls that tasks wait or run for.

        Raises:
            EngineUnavailableError: The queue's database is away.
        """
