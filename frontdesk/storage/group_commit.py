"""Group commit: whatever is queued while one commit is in flight goes into the next."""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from frontdesk.errors import DatabaseUnavailableError
from frontdesk.storage.trouble import is_collision, is_contention

Item = TypeVar("Item")
Result = TypeVar("Result")
Commit = Callable[[Sequence[Item]], Awaitable[Sequence[Result]]]
TRIES = 5
"""Of a transaction that collides with those of others."""
_LONGEST_USUAL_S = 1.0


class GroupCommit(Generic[Item, Result]):
    """Commits items together, each with its own result.

    A batch that fails is tried again one by one, so an item that cannot be committed harms no other.

    Args:
        commit: Commits all items in one transaction and returns their results in order. When it raises,
            nothing is committed, or all is and committing again changes nothing.
        name: For the log.
        limit: Most items in one transaction.
        linger_s: Seconds to wait for company when the previous batch had several items.
        whole: Errors that concern the whole batch, whatever is in it: it is not tried one by one.
    """

    def __init__(
        self,
        commit: Commit[Item, Result],
        *,
        name: str,
        limit: int = 256,
        linger_s: float = 0.0,
        whole: tuple[type[Exception], ...] = (DatabaseUnavailableError,),
    ) -> None:
        self._commit = commit
        self._name = name
        self._limit = limit
        self._linger_s = linger_s
        self._whole = whole
        self._queue: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._wake = asyncio.Event()
        self._stopping = False
        self.committed_at = -math.inf
        """When the last batch was committed, by the clock of the loop."""
        self.usual_s = 0.0
        """How long a commit takes of late."""

    def submit(self, item: Item) -> "asyncio.Future[Result]":
        """Queue `item`. Its result comes when it is committed; canceled before, it is withdrawn.

        The future raises one of `whole`, or what `commit` raises for this item alone; it is canceled when
        nobody will commit the item any more.
        """
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._queue.append((item, future))
        self._wake.set()
        return future

    async def run(self) -> None:
        """Commit until `stop`."""
        try:
            while self._queue or not self._stopping:
                await self._wake.wait()
                if await self._commit_waiting() > 1 and not self._stopping:
                    await asyncio.sleep(self._linger_s)
        finally:
            while self._queue:
                self._queue.popleft()[1].cancel()

    def stop(self) -> None:
        """Have `run` return once everything that is queued is committed."""
        self._stopping = True
        self._wake.set()

    async def drain(self) -> None:
        """Commit until nothing is queued; instead of `run`."""
        while self._queue:
            await self._commit_waiting()

    async def _commit_waiting(self) -> int:
        batch = self._take()
        try:
            await self._commit_batch(batch)
        finally:
            for _, future in batch:
                future.cancel()  # those that nothing was said about, because this task is canceled
        return len(batch)

    def _take(self) -> list[tuple[Item, "asyncio.Future[Result]"]]:
        batch: list[tuple[Item, asyncio.Future[Result]]] = []
        while self._queue and len(batch) < self._limit:
            entry = self._queue.popleft()
            if not entry[1].done():
                batch.append(entry)
        if not self._queue and not self._stopping:
            self._wake.clear()
        return batch

    async def _commit_batch(self, batch: Sequence[tuple[Item, "asyncio.Future[Result]"]]) -> None:
        if not batch:
            return
        begun_at = asyncio.get_running_loop().time()
        try:
            results = await self._attempt([item for item, _ in batch])
        except self._whole as error:
            _fail(batch, error)
        except Exception as error:  # noqa: BLE001 - one item must not fail its neighbors
            await self._apart(batch, error)
        else:
            self._note_success(begun_at)
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)

    def _note_success(self, begun_at: float) -> None:
        self.committed_at = asyncio.get_running_loop().time()
        taken_s = min(self.committed_at - begun_at, _LONGEST_USUAL_S)
        self.usual_s += (taken_s - self.usual_s) / 4

    async def _apart(self, batch: Sequence[tuple[Item, "asyncio.Future[Result]"]], error: Exception) -> None:
        if len(batch) == 1:
            _fail(batch, error)
            return
        for entry in batch:
            await self._commit_batch([entry])

    async def _attempt(self, items: Sequence[Item]) -> Sequence[Result]:
        for _ in range(TRIES - 1):
            try:
                return await self._commit(items)
            except Exception as error:
                if not is_collision(error):
                    raise
        try:
            return await self._commit(items)
        except Exception as error:
            if is_contention(error):  # nothing is wrong with the items
                raise DatabaseUnavailableError from error
            raise


def _fail(batch: Sequence[tuple[Item, "asyncio.Future[Result]"]], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
            future.exception()  # whoever waits gets it; nobody has to
