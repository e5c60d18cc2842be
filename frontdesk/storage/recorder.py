"""Records durably, whatever the database does: it gets a moment, then the spool takes the item."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Generic, Self, TypeVar

from loguru import logger

from frontdesk.errors import DatabaseUnavailableError, NotRecordedError
from frontdesk.storage.backlog import Backlog, Handling
from frontdesk.storage.group_commit import Commit, GroupCommit
from frontdesk.storage.spool import Spool

Item = TypeVar("Item")
Result = TypeVar("Result")
CLOSING_S = 2.0
"""How long the end of the process waits for the database."""
BUSY = 5
"""A database that goes on committing may take so many times longer than one that does not."""
SLOW = 3
"""A commit that takes so many times longer than usual is stalled, once `spool_after_s` have passed."""


class _Entry(Generic[Item, Result]):
    """An item on its way to the database, to the spool, or both."""

    __slots__ = ("answer", "begun_at", "committing", "item", "spooling")

    def __init__(
        self,
        item: Item,
        committing: "asyncio.Future[Result]",
        answer: "asyncio.Future[Result | None]",
        begun_at: float,
    ) -> None:
        self.item = item
        self.committing = committing
        self.answer = answer
        self.begun_at = begun_at
        self.spooling = False


class Recorder(Generic[Item, Result]):
    """Commits items in groups; what is not committed within `spool_after_s` goes to the spool.

    Unless the database is merely busy: as long as it commits at its usual pace, an item waits for its turn,
    up to `BUSY` times as long. The spool would double the work, and so keep itself going.

    Args:
        commit: One transaction for all items; committing an item twice must change nothing.
        spool: Of this recorder alone.
        handling: What is to be known of the items.
        name: For the log.
        spool_after_s: How long an item may wait for a database that commits nothing.
        linger_s: See `GroupCommit`.
        unfinished_s: How long a part of an item in the spool may wait for what it needs.
        clock: UTC seconds.
    """

    def __init__(
        self,
        commit: Commit[Item, Result],
        spool: Spool,
        handling: Handling[Item, Result],
        *,
        name: str,
        spool_after_s: float,
        linger_s: float = 0.0,
        unfinished_s: float = 3600.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._commits: GroupCommit[Item, Result] = GroupCommit(commit, name=name, linger_s=linger_s)
        self._spool = spool
        self._handling = handling
        self._name = name
        self._spool_after_s = spool_after_s
        self._backlog = Backlog(
            self._commits, spool, handling, name=name, unfinished_s=unfinished_s, clock=clock
        )
        self._waiting: deque[_Entry[Item, Result]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def put(self, item: Item) -> Result | None:
        """Have `item` durable when this returns; None when it is in the spool and not yet in the database.

        Raises:
            NotRecordedError: Neither took it, or the database never will.
        """
        if self._backlog.away or self._backlog.holds(item):
            await asyncio.shield(self._spawn(self._backlog.keep(item)))
            return None
        loop = asyncio.get_running_loop()
        entry: _Entry[Item, Result] = _Entry(
            item, self._commits.submit(item), loop.create_future(), loop.time()
        )
        entry.committing.add_done_callback(lambda _: self._committed(entry))
        self._watch(entry)
        return await entry.answer

    def holds(self, item: Item) -> bool:
        """Whether something about the same ids is in the spool."""
        return self._backlog.holds(item)

    def submit(self, item: Item) -> "asyncio.Future[Result]":
        """Commit `item` with the others, without the spool; see `GroupCommit.submit`."""
        return self._commits.submit(item)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Commits and replays in the background; at the end everything is committed or in the spool."""
        await self._backlog.look()
        committing = asyncio.create_task(self._commits.run(), name=f"{self._name}: commit")
        replaying = asyncio.create_task(self._backlog.run(), name=f"{self._name}: replay")
        try:
            yield self
        finally:
            await _end(replaying)
            self._commits.stop()
            await asyncio.wait({committing}, timeout=CLOSING_S)
            await _end(committing)
            while self._tasks:
                await asyncio.wait(set(self._tasks))
            await self._spool.close()

    def _watch(self, entry: _Entry[Item, Result]) -> None:
        self._waiting.append(entry)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_at(self._spool_at(entry), self._overdue)

    def _overdue(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        now = loop.time()
        while self._waiting and (
            self._waiting[0].committing.done() or self._spool_at(self._waiting[0]) <= now
        ):
            entry = self._waiting.popleft()
            if not entry.committing.done():
                self._begin_spooling(entry)
        if self._waiting:
            self._timer = loop.call_at(self._spool_at(self._waiting[0]), self._overdue)

    def _spool_at(self, entry: _Entry[Item, Result]) -> float:
        commits, after_s = self._commits, self._spool_after_s
        stalled_at = max(entry.begun_at, commits.committed_at) + max(after_s, SLOW * commits.usual_s)
        return min(stalled_at, entry.begun_at + BUSY * after_s)

    def _committed(self, entry: _Entry[Item, Result]) -> None:
        if entry.spooling:
            return
        if entry.committing.cancelled():
            self._begin_spooling(entry)
        elif isinstance(error := entry.committing.exception(), DatabaseUnavailableError):
            self._backlog.database_is_away()
            self._begin_spooling(entry)
        elif error:
            self._refuse(entry, error)
        else:
            self._finish(entry, entry.committing.result())

    def _finish(self, entry: _Entry[Item, Result], result: Result) -> None:
        rest = self._handling.unfinished(entry.item, result)
        if rest is not None and self._backlog.holds(rest):
            entry.item = rest
            self._begin_spooling(entry)
        elif not entry.answer.done():
            entry.answer.set_result(result)

    def _refuse(self, entry: _Entry[Item, Result], error: BaseException) -> None:
        ids = sorted(self._handling.keys(entry.item))
        logger.error("{}: the database refuses an entry for {}: {}", self._name, ids, type(error).__name__)
        if not entry.answer.done():
            refusal = NotRecordedError()
            refusal.__cause__ = error
            entry.answer.set_exception(refusal)

    def _begin_spooling(self, entry: _Entry[Item, Result]) -> None:
        entry.spooling = True
        self._spawn(self._spool_entry(entry))

    async def _spool_entry(self, entry: _Entry[Item, Result]) -> None:
        try:
            await self._backlog.keep(entry.item)
        except NotRecordedError as error:
            await self._last_hope(entry, error)
        else:
            entry.committing.cancel()
            if not entry.answer.done():
                entry.answer.set_result(None)

    async def _last_hope(self, entry: _Entry[Item, Result], error: NotRecordedError) -> None:
        """The spool failed: the database may still take what it is at."""
        with suppress(Exception, asyncio.CancelledError):
            result = await entry.committing
            if not entry.answer.done():
                entry.answer.set_result(result)
        if not entry.answer.done():
            entry.answer.set_exception(error)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _end(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
