"""What the database remembers of endpoints: since when they fail, and whether they are disabled."""

from collections.abc import Iterable, Mapping

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from frontdesk.crm.tables import crm_deliveries, crm_endpoints
from frontdesk.storage.statement import inserting_once

_INSERT = inserting_once(crm_endpoints)


async def note_successes(connection: AsyncConnection, endpoint_ids: Iterable[str]) -> None:
    """Remember that endpoints work."""
    working = crm_endpoints.c.id.in_(sorted(endpoint_ids)) & crm_endpoints.c.failing_since.is_not(None)
    await connection.execute(update(crm_endpoints).where(working).values(failing_since=None))


async def note_failures(
    connection: AsyncConnection, endpoint_ids: Iterable[str], now: float, failing_before: float
) -> list[str]:
    """Remember that endpoints fail; return those that have been failing since before a time."""
    these = crm_endpoints.c.id.in_(sorted(endpoint_ids))
    first = these & crm_endpoints.c.failing_since.is_(None)
    await connection.execute(update(crm_endpoints).where(first).values(failing_since=now))
    long_failing = these & (crm_endpoints.c.failing_since <= failing_before)
    found = await connection.execute(
        select(crm_endpoints.c.id).where(long_failing, crm_endpoints.c.disabled_at.is_(None))
    )
    return list(found.scalars())


async def disable(connection: AsyncConnection, endpoint_id: str, now: float, why: str) -> None:
    """Disable an endpoint; what it has not got is kept and can be sent again."""
    await connection.execute(
        update(crm_endpoints)
        .where(crm_endpoints.c.id == endpoint_id, crm_endpoints.c.disabled_at.is_(None))
        .values(disabled_at=now, disabled_why=why)
    )
    await set_aside(connection, endpoint_id)


async def set_aside(connection: AsyncConnection, endpoint_id: str) -> None:
    """Keep what is pending for later, if the endpoint is disabled."""
    disabled = select(crm_endpoints.c.id).where(
        crm_endpoints.c.id == endpoint_id, crm_endpoints.c.disabled_at.is_not(None)
    )
    await connection.execute(
        update(crm_deliveries)
        .where(
            crm_deliveries.c.endpoint_id == endpoint_id,
            crm_deliveries.c.due_at.is_not(None),
            disabled.exists(),
        )
        .values(state="disabled", due_at=None)
    )


async def enable(connection: AsyncConnection, endpoint_id: str) -> None:
    """Enable an endpoint, with a clean record."""
    await connection.execute(
        update(crm_endpoints)
        .where(crm_endpoints.c.id == endpoint_id)
        .values(disabled_at=None, disabled_why=None, failing_since=None)
    )


async def remember(connection: AsyncConnection, endpoints: Mapping[str, str]) -> None:
    """Write down endpoints, with their organizations, that are not known yet."""
    unknown = dict.fromkeys(("failing_since", "disabled_at", "disabled_why"))
    rows = [unknown | {"id": endpoint, "organization_id": whose} for endpoint, whose in endpoints.items()]
    await _INSERT.execute_many(connection, rows)


async def troubled(connection: AsyncConnection) -> tuple[list[str], list[str]]:
    """The endpoints that are disabled, and those that fail."""
    trouble = crm_endpoints.c.disabled_at.is_not(None) | crm_endpoints.c.failing_since.is_not(None)
    found = (await connection.execute(select(crm_endpoints).where(trouble))).all()
    disabled = [row.id for row in found if row.disabled_at is not None]
    return disabled, [row.id for row in found if row.failing_since is not None]


async def give_up(connection: AsyncConnection, configured: Iterable[str], created_before: float) -> None:
    """Give up what has long been pending for endpoints that are no longer configured."""
    pending = crm_deliveries.c.due_at.is_not(None)
    found = await connection.execute(select(crm_deliveries.c.endpoint_id).where(pending).distinct())
    for endpoint_id in set(found.scalars()) - set(configured):
        old = (crm_deliveries.c.endpoint_id == endpoint_id) & (crm_deliveries.c.created_at < created_before)
        given_up = {"state": "failed", "due_at": None, "last_error": "endpoint_removed"}
        await connection.execute(update(crm_deliveries).where(pending, old).values(**given_up))
