"""The log of deliveries: read for people and programs, and sent again on request."""

import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from frontdesk.calls.views import moment, moment_or_none
from frontdesk.crm import endpoint_store, views
from frontdesk.crm.endpoints import Endpoint, Endpoints
from frontdesk.crm.events import PING_EVENT, ping_event
from frontdesk.crm.outbox import delivery_row, write_deliveries, write_events
from frontdesk.crm.standing import Standing
from frontdesk.crm.tables import crm_deliveries, crm_endpoints, crm_events, crm_tries
from frontdesk.errors import DeliveryNotFoundError, EndpointDisabledError, EndpointNotFoundError
from frontdesk.storage.database import Database

_AGAIN = {"state": "pending", "earlier_tries": crm_deliveries.c.tries, "delivered_at": None}


class DeliveryLog:
    """Answers questions about deliveries; those of other organizations do not exist.

    An `organization_id` of None stands for all organizations. Every method raises
    `DatabaseUnavailableError`.

    Args:
        database: Holds the outbox.
        endpoints: The endpoints that are configured.
        standing: Learns which endpoints are disabled.
        wake: Gets the endpoints that have something to be told.
        clock: UTC seconds.
    """

    def __init__(
        self,
        database: Database,
        endpoints: Endpoints,
        standing: Standing,
        wake: Callable[[Iterable[str]], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._endpoints = endpoints
        self._standing = standing
        self._wake = wake
        self._clock = clock

    async def page(self, organization_id: str | None, filters: views.DeliveryFilters) -> views.DeliveryPage:
        """Deliveries, newest first.

        Raises:
            InvalidCursorError: The cursor was not made for this list.
        """
        async with self._database.reader() as connection:
            found = await connection.execute(_listed(organization_id, filters))
        rows = found.mappings().all()
        shown = rows[: filters.limit]
        last = shown[-1] if len(rows) > len(shown) else None
        cursor = views.cursor_after(last["created_at"], last["id"]) if last else None
        return views.DeliveryPage(deliveries=tuple(map(_view, shown)), next_cursor=cursor)

    async def record(self, organization_id: str | None, delivery_id: str) -> views.DeliveryRecord:
        """One delivery with its tries.

        Raises:
            DeliveryNotFoundError: The organization has no such delivery.
        """
        async with self._database.reader() as connection:
            row = await _find(connection, organization_id, delivery_id)
            payload = select(crm_events.c.payload).where(crm_events.c.id == row["event_id"])
            event = (await connection.execute(payload)).scalar_one()
            log = select(crm_tries).where(crm_tries.c.delivery_id == delivery_id).order_by(crm_tries.c.number)
            tries = (await connection.execute(log)).mappings().all()
        return views.DeliveryRecord(**_view(row).model_dump(), log=tuple(map(_try_view, tries)), event=event)

    async def resend(self, organization_id: str | None, delivery_id: str) -> views.Delivery:
        """Have a delivery made again, whatever became of it; a disabled endpoint is enabled by this.

        Raises:
            DeliveryNotFoundError: The organization has no such delivery.
            EndpointNotFoundError: Its endpoint is no longer configured.
        """
        async with self._database.writer() as connection:
            row = await _find(connection, organization_id, delivery_id)
            endpoint = self._endpoint(organization_id, row["endpoint_id"])
            await self._enable(connection, endpoint)
            this = crm_deliveries.c.id == delivery_id
            await connection.execute(
                update(crm_deliveries).where(this).values(**_AGAIN, due_at=self._clock())
            )
            again = await _find(connection, organization_id, delivery_id)
        self._wake([endpoint.id])
        return _view(again)

    async def endpoints(self, organization_id: str | None) -> views.EndpointList:
        """The endpoints that are configured, and how they do."""
        shown = [e for e in self._endpoints if organization_id in {None, e.organization_id}]
        ids = [endpoint.id for endpoint in shown]
        waiting = (
            select(crm_deliveries.c.endpoint_id, func.count())
            .where(crm_deliveries.c.endpoint_id.in_(ids), crm_deliveries.c.due_at.is_not(None))
            .group_by(crm_deliveries.c.endpoint_id)
        )
        async with self._database.reader() as connection:
            found = await connection.execute(select(crm_endpoints).where(crm_endpoints.c.id.in_(ids)))
            known = {row["id"]: row for row in found.mappings()}
            pending = {str(name): int(count) for name, count in await connection.execute(waiting)}
        return views.EndpointList(
            endpoints=tuple(_endpoint_view(e, known.get(e.id, {}), pending.get(e.id, 0)) for e in shown)
        )

    async def enable(self, organization_id: str | None, endpoint_id: str, *, resend_missed: bool) -> None:
        """Send events to an endpoint again.

        Args:
            organization_id: Whose.
            endpoint_id: Which.
            resend_missed: Also what it missed while it was disabled.

        Raises:
            EndpointNotFoundError: The organization has no such endpoint.
        """
        endpoint = self._endpoint(organization_id, endpoint_id)
        async with self._database.writer() as connection:
            await self._enable(connection, endpoint)
            if resend_missed:
                missed = (crm_deliveries.c.endpoint_id == endpoint_id) & (
                    crm_deliveries.c.state == "disabled"
                )
                again = update(crm_deliveries).where(missed).values(**_AGAIN, due_at=self._clock())
                await connection.execute(again)
        self._wake([endpoint_id])

    async def test(self, organization_id: str | None, endpoint_id: str) -> views.Delivery:
        """Send an event that only tests an endpoint.

        Raises:
            EndpointNotFoundError: The organization has no such endpoint.
            EndpointDisabledError: It is disabled.
        """
        endpoint = self._endpoint(organization_id, endpoint_id)
        event = self._test_event(endpoint)
        row = delivery_row(event, endpoint)
        async with self._database.writer() as connection:
            disabled, _ = await endpoint_store.troubled(connection)
            if endpoint_id in disabled:
                raise EndpointDisabledError
            await write_events(connection, [event])
            await write_deliveries(connection, [row])
            written = await _find(connection, organization_id, row["id"])
        self._wake([endpoint_id])
        return _view(written)

    def _test_event(self, endpoint: Endpoint) -> dict[str, Any]:
        new_id, now, organization_id = f"evt_{uuid.uuid4().hex}", self._clock(), endpoint.organization_id
        return {
            "id": new_id,
            "organization_id": organization_id,
            "call_id": None,
            "sequence": 0,
            "type": PING_EVENT,
            "payload": ping_event(new_id, now, organization_id, self._endpoints.slug(organization_id)),
            "created_at": now,
        }

    def _endpoint(self, organization_id: str | None, endpoint_id: str) -> Endpoint:
        endpoint = self._endpoints.get(endpoint_id)
        if endpoint is None or organization_id not in {None, endpoint.organization_id}:
            raise EndpointNotFoundError
        return endpoint

    async def _enable(self, connection: AsyncConnection, endpoint: Endpoint) -> None:
        await endpoint_store.enable(connection, endpoint.id)
        self._standing.learn(*await endpoint_store.troubled(connection))


def _own(organization_id: str | None) -> list[ColumnElement[bool]]:
    return [] if organization_id is None else [crm_deliveries.c.organization_id == organization_id]


def _listed(organization_id: str | None, filters: views.DeliveryFilters) -> Select[Any]:
    equal = {
        crm_deliveries.c.call_id: filters.call_id,
        crm_deliveries.c.state: filters.state,
        crm_deliveries.c.type: filters.type,
        crm_deliveries.c.endpoint_id: filters.endpoint,
    }
    wanted = [column == value for column, value in equal.items() if value is not None]
    order = (crm_deliveries.c.created_at, crm_deliveries.c.id)
    position = filters.after()
    if position is not None:
        wanted.append(tuple_(*order) < tuple_(*position))
    query = select(crm_deliveries).where(*_own(organization_id), *wanted)
    return query.order_by(*(column.desc() for column in order)).limit(filters.limit + 1)


async def _find(connection: AsyncConnection, organization_id: str | None, delivery_id: str) -> RowMapping:
    query = select(crm_deliveries).where(crm_deliveries.c.id == delivery_id, *_own(organization_id))
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        raise DeliveryNotFoundError
    return row


def _view(row: RowMapping) -> views.Delivery:
    same = ("id", "event_id", "type", "endpoint_id", "call_id", "sequence", "state", "tries")
    return views.Delivery(
        **{name: row[name] for name in same},
        next_try_at=moment_or_none(row["due_at"]),
        created_at=moment(row["created_at"]),
        delivered_at=moment_or_none(row["delivered_at"]),
        last_status=row["last_status"],
        last_error=row["last_error"],
    )


def _try_view(row: RowMapping) -> views.TryView:
    same = ("number", "status", "error", "duration_ms")
    return views.TryView(at=moment(row["at"]), **{name: row[name] for name in same})


def _endpoint_view(endpoint: Endpoint, known: Any, pending: int) -> views.EndpointView:
    failing, disabled = known.get("failing_since"), known.get("disabled_at")
    return views.EndpointView(
        id=endpoint.id,
        url=endpoint.url,
        types=tuple(sorted(endpoint.types)),
        state="disabled" if disabled else "failing" if failing else "working",
        failing_since=moment_or_none(failing),
        disabled_at=moment_or_none(disabled),
        disabled_why=known.get("disabled_why"),
        pending=pending,
    )
