"""Calls that wait in the ledger, and that the queue knows nothing of: it was away, or lost its database."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

from loguru import logger
from sqlalchemy import select

from frontdesk.calls.entries import LedgerCall
from frontdesk.calls.orders import Enqueue
from frontdesk.calls.tables import calls
from frontdesk.engine.queue import Queue
from frontdesk.storage.database import Database

_PAGE = 1000


class Loads(Protocol):
    """The part of the ledger that the reconciler needs."""

    async def load(self, call_id: str) -> LedgerCall | None:
        """A call as it is in the database."""


Enter = Callable[[LedgerCall, Enqueue, bool], Awaitable[None]]
"""`enter(call, order, anew)`: have the queue take an attempt; `anew` as in `Queue.put`."""


class Reconciler:
    """Compares the ledger with the queue; the ledger is right.

    Args:
        queue: What is known there.
        books: The ledger.
        database: Of the ledger.
        enter: Puts what is missing.
    """

    def __init__(self, queue: Queue, books: Loads, database: Database, enter: Enter) -> None:
        self._queue = queue
        self._books = books
        self._database = database
        self._enter = enter

    async def look(self) -> int:
        """Put what is missing; how many calls that were.

        The ledger is read first: what the queue finishes meanwhile no longer waits when it is looked at.

        Raises:
            DatabaseUnavailableError: The ledger is away.
            EngineUnavailableError: The queue is away.
        """
        waiting = [call_id async for call_id in self._waiting()]
        missing = set(waiting) - await self._queue.known() if waiting else set()
        entered = 0
        for call_id in waiting:
            if call_id in missing:
                entered += await self._repair(call_id)
        if entered:
            logger.info("{} calls that wait were brought to the queue, which did not know them", entered)
        return entered

    async def _repair(self, call_id: str) -> bool:
        found = await self._books.load(call_id)
        waiting = found.state.waiting if found is not None else None
        if found is None or waiting is None or found.state.ended:
            return False
        plan = found.state.plan
        order = Enqueue(waiting.attempt, waiting.turn, waiting.at, plan.urgent if plan else True)
        await self._enter(found, order, waiting.enqueued)
        return True

    async def _waiting(self) -> AsyncIterator[str]:
        """Ids of all calls that wait for an attempt."""
        after = ""
        while True:
            query = (
                select(calls.c.id)
                .where(calls.c.next_attempt_at.is_not(None), calls.c.ended_at.is_(None), calls.c.id > after)
                .order_by(calls.c.id)
                .limit(_PAGE)
            )
            async with self._database.reader() as connection:
                page = (await connection.scalars(query)).all()
            for call_id in page:
                yield call_id
            if len(page) < _PAGE:
                return
            after = page[-1]
