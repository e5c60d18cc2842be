"""The ledger, on both databases."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, update

from frontdesk.calls import queue_facts
from frontdesk.calls.entries import Over
from frontdesk.calls.ledger import Ledger, NoOutbox
from frontdesk.calls.models import BotFact, Data, GatewayFact, Source
from frontdesk.calls.open_pages import OpenPages
from frontdesk.calls.orders import Patience
from frontdesk.calls.tables import call_events, calls, tool_calls, turns
from frontdesk.ended import EndedReason
from frontdesk.storage.database import Database
from frontdesk.storage.spool import Spool
from tests.calls.samples import NOW, fact, new_call, opening, planned_call, planned_life
from tests.calls.slots import Freed


@pytest.fixture
async def ledger(database: Database, tmp_path: Path) -> AsyncIterator[Ledger]:
    made = Ledger(database, Spool(tmp_path / "spool"), NoOutbox(), patience=Patience(), spool_after_s=60)
    async with made.running():
        yield made


async def test_a_call_that_was_opened_can_be_loaded(ledger: Ledger) -> None:
    """What was entered comes back as it was."""
    call = new_call()
    opened = await ledger.open(call, opening(call))
    loaded = await ledger.load(call.id)
    assert opened.created
    assert not opened.spooled
    assert loaded
    assert loaded.call == call
    assert loaded.state == opened.state


async def test_a_copy_of_a_call_is_not_a_second_one(ledger: Ledger) -> None:
    """Opening the same call again tells that it is there, and where it stands."""
    call = new_call()
    first = await ledger.open(call)
    second = await ledger.open(call)
    assert (first.created, second.created) == (True, False)
    assert second.state == first.state


async def test_facts_of_calls_that_nobody_knows_are_told(ledger: Ledger) -> None:
    """Facts of an unknown call are not kept, and those of a known call beside them are."""
    call, stranger = new_call(), new_call()
    await ledger.open(call)
    recorded = await ledger.record(fact(stranger, BotFact.JOINED), fact(call, BotFact.JOINED))
    assert recorded.unknown == {stranger.id}
    assert set(recorded.states) == {call.id}
    assert await ledger.load(stranger.id) is None


async def test_what_was_said_is_kept_once(ledger: Ledger, database: Database) -> None:
    """Text, arguments and results are in `turns` and `tool_calls`, never in `call_events`."""
    call = new_call()
    await ledger.open(call)
    said: Data = {"role": "user", "text": "my tooth\0", "latency_ms": {"total": 5}}
    used: Data = {"name": "find", "arguments": {"a": "secret"}, "result": [1], "ok": True, "duration_ms": 7}
    for _ in range(2):
        await ledger.record(fact(call, BotFact.TURN, said), fact(call, BotFact.TOOL, used))
    async with database.reader() as connection:
        turn = (await connection.execute(select(turns))).one()
        tool = (await connection.execute(select(tool_calls))).one()
        data = (await connection.execute(select(call_events.c.data))).scalars().all()
    assert (turn.role, turn.text, turn.latency_ms) == ("user", "my tooth", {"total": 5})
    assert (tool.name, tool.arguments, tool.result, tool.ok) == ("find", {"a": "secret"}, [1], True)
    assert "tooth" not in str(data)
    assert "secret" not in str(data)


async def test_who_calls_is_kept_with_the_call(ledger: Ledger, database: Database) -> None:
    """What the CRM says of a caller becomes the call's, once, and is kept nowhere else."""
    call = replace(new_call(), variables={"known": 1})
    await ledger.open(call)
    said: Data = {"workflow": "outreach", "patient_id": "p-7", "variables": {"first_name": "Ada"}}
    introduced = fact(call, GatewayFact.CALLER_KNOWN, said | {"refused": False}, source=Source.GATEWAY)
    for _ in range(2):
        await ledger.record(introduced)
    await ledger.record(fact(call, BotFact.JOINED))
    await ledger.record(replace(introduced, data={"workflow": "third", "patient_id": "p-8"}))
    loaded = await ledger.load(call.id)
    assert loaded
    assert loaded.call == replace(
        call, workflow="outreach", patient_id="p-7", variables={"known": 1, "first_name": "Ada"}
    )
    async with database.reader() as connection:
        kept = (await connection.execute(select(call_events.c.type, call_events.c.data))).all()
    assert ("caller_known", {"workflow": "outreach", "refused": False}) in [tuple(row) for row in kept]
    assert "Ada" not in str([tuple(row) for row in kept])


async def test_due_calls_are_claimed_once(ledger: Ledger) -> None:
    """A call that is due is claimed, and is due again only after the hold."""
    call = new_call()
    await ledger.open(call)
    late = NOW + 10_000
    assert await ledger.claim_due(late, 10, 30) == [call.id]
    assert await ledger.claim_due(late + 29, 10, 30) == []
    assert await ledger.claim_due(late + 30, 10, 30) == [call.id]
    assert await ledger.tick(call.id, late, 0)
    assert await ledger.tick("0" * 32, late, 0) is None


async def test_endless_numbers_are_left_out(ledger: Ledger, database: Database) -> None:
    """JSON can say 1e999: what no client could read is not kept as a time."""
    call = new_call()
    await ledger.open(call)
    data: Data = {"name": "book", "ok": True, "duration_ms": float("inf"), "result": 1e308}
    assert (await ledger.record(fact(call, BotFact.TOOL, data))).states
    async with database.reader() as connection:
        row = (await connection.execute(select(tool_calls.c.duration_ms, tool_calls.c.result))).one()
    assert tuple(row) == (None, 1e308)


async def test_a_call_that_waits_is_as_it_was(ledger: Ledger) -> None:
    """The plan, the brief and what a call waits for come back from the books."""
    call = planned_call()
    opened = await ledger.open(call)
    loaded = await ledger.load(call.id)
    assert loaded
    assert (loaded.call, loaded.state) == (call, opened.state)
    assert loaded.state.waiting
    assert loaded.state.waits_for(1)


async def test_slots_are_given_back_with_each_end(database: Database, tmp_path: Path) -> None:
    """Whoever limits calls hears of each attempt's end in its transaction, and of the call's; once each."""
    call, freed = planned_call(), Freed()
    spool, patience = Spool(tmp_path / "spool"), Patience()
    ledger = Ledger(database, spool, NoOutbox(), patience=patience, slots=freed, spool_after_s=60)
    async with ledger.running():
        await ledger.open(call)
        for facts in planned_life(call):
            for _ in range(2):
                await ledger.record(*facts)
    first, second = NOW + 190, NOW + 290
    assert freed.over == [
        Over(call.id, first, 1, rang=True),
        Over(call.id, second, 2, rang=True),
        Over(call.id, second),
    ]
    assert freed.told == 2


async def test_a_claim_is_decided_once(ledger: Ledger) -> None:
    """Of two bots that ask at once one may dial; both hear the same when they ask again."""
    call = planned_call()
    await ledger.open(call, opening(call))
    bots = [queue_facts.claimed(call.id, 1, session, NOW + 1) for session in ("one", "two")]
    for _ in range(2):
        answers = await asyncio.gather(*(ledger.decide(bot) for bot in bots))
        states = [answer.states[call.id] for answer in answers]
        granted = {(state.claim_granted(1, "one"), state.claim_granted(1, "two")) for state in states}
        assert granted in ({(True, False)}, {(False, True)})


async def test_calls_of_an_earlier_version_are_read(ledger: Ledger, database: Database) -> None:
    """A call out from before there were plans goes on as it began."""
    call = replace(new_call(), direction="outbound")
    await ledger.open(call, opening(call))
    old = {"id": call.id, "direction": "outbound", "created_at": NOW, "max_duration_s": 1800.0}
    old |= {"ringing_s": 375.0, "state": "ringing", "sequence": 1, "published": ["call.started"]}
    old |= {"attempts": [{"number": 1, "room": "r", "owner": "g", "opened_at": NOW}], "due_at": NOW + 120}
    async with database.writer() as connection:
        await connection.execute(update(calls).where(calls.c.id == call.id).values(life=old))
    ledger._open_pages = OpenPages()
    recorded = await ledger.record(fact(call, BotFact.ENDED, {"reason": "busy"}))
    assert recorded.states[call.id].ended_reason is EndedReason.BUSY
