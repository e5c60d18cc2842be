"""An inbox for Daily's events with all that belongs to it, and time that passes when told."""

import asyncio
import time
import uuid
from pathlib import Path
from typing import Any

from sqlalchemy import select

from frontdesk.daily.events.inbox import Inbox
from frontdesk.daily.events.worker import FAILURE_S, HOLD_S, UNKNOWN_CALL_S, EventWorker
from frontdesk.daily.tables import daily_events
from frontdesk.storage.database import Database
from frontdesk.storage.spool import Spool
from tests.daily.books import Books
from tests.daily.door import Door
from tests.daily.scene import OURS, name_of

SPOOL_AFTER_S = 60  # no spooling because of a slow machine


class Clock:
    """UTC seconds that move when told."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


class Ours:
    """Our installation."""

    id = OURS


def event(call_id: str, kind: str = "dialout.answered", event_id: str | None = None) -> dict[str, Any]:
    """An event about the first attempt of a call."""
    payload = {"room": name_of(call_id), "session_id": "leg-1", "timestamp": str(int(time.time()))}
    return {
        "version": "1.0.0",
        "type": kind,
        "id": event_id or uuid.uuid4().hex,
        "payload": payload,
        "event_ts": time.time(),
    }


class Desk:
    """An inbox, its worker and its door, with a ledger that obeys."""

    def __init__(self, database: Database, spool: Path) -> None:
        self.database = database
        self.books = Books()
        self.clock = Clock()
        self.worker = EventWorker(database, self.books, clock=self.clock, look_every_s=0.05)
        self.inbox = Inbox(
            database, Spool(spool), self.worker, Ours(), spool_after_s=SPOOL_AFTER_S, clock=self.clock
        )
        self.door: Door

    def call(self) -> str:
        """The id of a call that the ledger knows."""
        call_id = uuid.uuid4().hex
        self.books.known.add(call_id)
        return call_id

    async def rows(self) -> dict[str, Any]:
        """The table, by id."""
        async with self.database.reader() as connection:
            return {row.id: row for row in await connection.execute(select(daily_events))}

    async def outcome(self, event_id: str, wanted: str) -> Any:
        """Wait until an event has this outcome."""
        async with asyncio.timeout(60):
            while (row := (await self.rows()).get(event_id)) is None or row.outcome != wanted:
                await asyncio.sleep(0.01)
        return row


async def due(desk: Desk) -> None:
    """Let time pass until whatever is undone is due, and be looked at."""
    desk.clock.now += max(HOLD_S, *UNKNOWN_CALL_S, *FAILURE_S)
    assert await desk.worker.look()
