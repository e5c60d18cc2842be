"""The record of erasures, and which calls they concern."""

import secrets
from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    and_,
    case,
    delete,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from frontdesk.calls.models import State
from frontdesk.calls.tables import calls
from frontdesk.campaigns.erasing import erase_person as erase_rows
from frontdesk.crm.tables import crm_events
from frontdesk.daily.tables import daily_events
from frontdesk.patients.erasing import erase_person
from frontdesk.retention.erasing import SETTLED, Erased, erase_calls, erase_settled, unfinished
from frontdesk.retention.models import Candidate, Erasure, Subject
from frontdesk.retention.tables import erasure_calls, erasures
from frontdesk.storage.database import Database

_KEY = "erasure_key"
_KEEP_FIRST = text("INSERT INTO notes (name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING")
_READ = text("SELECT value FROM notes WHERE name = :name")
ERASING = "hashtextextended('frontdesk erases in ' || current_schema(), 0)"
"""The lock of whoever erases, as SQL."""
_ALONE = text(f"SELECT pg_try_advisory_xact_lock({ERASING})")
_REMEMBER = text(
    "INSERT INTO erasure_calls (erasure_id, call_id) VALUES (:erasure, :call) ON CONFLICT DO NOTHING"
)
_PERSON = case((calls.c.direction == "inbound", calls.c.from_number), else_=calls.c.to_number)
PAGE = 500
_WAITS = (State.SCHEDULED, State.QUEUED, State.RESCHEDULED)


class ErasureStore:
    """Reads and writes erasures; every write is one short transaction.

    On PostgreSQL one gateway erases at a time: what another one holds is left to it.

    Args:
        database: The books.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def key(self) -> str:
        """The secret that subjects are hashed with; the first who asks makes it."""
        async with self._database.writer() as connection:
            await connection.execute(_KEEP_FIRST, {"name": _KEY, "value": secrets.token_hex(32)})
            return str((await connection.execute(_READ, {"name": _KEY})).scalar_one())

    async def add(self, erasure: Erasure, subject: Subject | None = None) -> None:
        """Keep a request, and forget the patient at once: later, only the hash of the person is known."""
        values = {name: getattr(erasure, name) for name in Erasure.__slots__}
        async with self._database.writer() as connection:
            await connection.execute(erasures.insert().values(values))
            if subject is not None:
                person = {subject.kind: subject.value}
                await erase_person(connection, erasure.organization_id, **person)
                await erase_rows(connection, erasure.organization_id, **person)

    async def every(self, organization_id: str | None, limit: int) -> list[Erasure]:
        """The erasures of one organization or of all, newest first."""
        query = select(erasures).order_by(erasures.c.requested_at.desc(), erasures.c.id).limit(limit)
        if organization_id is not None:
            query = query.where(erasures.c.organization_id == organization_id)
        return await self._erasures(query)

    async def find(self, erasure_id: str) -> Erasure | None:
        """One erasure."""
        found = await self._erasures(select(erasures).where(erasures.c.id == erasure_id))
        return found[0] if found else None

    async def requests(self, *, since: float | None = None) -> list[Erasure]:
        """Requests that are not done; with `since` also those that were made after it."""
        wanted: ColumnElement[bool] = erasures.c.done_at.is_(None)
        if since is not None:
            wanted = or_(wanted, erasures.c.requested_at >= since)
        return await self._erasures(select(erasures).where(erasures.c.kind == "request", wanted))

    async def candidates(self, erasure: Erasure, since: float) -> AsyncIterator[Sequence[Candidate]]:
        """Calls whose data are there, accepted between `since` and the request, in pages."""
        after: tuple[float, str] = (since, "")
        while True:
            page = await self._candidates(erasure, after)
            if page:
                yield page
            if len(page) < PAGE:
                return
            after = (page[-1].created_at, page[-1].id)

    async def remember(self, erasure_id: str, call_ids: Sequence[str]) -> None:
        """Note which calls a request waits for."""
        async with self._database.writer() as connection:
            rows = [{"erasure": erasure_id, "call": call_id} for call_id in call_ids]
            await connection.execute(_REMEMBER, rows)

    async def waiting(self, erasure_id: str) -> list[str]:
        """Ids of the calls that a request waits for."""
        query = select(erasure_calls.c.call_id).where(erasure_calls.c.erasure_id == erasure_id)
        return await self._ids(query)

    async def not_begun(self, erasure_id: str) -> list[str]:
        """Ids of those of them that wait to be made."""
        query = select(calls.c.id).join(erasure_calls, erasure_calls.c.call_id == calls.c.id)
        return await self._ids(
            query.where(erasure_calls.c.erasure_id == erasure_id, calls.c.state.in_(_WAITS))
        )

    async def fulfil(self, erasure_id: str, call_ids: Sequence[str], now: float) -> int | None:
        """Erase what can be erased of these calls; how many were, None when another gateway is at it."""
        async with self._database.writer() as connection:
            if not await self._alone(connection):
                return None
            erased = await erase_calls(connection, call_ids, now)
            events = await erase_settled(connection, crm_events.c.call_id.in_(call_ids), now)
            left = await unfinished(connection, call_ids)
            done = [call_id for call_id in call_ids if call_id not in left]
            these = and_(erasure_calls.c.erasure_id == erasure_id, erasure_calls.c.call_id.in_(done))
            await connection.execute(delete(erasure_calls).where(these))
            await _count(connection, erasure_id, erased)
        return len(erased) + events

    async def finish(self, erasure_id: str, now: float) -> None:
        """Close a request, unless a call is left."""
        left = select(erasure_calls.c.call_id).where(erasure_calls.c.erasure_id == erasure_id).exists()
        change = update(erasures).where(erasures.c.id == erasure_id, erasures.c.done_at.is_(None), ~left)
        async with self._database.writer() as connection:
            await connection.execute(change.values(done_at=now))

    async def old_calls(self, before: float, limit: int) -> list[str]:
        """Ids of the oldest calls that were accepted before a time and hold data."""
        old = (calls.c.erased_at.is_(None), calls.c.created_at < before, calls.c.state == State.ENDED)
        query = select(calls.c.id).where(*old).order_by(calls.c.created_at).limit(limit)
        return await self._ids(query)

    async def old_events(self, before: float, limit: int) -> tuple[list[str], list[str]]:
        """Ids of events for the CRM and of Daily, from before a time, that hold data, also of no call."""
        stale = and_(daily_events.c.received_at < before, daily_events.c.payload.is_not(None))
        settled = select(crm_events.c.id).where(SETTLED, crm_events.c.created_at < before)
        of_daily = select(daily_events.c.id).where(stale)
        return await self._ids(settled.limit(limit)), await self._ids(of_daily.limit(limit))

    async def retain(self, call_ids: Sequence[str], now: float) -> int | None:
        """Erase calls because they are old, and record it; None when another gateway is at it."""
        async with self._database.writer() as connection:
            if not await self._alone(connection):
                return None
            erased = await erase_calls(connection, call_ids, now)
            await erase_settled(connection, crm_events.c.call_id.in_(call_ids), now)
            for organization_id in {one.organization_id for one in erased}:
                of_it = [one for one in erased if one.organization_id == organization_id]
                await _record_retention(connection, organization_id, of_it, now)
        return len(erased)

    async def retain_events(self, for_crm: Sequence[str], of_daily: Sequence[str], now: float) -> int | None:
        """Erase events because they are old; None when another gateway is at it."""
        change = update(daily_events).where(daily_events.c.id.in_(of_daily)).values(payload=None)
        async with self._database.writer() as connection:
            if not await self._alone(connection):
                return None
            settled = await erase_settled(connection, crm_events.c.id.in_(for_crm), now)
            emptied = await connection.execute(change)
        return settled + emptied.rowcount

    async def compact(self) -> bool:
        """Have SQLite empty its log, in which erased text stands until then; False when it could not."""
        return await self._database.checkpoint()

    async def _alone(self, connection: AsyncConnection) -> bool:
        return not self._database.is_postgres or bool((await connection.execute(_ALONE)).scalar_one())

    async def _ids(self, query: Select[Any]) -> list[str]:
        async with self._database.reader() as connection:
            return list((await connection.execute(query)).scalars())

    async def _erasures(self, query: Any) -> list[Erasure]:
        async with self._database.reader() as connection:
            return [_erasure(row) for row in (await connection.execute(query)).mappings()]

    async def _candidates(self, erasure: Erasure, after: tuple[float, str]) -> Sequence[Candidate]:
        place = (calls.c.created_at, calls.c.id)
        query = select(calls.c.id, calls.c.created_at, calls.c.patient_id, _PERSON.label("phone_number"))
        query = query.where(tuple_(*place) > tuple_(*after), calls.c.created_at <= erasure.requested_at)
        if erasure.organization_id is not None:
            query = query.where(calls.c.organization_id == erasure.organization_id)
        query = query.where(calls.c.erased_at.is_(None)).order_by(*place).limit(PAGE)
        async with self._database.reader() as connection:
            return [Candidate(**row) for row in (await connection.execute(query)).mappings()]


async def _count(connection: AsyncConnection, erasure_id: str, erased: Sequence[Erased]) -> None:
    more = {
        "calls": erasures.c.calls + len(erased),
        "turns": erasures.c.turns + sum(one.turns for one in erased),
    }
    if erased:
        await connection.execute(update(erasures).where(erasures.c.id == erasure_id).values(**more))


async def _record_retention(
    connection: AsyncConnection, organization_id: str, erased: Sequence[Erased], now: float
) -> None:
    """One record for each organization and day."""
    erasure_id = f"retention-{organization_id}-{int(now // 86400)}"
    found = await connection.execute(select(erasures.c.id).where(erasures.c.id == erasure_id))
    if found.first() is None:
        made = Erasure(erasure_id, organization_id, "retention", None, None, now)
        values = {name: getattr(made, name) for name in Erasure.__slots__}
        await connection.execute(erasures.insert().values(values))
    await _count(connection, erasure_id, erased)
    await connection.execute(update(erasures).where(erasures.c.id == erasure_id).values(done_at=now))


def _erasure(row: RowMapping) -> Erasure:
    return Erasure(**row)
