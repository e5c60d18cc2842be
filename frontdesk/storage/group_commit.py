"""Group commit: whatever is queued while one commit is in flight goes into the next."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from loguru import logger

from frontdesk.errors import DatabaseUnavailableError
from frontdesk.storage.trouble import is_collision

Item = TypeVar("Item")
Result = TypeVar("Result")
Commit = Callable[[Sequence[Item]], Awaitable[Sequence[Result]]]
TRIES = 5
"""Of a transaction that collides with those of others."""


class GroupCommit(Generic[Item, Result]):
    """Commits items together, each with its own result.

    A batch that fails is tried again one by one, so an item that cannot be committed harms no other.
    Only when the database is away does the whole batch fail, with `DatabaseUnavailableError`.

    Args:
        commit: Commits all items in one transaction and returns their results in order. When it raises,
            nothing is committed, or all is and committing again changes nothing.
        name: For the log.
        limit: Most items in one transaction.
        linger_s: Seconds to wait for company when the previous batch had several items.
    """

    def __init__(
        self, commit: Commit[Item, Result], *, name: str, limit: int = 256, linger_s: float = 0.0
    ) -> None:
        self._commit = commit
        self._name = name
        self._limit = limit
        self._linger_s = linger_s
        self._queue: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._wake = asyncio.Event()

    def submit(self, item: Item) -> "asyncio.Future[Result]":
        """Queue `item`. Its result comes when it is committed; canceled before, it is withdrawn.

        The future raises `DatabaseUnavailableError`, or whatever `commit` raises for this item alone.
        """
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._queue.append((item, future))
        self._wake.set()
        return future

    async def run(self) -> None:
        """Commit for as long as this runs."""
        try:
            while True:
                await self._wake.wait()
                size = await self._commit_waiting()
                if size > 1 and self._linger_s:
                    await asyncio.sleep(self._linger_s)
        finally:
            self._withdraw()

    async def drain(self) -> None:
        """Commit everything that is queued now."""
        while self._queue:
            await self._commit_waiting()

    async def _commit_waiting(self) -> int:
        batch = self._take()
        try:
            await self._commit_batch(batch)
        finally:
            for _, future in batch:
                future.cancel()  # of those that nothing was said about: this task was canceled
        return len(batch)

    def _take(self) -> list[tuple[Item, "asyncio.Future[Result]"]]:
        batch: list[tuple[Item, asyncio.Future[Result]]] = []
        while self._queue and len(batch) < self._limit:
            entry = self._queue.popleft()
            if not entry[1].done():
                batch.append(entry)
        if not self._queue:
            self._wake.clear()
        return batch

    async def _commit_batch(self, batch: Sequence[tuple[Item, "asyncio.Future[Result]"]]) -> None:
        if not batch:
            return
        try:
            results = await self._attempt([item for item, _ in batch])
        except DatabaseUnavailableError as error:
            _fail(batch, error)
        except Exception as error:  # noqa: BLE001 - one item must not fail its neighbors
            await self._alone(batch, error)
        else:
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)

    async def _alone(self, batch: Sequence[tuple[Item, "asyncio.Future[Result]"]], error: Exception) -> None:
        if len(batch) == 1:
            logger.error("{}: an item cannot be committed: {}", self._name, type(error).__name__)
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
        return await self._commit(items)

    def _withdraw(self) -> None:
        while self._queue:
            self._queue.popleft()[1].cancel()


def _fail(batch: Sequence[tuple[Item, "asyncio.Future[Result]"]], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
            future.exception()  # whoever waits gets it; nobody has to
