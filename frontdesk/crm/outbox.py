"""Writes events, and who is to get them, in the transaction of the change that they tell of."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from frontdesk.calls.models import NewCall
from frontdesk.calls.orders import Told
from frontdesk.calls.state import CallState
from frontdesk.crm.endpoints import Endpoint, Endpoints
from frontdesk.crm.events import call_event
from frontdesk.crm.tables import crm_deliveries, crm_events
from frontdesk.storage.json_text import to_text
from frontdesk.storage.statement import inserting_once

Row = dict[str, Any]
_INSERT_EVENTS = inserting_once(crm_events)
_INSERT_DELIVERIES = inserting_once(crm_deliveries)


class CrmOutbox:
    """The ledger's way to the CRM.

    Args:
        endpoints: Who is told.
        wake: Gets the endpoints that have something to be told, after the commit.
        clock: UTC seconds.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        wake: Callable[[Iterable[str]], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._endpoints = endpoints
        self._wake = wake
        self._clock = clock
        self._touched: set[str] = set()

    async def write(
        self, connection: AsyncConnection, told: Sequence[tuple[NewCall, CallState, Told]]
    ) -> None:
        """Write events and their deliveries; what is written already stays as it is."""
        if not told:
            return
        now = self._clock()
        events = [self._event(*item, now) for item in told]
        await write_events(connection, events)
        await self._write_deliveries(connection, events)

    def committed(self) -> None:
        """Have the events delivered."""
        touched, self._touched = self._touched, set()
        if touched:
            self._wake(touched)

    def _event(self, call: NewCall, state: CallState, told: Told, now: float) -> Row:
        payload = call_event(call, state, told, self._endpoints.slug(call.organization_id))
        return {
            "id": payload["data"]["event_id"],
            "organization_id": call.organization_id,
            "call_id": call.id,
            "sequence": told.sequence,
            "type": told.type,
            "payload": payload,
            "created_at": now,
        }

    async def _write_deliveries(self, connection: AsyncConnection, events: Iterable[Row]) -> None:
        await write_deliveries(connection, [row for event in events for row in self._deliveries(event)])

    def _deliveries(self, event: Row) -> Iterator[Row]:
        for endpoint in self._endpoints.of(event["organization_id"]):
            if endpoint.wants(event["type"]):
                self._touched.add(endpoint.id)
                yield delivery_row(event, endpoint)


async def write_events(connection: AsyncConnection, events: Sequence[Row]) -> None:
    """Write events that are not there yet."""
    rows = [{"erased_at": None} | event | {"payload": to_text(event["payload"])} for event in events]
    await _INSERT_EVENTS.execute_many(connection, rows)


async def write_deliveries(connection: AsyncConnection, deliveries: Sequence[Row]) -> None:
    """Write deliveries that are not there yet."""
    await _INSERT_DELIVERIES.execute_many(connection, deliveries)


def delivery_row(event: Row, endpoint: Endpoint) -> Row:
    """The delivery of an event to an endpoint, to be tried at once."""
    return {
        "id": f"dlv_{event['id'].removeprefix('evt_')}_{endpoint.id.removeprefix('ep_')}",
        "event_id": event["id"],
        "endpoint_id": endpoint.id,
        "organization_id": event["organization_id"],
        "call_id": event["call_id"],
        "sequence": event["sequence"],
        "type": event["type"],
        "state": "pending",
        "tries": 0,
        "earlier_tries": 0,
        "due_at": event["created_at"],
        "created_at": event["created_at"],
        "delivered_at": None,
        "last_status": None,
        "last_error": None,
    }
