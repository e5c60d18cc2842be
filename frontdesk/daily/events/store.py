"""The table of Daily's events. What is undone has a time at which it is due; two gateways may share it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from frontdesk.daily.events.models import DailyEvent
from frontdesk.daily.room_names import parse_room
from frontdesk.daily.tables import daily_events
from frontdesk.storage.database import Database
from frontdesk.storage.json_text import to_text
from frontdesk.storage.statement import Statement

Outcome = Literal["applied", "unknown_call", "failed"]
_COLUMNS = [column.name for column in daily_events.columns]
_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_INSERT = Statement(lambda kind: _INSERTS[kind](daily_events).on_conflict_do_nothing(), _COLUMNS)
_SETTLE = (
    update(daily_events)
    .where(daily_events.c.id == bindparam("event_id"))
    .values(outcome=bindparam("outcome"), due_at=bindparam("due_at"), tries=bindparam("tries"))
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """An event to be applied, and how often that was tried."""

    event: DailyEvent
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of an event; with `due_at` (UTC seconds) it is tried again."""

    event_id: str
    tries: int
    outcome: Outcome | None = None
    due_at: float | None = None


async def keep(connection: AsyncConnection, events: Sequence[DailyEvent], due_at: float) -> None:
    """Insert events; one that is there already is left as it is."""
    await _INSERT.execute_many(connection, [_row(event, due_at) for event in events])


async def any_due(database: Database, now: float) -> bool:
    """Whether any event is due; a look that costs no writer.

    Raises:
        DatabaseUnavailableError: The database is away.
    """
    due = select(daily_events.c.id).where(daily_events.c.due_at <= now).limit(1)
    async with database.reader() as connection:
        return (await connection.execute(due)).first() is not None


async def claim(database: Database, now: float, limit: int, hold_s: float) -> list[Claimed]:
    """Take events that are due; nobody else takes them for `hold_s`.

    Raises:
        DatabaseUnavailableError: The database is away.
    """
    due = (
        select(daily_events.c.id)
        .where(daily_events.c.due_at <= now)
        .order_by(daily_events.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taking = (
        update(daily_events)
        .where(daily_events.c.id.in_(due.scalar_subquery()))
        .values(due_at=now + hold_s)
        .returning(*daily_events.columns)
    )
    async with database.writer() as connection:
        rows = (await connection.execute(taking)).all()
    return [claimed for row in rows if (claimed := _claimed(row)) is not None]


async def settle(database: Database, settled: Sequence[Settled]) -> None:
    """Write what became of events.

    Raises:
        DatabaseUnavailableError: The database is away; they are tried again.
    """
    rows = [
        {"event_id": one.event_id, "outcome": one.outcome, "due_at": one.due_at, "tries": one.tries}
        for one in settled
    ]
    if rows:
        async with database.writer() as connection:
            await connection.execute(_SETTLE, rows)


async def forget(database: Database, before: float) -> int:
    """Delete what is done and came before that time (UTC seconds); how many.

    Raises:
        DatabaseUnavailableError: The database is away.
    """
    old = delete(daily_events).where(daily_events.c.due_at.is_(None), daily_events.c.received_at < before)
    async with database.writer() as connection:
        return (await connection.execute(old)).rowcount


def _row(event: DailyEvent, due_at: float) -> dict[str, Any]:
    return {
        "id": event.id,
        "type": event.type,
        "room": event.room,
        "call_id": event.call_id,
        "payload": to_text(event.data),
        "event_at": event.at,
        "received_at": event.received_at,
        "tries": 0,
        "due_at": due_at,
        "outcome": None,
    }


def _claimed(row: Any) -> Claimed | None:
    name = parse_room(row.room)
    if name is None:
        return None
    event = DailyEvent(
        id=row.id,
        type=row.type,
        room=row.room,
        call_id=name.call_id,
        attempt=name.attempt,
        at=row.event_at,
        received_at=row.received_at,
        data=row.payload,
    )
    return Claimed(event, row.tries)
