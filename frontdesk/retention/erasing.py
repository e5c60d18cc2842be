"""Erases what is personal in calls: a few calls in one short transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, and_, bindparam, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from frontdesk.calls.models import State
from frontdesk.calls.personal import impersonal
from frontdesk.calls.tables import call_events, calls, tool_calls, turns
from frontdesk.crm.tables import crm_deliveries, crm_events
from frontdesk.daily.tables import daily_events
from frontdesk.retention.content import erased_life, erased_payload

_GONE: Final[dict[str, Any]] = {
    "from_number": None,
    "to_number": None,
    "patient_id": None,
    "line": {},
    "variables": {},
    "metadata": {},
    "external_id": None,
    "brief": {},
    "ended_detail": None,
}
_PENDING = exists().where(crm_deliveries.c.event_id == crm_events.c.id, crm_deliveries.c.state == "pending")
SETTLED = and_(crm_events.c.erased_at.is_(None), ~_PENDING)


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased of one call."""

    call_id: str
    organization_id: str
    turns: int


async def erase_calls(connection: AsyncConnection, call_ids: Sequence[str], now: float) -> list[Erased]:
    """Erase what is personal in those of the calls that have ended and were not erased before."""
    rows = await _lock(connection, call_ids)
    ids = [row.id for row in rows]
    counted = await _count_turns(connection, ids)
    await _empty(connection, turns, ids, {"text": None})
    await _empty(connection, tool_calls, ids, {"arguments": None, "result": None})
    await _empty(connection, daily_events, ids, {"payload": None})
    await _clean_events(connection, ids)
    await _forget(connection, rows, now)
    return [Erased(row.id, row.organization_id, counted.get(row.id, 0)) for row in rows]


async def erase_settled(connection: AsyncConnection, which: ColumnElement[bool], now: float) -> int:
    """Erase those of the events for the CRM that no delivery waits for; returns how many."""
    query = select(crm_events.c.id, crm_events.c.payload).where(SETTLED, which)
    rows = (await connection.execute(query)).all()
    values = [{"event": row.id, "kept": erased_payload(row.payload)} for row in rows]
    change = update(crm_events).where(crm_events.c.id == bindparam("event"))
    if values:
        await connection.execute(change.values(payload=bindparam("kept"), erased_at=now), values)
    return len(rows)


async def unfinished(connection: AsyncConnection, call_ids: Sequence[str]) -> set[str]:
    """Those of the calls that are not erased, or have an event for the CRM that is not."""
    live = select(calls.c.id).where(calls.c.id.in_(call_ids), calls.c.erased_at.is_(None))
    under_way = select(crm_events.c.call_id).where(
        crm_events.c.call_id.in_(call_ids), crm_events.c.erased_at.is_(None)
    )
    return set((await connection.execute(live.union(under_way))).scalars())


async def _lock(connection: AsyncConnection, call_ids: Sequence[str]) -> Sequence[Any]:
    columns = (calls.c.id, calls.c.organization_id, calls.c.life, calls.c.plan)
    query = select(*columns).where(
        calls.c.id.in_(call_ids), calls.c.state == State.ENDED, calls.c.erased_at.is_(None)
    )
    return (await connection.execute(query.order_by(calls.c.id).with_for_update())).all()


async def _count_turns(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, int]:
    query = select(turns.c.call_id, func.count()).where(turns.c.call_id.in_(ids)).group_by(turns.c.call_id)
    return {row[0]: row[1] for row in await connection.execute(query)}


async def _empty(
    connection: AsyncConnection, table: Table, ids: Sequence[str], values: dict[str, Any]
) -> None:
    filled = or_(*(table.c[name].is_not(None) for name in values))
    await connection.execute(update(table).where(table.c.call_id.in_(ids), filled).values(values))


async def _clean_events(connection: AsyncConnection, ids: Sequence[str]) -> None:
    columns = (call_events.c.call_id, call_events.c.id, call_events.c.source, call_events.c.data)
    rows = (await connection.execute(select(*columns).where(call_events.c.call_id.in_(ids)))).all()
    cleaned = [(row, impersonal(row.source, row.data)) for row in rows]
    values = [
        {"call": row.call_id, "event": row.id, "kept": kept} for row, kept in cleaned if kept != row.data
    ]
    this = and_(call_events.c.call_id == bindparam("call"), call_events.c.id == bindparam("event"))
    if values:
        await connection.execute(update(call_events).where(this).values(data=bindparam("kept")), values)


async def _forget(connection: AsyncConnection, rows: Sequence[Any], now: float) -> None:
    values = [
        {"call": row.id, "kept": erased_life(row.life), "kept_plan": erased_life(row.plan)} for row in rows
    ]
    change = update(calls).where(calls.c.id == bindparam("call"))
    if values:
        kept = {"life": bindparam("kept"), "plan": bindparam("kept_plan"), "erased_at": now}
        await connection.execute(change.values(**_GONE, **kept), values)
