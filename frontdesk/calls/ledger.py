"""The ledger: facts of calls, recorded durably, many in one commit."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Self

from loguru import logger

from frontdesk.calls import store
from frontdesk.calls.batch import Batch
from frontdesk.calls.entries import (
    Entry,
    LedgerCall,
    NoOutbox,
    NoSlots,
    Opened,
    Outbox,
    Outcome,
    Recorded,
    Slots,
    Tick,
    Write,
)
from frontdesk.calls.models import Fact, NewCall, Source
from frontdesk.calls.open_pages import OpenPages
from frontdesk.calls.orders import Patience, Step
from frontdesk.calls.spooled import Writes
from frontdesk.errors import DatabaseUnavailableError
from frontdesk.storage.database import Database
from frontdesk.storage.recorder import Recorder
from frontdesk.storage.spool import Spool

__all__ = ["Ledger", "LedgerCall", "NoOutbox", "NoSlots", "Opened", "Outbox", "Recorded", "Slots"]

LINGER_S = 0.004
"""How long a busy ledger waits for company, so that a commit carries more; a quiet one does not wait."""
Listener = Callable[[LedgerCall], None]


class Ledger:
    """Every call that was accepted, until its one end.

    Args:
        database: Where it is kept.
        spool: What takes facts while the database does not.
        outbox: Gets the CRM's events in the same transaction.
        patience: Of the life of calls.
        slots: Gets back the slots of attempts that are over, in the same transaction.
        clock: UTC seconds.
        spool_after_s: How long a fact may wait for the database.
    """

    def __init__(
        self,
        database: Database,
        spool: Spool,
        outbox: Outbox,
        *,
        patience: Patience,
        slots: Slots | None = None,
        clock: Callable[[], float] = time.time,
        spool_after_s: float = 0.1,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._patience = patience
        self._slots = slots or NoSlots()
        self._clock = clock
        self._entries: Recorder[Entry, Outcome] = Recorder(
            self._commit,
            spool,
            Writes(),
            name="ledger",
            spool_after_s=spool_after_s,
            linger_s=LINGER_S,
            clock=clock,
        )
        self._open_pages = OpenPages()
        self._opening: Counter[str] = Counter()
        self._listeners: list[Listener] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Commits and replays in the background; at the end everything is in the database or the spool."""
        async with self._entries.running():
            yield self

    async def open(self, call: NewCall, *facts: Fact) -> Opened:
        """Enter a call that was accepted, with facts of it; durable when this returns.

        Raises:
            NotRecordedError: Neither the database nor the spool took it.
        """
        write = Write(self._clock(), facts, call)
        known = call.id in self._opening or self._entries.holds(write)
        self._opening[call.id] += 1
        try:
            outcome = await self._entries.put(write)
        finally:
            self._opening -= Counter({call.id})
        if outcome is None:
            return Opened(created=not known, spooled=True)
        return Opened(outcome.created, state=outcome.states[call.id])

    async def record(self, *facts: Fact) -> Recorded:
        """Enter facts of known calls; durable when this returns. Copies of facts change nothing.

        Raises:
            NotRecordedError: Neither the database nor the spool took them.
        """
        outcome = await self._entries.put(Write(self._clock(), facts))
        if outcome is None:
            return Recorded(spooled=True)
        return Recorded(states=outcome.states, unknown=outcome.unknown)

    async def decide(self, *facts: Fact) -> Recorded:
        """Enter facts whose place among the others decides, such as who may dial: never in the spool.

        Raises:
            DatabaseUnavailableError: It is not known whether they are entered; ask again with the same facts.
        """
        write = Write(self._clock(), facts)
        if self._entries.holds(write):
            raise DatabaseUnavailableError("Earlier facts of the call are not in the books yet.")
        outcome = await self._entries.submit(write)
        return Recorded(states=outcome.states, unknown=outcome.unknown)

    async def load(self, call_id: str) -> LedgerCall | None:
        """A call as it is in the database.

        Raises:
            DatabaseUnavailableError: It cannot be read now.
        """
        async with self._database.reader() as connection:
            return await store.load(connection, call_id)

    def awaits(self, call_id: str) -> bool:
        """Whether something of a call is in this gateway's spool, on its way into the database."""
        return self._entries.holds(Write(0.0, (Fact(call_id, "", Source.GATEWAY, "", 0.0),)))

    async def claim_due(self, now: float, limit: int, hold_s: float) -> list[str]:
        """Ids of calls that the clock must look at; for `hold_s` seconds no other gateway gets them.

        Raises:
            DatabaseUnavailableError: None can be claimed now.
        """
        async with self._database.writer() as connection:
            return await store.claim_due(connection, now, limit, now + hold_s)

    async def tick(self, call_id: str, now: float, up_since: float) -> Step | None:
        """Let the clock look at a call; None when it is not known. Shares commits with everything else.

        Raises:
            DatabaseUnavailableError: The database is away; the call stays due.
        """
        return (await self._entries.submit(Tick(call_id, now, up_since))).step

    def watch(self, listener: Listener) -> Callable[[], None]:
        """Have `listener` called with each changed call after each commit; returns how to end that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def _commit(self, entries: Sequence[Entry]) -> list[Outcome]:
        async with self._database.writer() as connection:
            open_pages = await self._open_pages.take(connection, entries) if self._database.is_ours else {}
            pages = await store.load_pages(connection, entries, open_pages.keys())
            batch = Batch(pages | open_pages, self._patience)
            outcomes = batch.fold(entries)
            await store.save(connection, batch)
            if batch.told:
                await self._outbox.write(connection, batch.told)
            if batch.over:
                await self._slots.release(connection, batch.over)
        if self._database.is_ours:
            self._open_pages.put(batch.pages.values())
        self._announce(batch)
        return outcomes

    def _announce(self, batch: Batch) -> None:
        if batch.told:
            self._outbox.committed()
        if batch.over:
            self._slots.released()
        for page in batch.changed:
            for listener in tuple(self._listeners):
                try:
                    listener(LedgerCall(page.call, page.state))
                except Exception as error:  # noqa: BLE001 - whoever watches must not harm what is watched
                    logger.error("A listener failed for call {}: {}", page.state.id, type(error).__name__)
