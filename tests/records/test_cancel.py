"""DELETE /calls/{call_id}: a call is called off, and that is confirmed, not assumed."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from frontdesk.calls.cancel import Cancellation
from frontdesk.calls.ledger import Ledger, NoOutbox
from frontdesk.calls.models import BotFact, Data, Fact, GatewayFact, NewCall, Source
from frontdesk.calls.orders import Patience
from frontdesk.calls.tables import call_events
from frontdesk.keys.models import Scope
from frontdesk.storage.database import Database
from frontdesk.storage.spool import Spool
from tests.records.office import NOW, OURS, Office


@pytest.fixture
async def ledger(database: Database, tmp_path: Path) -> AsyncIterator[Ledger]:
    made = Ledger(database, Spool(tmp_path / "spool"), NoOutbox(), patience=Patience(), spool_after_s=60)
    async with made.running():
        yield made


@pytest.fixture
def woken(office: Office, ledger: Ledger) -> list[str]:
    """The calls that the reaper was told of."""
    told: list[str] = []
    office.app.state.cancellation = Cancellation(
        ledger, office.app.state.call_queries, wake=told.append, clock=lambda: NOW + 10
    )
    return told


async def live_call(ledger: Ledger) -> str:
    """A call that was answered and goes on."""
    call = NewCall(
        id=uuid.uuid4().hex, direction="outbound", organization_id=OURS, workflow="outreach", created_at=NOW
    )
    await ledger.open(call, fact(call.id, GatewayFact.ATTEMPT_OPENED, {"room": "r", "owner": "g"}))
    await ledger.record(
        fact(call.id, GatewayFact.BOT_STARTED, {"session_id": "s", "host": "local"}),
        fact(call.id, BotFact.JOINED),
        fact(call.id, BotFact.DIALING, {"dial": 1}),
        fact(call.id, BotFact.ANSWERED, {"dial": 1}),
    )
    return call.id


def fact(call_id: str, type_: str, data: Data | None = None, at: float = NOW + 1) -> Fact:
    source = Source.GATEWAY if type_ in set(GatewayFact) else Source.BOT
    return Fact(call_id, f"{type_}-1", source, type_, at, attempt=1, data=data or {})


async def test_it_is_confirmed_when_the_line_is_closed(
    office: Office, ledger: Ledger, woken: list[str]
) -> None:
    """The answer is 202 until the line is closed; then the call has ended as canceled, and asking is 200."""
    call_id = await live_call(ledger)
    answer = await office.ask(f"/calls/{call_id}", method="DELETE")
    assert answer.status_code == 202
    assert answer.json() == {
        "call_id": call_id,
        "state": "in_progress",
        "canceling": True,
        "ended_reason": None,
    }
    assert woken == [call_id]
    shown = (await office.ask(f"/calls/{call_id}")).json()
    assert (shown["state"], shown["canceling"]) == ("in_progress", True)
    await ledger.record(fact(call_id, BotFact.ENDED, {"reason": "canceled"}, NOW + 12))
    await ledger.record(fact(call_id, GatewayFact.CLOSED, {"how": "deleted"}, NOW + 13))
    again = await office.ask(f"/calls/{call_id}", method="DELETE")
    assert (again.status_code, again.json()["ended_reason"]) == (200, "canceled")
    assert again.json()["canceling"] is False


async def test_asking_twice_is_asking_once(office: Office, ledger: Ledger, woken: list[str]) -> None:
    """A second cancel is answered as the first, and the books hold one wish, with the key that had it."""
    call_id = await live_call(ledger)
    first, second = [await office.ask(f"/calls/{call_id}", method="DELETE") for _ in range(2)]
    assert first.json() == second.json()
    query = select(call_events).where(call_events.c.type == GatewayFact.HANG_UP)
    async with office.database.reader() as connection:
        events = (await connection.execute(query)).all()
    key_id = office.keys[OURS].split("_")[1]
    assert [event.data for event in events] == [{"why": "canceled", "by": key_id}]


async def test_what_ended_stays_ended(office: Office, woken: list[str]) -> None:
    """A call that has ended for another reason is 409, with that reason, and nothing is done about it."""
    call_id = await office.call(ended_reason="busy")
    answer = await office.ask(f"/calls/{call_id}", method="DELETE")
    assert (answer.status_code, answer.json()["code"]) == (409, "call_already_ended")
    assert answer.json()["ended_reason"] == "busy"
    assert woken == []


async def test_it_needs_the_scope(office: Office, ledger: Ledger, woken: list[str]) -> None:
    """A key that may only read cancels nothing."""
    call_id = await live_call(ledger)
    key = await office.key(scopes=frozenset({Scope.CALLS_READ}))
    answer = await office.http.delete(f"/calls/{call_id}", headers={"X-API-Key": key})
    assert (answer.status_code, answer.json()["code"], woken) == (403, "scope_missing", [])
