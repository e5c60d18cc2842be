"""Erasing beside a ledger that writes, and beside other gateways."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select, text

from frontdesk.calls.ledger import Ledger, NoOutbox
from frontdesk.calls.models import BotFact, Fact, GatewayFact, NewCall, Source
from frontdesk.calls.orders import Patience
from frontdesk.calls.tables import call_events, calls, tool_calls, turns
from frontdesk.keys.models import EVERYTHING, Principal
from frontdesk.retention.models import Subject
from frontdesk.retention.service import Retention
from frontdesk.retention.store import ERASING
from frontdesk.storage.database import Database
from frontdesk.storage.spool import Spool
from tests.databases import opened
from tests.records.office import NOW, OURS, Office
from tests.retention.clock import DAY, Clock

ADA = Subject("phone_number", "+12025550123")
KEY = Principal("k-1", OURS, EVERYTHING)


@pytest.fixture
async def ledger(database: Database, tmp_path: Path) -> AsyncIterator[Ledger]:
    made = Ledger(database, Spool(tmp_path / "spool"), NoOutbox(), patience=Patience(), spool_after_s=60)
    async with made.running():
        yield made


def call_of_ada() -> NewCall:
    return NewCall(
        id=uuid.uuid4().hex,
        direction="inbound",
        organization_id=OURS,
        workflow="reception",
        created_at=NOW,
        from_number="+12025550123",
        to_number="+14155550100",
        line={"From": "+12025550123"},
    )


def turn(call: NewCall, name: str) -> Fact:
    data = {"role": "user", "text": "I am Lovelace."}
    return Fact(call.id, name, Source.BOT, BotFact.TURN, NOW + 5, 1, data)  # type: ignore[arg-type]


def ended(call: NewCall) -> Fact:
    return Fact(call.id, "ended", Source.BOT, BotFact.ENDED, NOW + 9, 1, {"reason": "caller_hangup"})


async def begun(ledger: Ledger) -> NewCall:
    """A call that goes on."""
    call = call_of_ada()
    attempt = {"room": "r", "owner": "g"}
    opening = Fact(call.id, "o", Source.GATEWAY, GatewayFact.ATTEMPT_OPENED, NOW, 1, attempt)  # type: ignore[arg-type]
    await ledger.open(call, opening)
    await ledger.record(Fact(call.id, "j", Source.BOT, BotFact.JOINED, NOW + 1, 1), turn(call, "first"))
    return call


async def held(database: Database) -> str:
    """What the books hold of calls, as text."""
    async with database.reader() as connection:
        tables = (calls, call_events, turns, tool_calls)
        rows = [list(map(tuple, await connection.execute(select(table)))) for table in tables]
    return str(rows)  # of tuples: a Row shortens what is long


async def test_a_call_is_erased_when_it_ends(
    ledger: Ledger, database: Database, retention: Retention, clock: Clock
) -> None:
    """A call that goes on when its patient is erased keeps its words until it ends, and no longer."""
    call = await begun(ledger)
    await retention.request(KEY, ADA, OURS)
    await retention.sweep()
    assert "Lovelace" in await held(database)
    await ledger.record(turn(call, "second"), ended(call))
    await retention.sweep()
    left = await held(database)
    assert "Lovelace" not in left
    assert "2025550123" not in left


async def test_what_comes_late_is_not_kept(
    ledger: Ledger, database: Database, retention: Retention, clock: Clock
) -> None:
    """What a bot or Daily reports after the erasure enters the books without words and numbers."""
    call = await begun(ledger)
    await ledger.record(ended(call))
    clock.now += 31 * DAY
    await retention.retain()
    tool = {"name": "find", "arguments": {"who": "Lovelace"}, "result": "Lovelace", "ok": True}
    odd = {"who": "Lovelace", "from": "+12025550123"}
    await ledger.record(
        turn(call, "late"),
        Fact(call.id, "tool", Source.BOT, BotFact.TOOL, NOW + 6, 1, tool),  # type: ignore[arg-type]
        Fact(call.id, "odd", Source.BOT, "odd", NOW + 6, 1, odd),  # type: ignore[arg-type]
        Fact(call.id, "daily", Source.DAILY, "daily.dialin.stopped", NOW + 9, 1, odd),  # type: ignore[arg-type]
    )
    left = await held(database)
    assert "Lovelace" not in left
    assert "2025550123" not in left


async def test_a_late_account_of_the_end_is_not_kept(
    ledger: Ledger, database: Database, retention: Retention, clock: Clock
) -> None:
    """What a bot says of its end after the erasure is remembered without its own words."""
    call = await begun(ledger)
    gone = Fact(call.id, "gone", Source.GATEWAY, GatewayFact.CLOSED, NOW + 9, 1, {"how": "deleted"})
    await ledger.record(ended(call), gone)
    clock.now += 31 * DAY
    await retention.retain()
    words = {"reason": "caller_hangup", "detail": "Lovelace", "dial": 1}
    for kind in (BotFact.ENDING, BotFact.ENDED, BotFact.DIAL_ENDED):
        await ledger.record(Fact(call.id, f"late {kind}", Source.BOT, kind, NOW + 2, 1, words))  # type: ignore[arg-type]
    left = await held(database)
    assert f"late {BotFact.ENDED}" in left
    assert "Lovelace" not in left


async def test_gateways_share_the_work(office: Office, database_url: str, clock: Clock) -> None:
    """Two gateways that erase at the same time erase each call once, and count it once."""
    for n in range(90):
        call_id = await office.call(created_at=NOW + n)
        await office.turn(call_id)
    async with opened(database_url) as other:
        both = [Retention(base, retention_days=30, clock=clock) for base in (office.database, other)]
        await both[0].request(KEY, ADA, OURS)
        await asyncio.gather(*(one.sweep() for one in both))
        clock.now += 60
        await both[0].sweep()
        counted = await both[0].every(OURS)
    assert [(one.calls, one.turns, one.done_at is None) for one in counted] == [(90, 90, False)]


async def test_what_another_gateway_does_is_left_to_it(
    office: Office, database: Database, retention: Retention, clock: Clock
) -> None:
    """On PostgreSQL, while another gateway erases, this one neither waits nor erases."""
    if not database.is_postgres:
        pytest.skip("only one gateway uses a SQLite file")
    call_id = await office.call()
    clock.now += 31 * DAY
    async with database.writer() as connection:
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({ERASING})"))
        async with asyncio.timeout(5):
            await retention.retain()
    assert (await office.ask(f"/calls/{call_id}/transcript")).status_code == 200
    await retention.retain()
    assert (await office.ask(f"/calls/{call_id}/transcript")).status_code == 410
