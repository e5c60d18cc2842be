"""The queue of deliveries in the database: what is due is claimed, what was tried is settled.

A delivery is pending as long as `due_at` is set. A claim moves `due_at` beyond the longest try; whoever
claimed it settles it only while `due_at` is still what the claim made it. So a claim of a killed gateway
runs out by itself, and of two that both hold one, the later decides.

Within a call an endpoint gets events in order: a delivery with an earlier one pending is parked until that
one is due; settling that one makes it due at once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Integer, Text, bindparam, cast, func, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from frontdesk.crm.schedule import Try
from frontdesk.crm.tables import crm_deliveries, crm_events, crm_tries
from frontdesk.storage.statement import Statement, inserting_once

_PARKED_S = 2.0
# An event may be committed while the one before it is being settled, unseen by either: look again soon.


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that is ours to try until the claim runs out."""

    delivery_id: str
    event_id: str
    endpoint_id: str
    call_id: str | None
    sequence: int
    tries: int
    earlier_tries: int
    until: float
    body: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a claim brought.

    Args:
        claims: To be tried now.
        parked: Calls with an event that waits for an earlier one.
        next_due: When to claim again, UTC seconds; None when nothing else is pending.
    """

    claims: tuple[Claim, ...]
    parked: frozenset[str]
    next_due: float | None


@dataclass(frozen=True, slots=True)
class Settled:
    """The outcome of a try: the delivery's new state, and when it is due again if it is still pending."""

    claim: Claim
    tried: Try
    state: str
    due_at: float | None = None


_earlier = crm_deliveries.alias("earlier")
_blocked_until = (  # the sum keeps SQLite from walking all that is pending, in search of the least due_at
    select(func.min(_earlier.c.due_at + literal_column("0.0")))
    .where(
        _earlier.c.endpoint_id == crm_deliveries.c.endpoint_id,
        _earlier.c.call_id == crm_deliveries.c.call_id,
        _earlier.c.sequence < crm_deliveries.c.sequence,
        _earlier.c.due_at.is_not(None),
    )
    .correlate(crm_deliveries)
    .scalar_subquery()
)
_FIRST_DUE = (
    select(
        crm_deliveries.c.id,
        crm_deliveries.c.event_id,
        crm_deliveries.c.call_id,
        crm_deliveries.c.sequence,
        crm_deliveries.c.tries,
        crm_deliveries.c.earlier_tries,
        crm_deliveries.c.due_at,
        cast(crm_events.c.payload, Text).label("body"),
        _blocked_until.label("blocked_until"),
    )
    .join(crm_events, crm_events.c.id == crm_deliveries.c.event_id)
    .where(crm_deliveries.c.endpoint_id == bindparam("endpoint"), crm_deliveries.c.due_at.is_not(None))
    .order_by(crm_deliveries.c.due_at)
    .limit(bindparam("most", type_=Integer))
    .with_for_update(of=crm_deliveries, skip_locked=True)
)
_MOVE = (
    update(crm_deliveries).where(crm_deliveries.c.id == bindparam("delivery")).values(due_at=bindparam("to"))
)
_SETTLE = (
    update(crm_deliveries)
    .where(
        crm_deliveries.c.id == bindparam("delivery"), crm_deliveries.c.due_at == bindparam("claimed_until")
    )
    .values(
        state=bindparam("new_state"),
        tries=bindparam("number"),
        due_at=bindparam("to"),
        delivered_at=bindparam("delivered"),
        last_status=bindparam("status"),
        last_error=bindparam("error"),
    )
)
_RELEASE = (
    update(crm_deliveries)
    .where(
        crm_deliveries.c.endpoint_id == bindparam("endpoint"),
        crm_deliveries.c.call_id == bindparam("call"),
        crm_deliveries.c.sequence > bindparam("after"),
        crm_deliveries.c.due_at.is_not(None),
    )
    .values(due_at=bindparam("to"))
)
_GIVE_BACK = (
    update(crm_deliveries)
    .where(
        crm_deliveries.c.id == bindparam("delivery"), crm_deliveries.c.due_at == bindparam("claimed_until")
    )
    .values(due_at=bindparam("to"))
)
_FIRST_DUE_SQL = Statement(lambda _: _FIRST_DUE)
_MOVE_SQL = Statement(lambda _: _MOVE)
_SETTLE_SQL = Statement(lambda _: _SETTLE)
_RELEASE_SQL = Statement(lambda _: _RELEASE)
_GIVE_BACK_SQL = Statement(lambda _: _GIVE_BACK)
_INSERT_TRIES = inserting_once(crm_tries)


async def claim(
    connection: AsyncConnection, endpoint_id: str, now: float, until: float, most: int
) -> Claimed:
    """Claim up to `most` deliveries of an endpoint that are due; park those that must wait for another."""
    found = await _FIRST_DUE_SQL.execute(connection, {"endpoint": endpoint_id, "most": most + 1})
    rows = found.all()
    due = [row for row in rows[:most] if row.due_at <= now]
    free = [row for row in due if row.blocked_until is None]
    parked = [row for row in due if row.blocked_until is not None]
    moves = [{"delivery": row.id, "to": until} for row in free]
    moves += [{"delivery": row.id, "to": _park(row.blocked_until, now, until)} for row in parked]
    await _MOVE_SQL.execute_many(connection, moves)
    claims = tuple(_claim(row, endpoint_id, until) for row in free)
    later = [row.due_at for row in rows[len(due) :]] + [move["to"] for move in moves[len(free) :]]
    return Claimed(claims, frozenset(row.call_id for row in parked), min(later, default=None))


def _park(blocked_until: float, now: float, until: float) -> float:
    return blocked_until if blocked_until > until else now + _PARKED_S


def _claim(row: Any, endpoint_id: str, until: float) -> Claim:
    return Claim(
        row.id,
        row.event_id,
        endpoint_id,
        row.call_id,
        row.sequence,
        row.tries,
        row.earlier_tries,
        until,
        row.body,
    )


async def settle(connection: AsyncConnection, settled: Sequence[Settled]) -> None:
    """Write the outcomes of tries, and log the tries."""
    await _SETTLE_SQL.execute_many(connection, [_outcome(item) for item in settled])
    await _INSERT_TRIES.execute_many(connection, [_log_line(item) for item in settled])


async def let_others_go(connection: AsyncConnection, claims: Iterable[Claim], now: float) -> None:
    """Make the later events of the calls due, now that these are settled for good."""
    rows = [
        {"endpoint": it.endpoint_id, "call": it.call_id, "after": it.sequence, "to": now} for it in claims
    ]
    await _RELEASE_SQL.execute_many(connection, rows)


async def release(connection: AsyncConnection, claims: Iterable[Claim], now: float) -> None:
    """Give claims back that were not tried."""
    rows = [{"delivery": it.delivery_id, "claimed_until": it.until, "to": now} for it in claims]
    await _GIVE_BACK_SQL.execute_many(connection, rows)


def _outcome(item: Settled) -> dict[str, Any]:
    return {
        "delivery": item.claim.delivery_id,
        "claimed_until": item.claim.until,
        "new_state": item.state,
        "number": item.claim.tries + 1,
        "to": item.due_at,
        "delivered": item.tried.at if item.tried.delivered else None,
        "status": item.tried.status,
        "error": item.tried.error,
    }


def _log_line(item: Settled) -> dict[str, Any]:
    return {
        "delivery_id": item.claim.delivery_id,
        "number": item.claim.tries + 1,
        "at": item.tried.at,
        "status": item.tried.status,
        "error": item.tried.error,
        "duration_ms": item.tried.duration_ms,
    }
