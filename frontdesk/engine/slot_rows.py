"""The SQL of slots and pace; each function runs in the transaction that it is given.

Locks are taken in this order, so that nobody waits in a circle: the pace, the call, its slots.
"""

from dataclasses import asdict, dataclass
from enum import Enum, auto
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, func, not_, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from frontdesk.calls.tables import attempts, calls
from frontdesk.ended import EndedReason
from frontdesk.engine.limits import Going
from frontdesk.engine.pace import Pace
from frontdesk.engine.tables import dial_pace, dial_slots
from frontdesk.engine.wanted import Wanted
from frontdesk.gate.frequency import WEEK_S
from frontdesk.storage.statement import inserting_once

_PACE_ID = 1
_FIRST_PACE = text(
    "INSERT INTO dial_pace (id, next_at, full_until, slowdown, slowed_at) VALUES (1, 0, 0, 1, 0) "
    "ON CONFLICT (id) DO NOTHING"
)
_INSERT = inserting_once(dial_slots)
_live = dial_slots.c.released_at.is_(None)
_its_attempt = and_(attempts.c.call_id == dial_slots.c.call_id, attempts.c.number == dial_slots.c.attempt)
_ENGAGED = (EndedReason.BUSY, EndedReason.BUSY_OR_NO_ANSWER, EndedReason.DECLINED)


class Stage(Enum):
    """How far an attempt has come, by the ledger's account."""

    NOT_OPENED = auto()
    OPENED = auto()
    OVER = auto()


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot that was taken; it is live until it is released."""

    live: bool


async def locked_pace(connection: AsyncConnection) -> Pace:
    """The pace, for nobody else until the end of the transaction."""
    query = select(dial_pace).where(dial_pace.c.id == _PACE_ID).with_for_update()
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        await connection.execute(_FIRST_PACE)
        row = (await connection.execute(query)).one()
    return Pace(row.next_at, row.full_until, row.slowdown, row.slowed_at)


async def keep_pace(connection: AsyncConnection, pace: Pace) -> None:
    """Write the pace down."""
    await connection.execute(update(dial_pace).where(dial_pace.c.id == _PACE_ID).values(asdict(pace)))


async def locked_call(connection: AsyncConnection, call_id: str) -> bool:
    """Whether a call goes on; the ledger cannot change that before the end of the transaction."""
    query = select(calls.c.ended_at).where(calls.c.id == call_id).with_for_update(read=True)
    row = (await connection.execute(query)).one_or_none()
    return row is not None and row.ended_at is None


async def find(connection: AsyncConnection, call_id: str, attempt: int) -> Slot | None:
    """The slot of an attempt."""
    query = select(_live.label("live")).where(_of(call_id, attempt))
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else Slot(bool(row.live))


async def stage(connection: AsyncConnection, call_id: str, attempt: int) -> Stage:
    """How far an attempt has come."""
    query = select(attempts.c.opened_at, attempts.c.ended_at).where(
        attempts.c.call_id == call_id, attempts.c.number == attempt
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None or (row.opened_at is None and row.ended_at is None):
        return Stage.NOT_OPENED
    return Stage.OPENED if row.ended_at is None else Stage.OVER


async def times(connection: AsyncConnection, wanted: Wanted, now: float) -> tuple[list[float], list[float]]:
    """When the callee was dialed for the organization in the last week, UTC seconds.

    Returns:
        When their phone may have rung; and when their line was busy, or declined without a ring.
    """
    rang = dial_slots.c.rang.is_not(False)
    query = (
        select(dial_slots.c.taken_at, rang.label("rang"))
        .outerjoin(attempts, _its_attempt)
        .where(
            dial_slots.c.organization_id == wanted.organization_id,
            dial_slots.c.callee == wanted.callee,
            dial_slots.c.taken_at > now - WEEK_S,
            or_(rang, attempts.c.ended_reason.in_(_ENGAGED)),
        )
    )
    rows = (await connection.execute(query)).all()
    return [row.taken_at for row in rows if row.rang], [row.taken_at for row in rows if not row.rang]


async def look(connection: AsyncConnection, wanted: Wanted) -> tuple[Slot | None, Going]:
    """The attempt's slot, and what goes on without it: one question, since all who dial wait for it."""
    row = (await connection.execute(_look(wanted))).one()
    going = Going(
        incoming=row.incoming,
        out=row.out,
        organization=row.organization,
        caller_id=row.caller_id,
        campaign=row.campaign,
    )
    return (None if row.mine is None else Slot(bool(row.mine))), going


async def insert(connection: AsyncConnection, wanted: Wanted, now: float) -> None:
    """Take the slot, unless the attempt has it."""
    row = {
        "call_id": wanted.call_id,
        "attempt": wanted.attempt,
        "organization_id": wanted.organization_id,
        "campaign_id": wanted.campaign_id,
        "caller_id": wanted.caller_id,
        "callee": wanted.callee,
        "taken_at": now,
        "rang": None,
        "failed": None,
        "released_at": None,
    }
    await _INSERT.execute(connection, row)


async def forget(connection: AsyncConnection, call_id: str, attempt: int) -> None:
    """Remove a slot as if it had never been taken."""
    await connection.execute(delete(dial_slots).where(_of(call_id, attempt), _live))


async def release(connection: AsyncConnection, call_id: str, attempt: int, at: float) -> None:
    """End a slot; whether the phone rang is left open."""
    await connection.execute(update(dial_slots).where(_of(call_id, attempt), _live).values(released_at=at))


async def left_behind(connection: AsyncConnection, now: float, unopened_s: float) -> list[tuple[str, int]]:
    """Call and attempt of live slots whose call or attempt has ended, or that were not opened for so long."""
    query = (
        select(dial_slots.c.call_id, dial_slots.c.attempt)
        .outerjoin(calls, calls.c.id == dial_slots.c.call_id)
        .outerjoin(attempts, _its_attempt)
        .where(
            _live,
            or_(
                calls.c.ended_at.is_not(None),
                attempts.c.ended_at.is_not(None),
                and_(attempts.c.opened_at.is_(None), dial_slots.c.taken_at < now - unopened_s),
            ),
        )
    )
    return [(row.call_id, row.attempt) for row in await connection.execute(query)]


async def prune(connection: AsyncConnection, before: float) -> None:
    """Remove slots that were released before a time."""
    await connection.execute(delete(dial_slots).where(dial_slots.c.released_at < before))


def _of(call_id: str, attempt: int) -> ColumnElement[bool]:
    return and_(dial_slots.c.call_id == call_id, dial_slots.c.attempt == attempt)


def _look(wanted: Wanted) -> Select[Any]:
    same_organization = dial_slots.c.organization_id == wanted.organization_id
    same_caller = and_(same_organization, dial_slots.c.caller_id == wanted.caller_id)
    own = dial_slots.alias()
    mine = select(own.c.released_at.is_(None)).where(
        own.c.call_id == wanted.call_id, own.c.attempt == wanted.attempt
    )
    return select(
        mine.scalar_subquery().label("mine"),
        _INCOMING.scalar_subquery().label("incoming"),
        func.count().label("out"),
        func.count().filter(same_organization).label("organization"),
        func.count().filter(same_caller).label("caller_id"),
        func.count().filter(dial_slots.c.campaign_id == wanted.campaign_id).label("campaign"),
    ).where(_live, not_(_of(wanted.call_id, wanted.attempt)))


_INCOMING = (
    select(func.count()).select_from(calls).where(calls.c.direction == "inbound", calls.c.ended_at.is_(None))
)
