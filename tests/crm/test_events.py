"""What the CRM is told: the payload, its size, and the outbox in the ledger's transaction."""

import time
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic_core import from_json, to_json
from sqlalchemy import func, select

from frontdesk.crm.events import EVENT_TYPES, LARGEST_BYTES, CallEvent, PingEvent, call_event, ping_event
from frontdesk.crm.routes import document_webhooks
from frontdesk.crm.service import Crm
from frontdesk.crm.tables import crm_deliveries, crm_events
from frontdesk.ended import EndedReason
from frontdesk.storage.database import Database
from tests.crm.world import TYPES, deliveries, endpoint, endpoints, new_call, state_of, tell, told

ENDED: dict[str, Any] = {
    "reason": "caller_hangup",
    "ended_by": "caller",
    "retryable": False,
    "detail": "",
    "ended_at": 1_000_050.5,
}


@pytest.mark.parametrize("event_type", TYPES)
@pytest.mark.parametrize("withheld", [True, False])
def test_the_models_describe_what_is_sent(event_type: str, *, withheld: bool) -> None:
    """Every payload is what the documentation's model says, and nothing is missing or too much."""
    call = new_call(from_number=None if withheld else "+14155550123", metadata={"ticket": 7})
    data = ENDED if event_type.endswith("ended") else {}
    payload = call_event(call, state_of(call), told(1, event_type, data=data), "bright-smile")
    CallEvent.model_validate_json(to_json(payload))
    assert payload["data"]["metadata"] == {"ticket": 7}
    assert (payload["data"]["advice"] is not None) == bool(data)


@pytest.mark.parametrize("reason", list(EndedReason))
def test_every_reason_comes_with_advice(reason: EndedReason) -> None:
    """Each ended reason has its advice in the event, and the models know it."""
    call = new_call()
    payload = call_event(call, state_of(call), told(5, "call.ended", data=ENDED | {"reason": reason}), None)
    assert CallEvent.model_validate_json(to_json(payload)).data.advice


def test_times_are_rfc_3339() -> None:
    """Times carry milliseconds and Z."""
    call = new_call()
    payload = call_event(call, state_of(call), told(5, "call.ended", data=ENDED), None)
    assert payload["timestamp"] == "1970-01-12T13:46:41.000Z"
    assert payload["data"]["ended_at"] == "1970-01-12T13:47:30.500Z"


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 60_000))
def test_no_event_is_larger_than_20_kb(size: int) -> None:
    """Metadata that fit are sent untouched; larger ones are left out as a whole, and the event says so."""
    metadata = {"note": "é" * (size // 2)}
    call = new_call(metadata=metadata)
    payload = call_event(call, state_of(call), told(5, "call.ended", data=ENDED), "bright-smile")
    assert len(to_json(payload)) <= LARGEST_BYTES
    whole = payload["data"]["metadata"] == metadata and payload["data"]["left_out"] == []
    left_out = payload["data"]["metadata"] is None and payload["data"]["left_out"] == ["metadata"]
    assert whole or left_out
    assert whole or size > LARGEST_BYTES - 2_000


def test_the_test_event_is_documented() -> None:
    """The event that tests an endpoint is what its model says."""
    PingEvent.model_validate_json(to_json(ping_event("evt_1", time.time(), "an-id", None)))


def test_openapi_lists_every_event() -> None:
    """The API's documentation has a webhook for each type."""
    app = FastAPI()
    document_webhooks(app)
    assert set(app.openapi()["webhooks"]) == EVENT_TYPES


async def test_a_rolled_back_change_tells_nobody(database: Database) -> None:
    """Events live and die with the transaction of the change that they tell of."""
    crm = Crm(database, endpoints(endpoint("http://127.0.0.1:9/")))
    call = new_call()

    async def fail() -> None:
        async with database.writer() as connection:
            await crm.outbox.write(connection, [(call, state_of(call), told(1))])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await deliveries(database) == []


async def test_an_event_is_written_once(database: Database) -> None:
    """Writing the same event again changes nothing, and harms nothing else in the transaction."""
    crm = Crm(database, endpoints(endpoint("http://127.0.0.1:9/"), endpoint("http://127.0.0.1:9/b")))
    call = new_call()
    await tell(database, crm, call, 1)
    await tell(database, crm, call, 1, 2)
    async with database.reader() as connection:
        assert (await connection.execute(select(func.count()).select_from(crm_events))).scalar() == 2
        assert (await connection.execute(select(func.count()).select_from(crm_deliveries))).scalar() == 4


async def test_without_endpoints_events_are_kept(database: Database) -> None:
    """An organization that wants to be told nowhere still has its events in the books."""
    await tell(database, Crm(database, endpoints()), new_call(), 1)
    assert await deliveries(database) == []


@pytest.mark.parametrize("text", ["snow ☃", "\U0001f600", 'quote " and \\', "line\nbreak"])
async def test_metadata_survive_the_books(database: Database, text: str) -> None:
    """What the CRM gave comes back byte for byte from both databases."""
    crm = Crm(database, endpoints(endpoint("http://127.0.0.1:9/")))
    await tell(database, crm, new_call(metadata={"t": text, "n": 1.5, "x": None}), 1)
    async with database.reader() as connection:
        payload = (await connection.execute(select(crm_events.c.payload))).scalar_one()
    assert from_json(to_json(payload))["data"]["metadata"] == {"t": text, "n": 1.5, "x": None}
