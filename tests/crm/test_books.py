"""The queue in the database: claims, what becomes of them, and a database that is away."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from frontdesk.calls.ledger import Ledger
from frontdesk.calls.models import BotFact, Data, Fact, GatewayFact, Source
from frontdesk.calls.orders import Patience
from frontdesk.crm import store
from frontdesk.crm.events import CallEvent
from frontdesk.crm.schedule import Try
from frontdesk.crm.service import Crm
from frontdesk.crm.tables import crm_deliveries
from frontdesk.storage.database import Database
from frontdesk.storage.spool import Spool
from tests.crm.receiver import Receiver, answer
from tests.crm.world import (
    QUICK,
    Clock,
    deliveries,
    endpoint,
    endpoints,
    gateway,
    new_call,
    reached,
    standing,
    tell,
)

NOWHERE = "http://127.0.0.1:9/"


async def _claim(database: Database, now: float, most: int = 10) -> store.Claimed:
    async with database.writer() as connection:
        return await store.claim(connection, endpoint(NOWHERE).id, now, now + 40, most)


async def _settle(database: Database, claim: store.Claim, state: str, status: int) -> None:
    async with database.writer() as connection:
        await store.settle(connection, [store.Settled(claim, Try(1.0, 1.0, status), state)])


async def test_a_claim_holds_until_it_runs_out(database: Database) -> None:
    """What is claimed cannot be claimed again before the claim runs out, and then it can."""
    clock = Clock()
    await tell(database, Crm(database, endpoints(endpoint(NOWHERE)), clock=clock), new_call(), 1)
    first = await _claim(database, clock.now)
    assert [len((await _claim(database, clock.now + later)).claims) for later in (0, 39, 41)] == [0, 0, 1]
    assert len(first.claims) == 1


async def test_a_claim_that_ran_out_decides_nothing(database: Database) -> None:
    """The outcome of a gateway that was too slow is dropped when another has delivered since."""
    clock = Clock()
    await tell(database, Crm(database, endpoints(endpoint(NOWHERE)), clock=clock), new_call(), 1)
    [slow] = (await _claim(database, clock.now)).claims
    [quick] = (await _claim(database, clock.now + 41)).claims
    await _settle(database, quick, "delivered", 204)
    await _settle(database, slow, "failed", 500)
    [row] = await deliveries(database)
    assert (row["state"], row["last_status"], row["tries"]) == ("delivered", 204, 1)


async def test_only_the_first_event_of_a_call_is_claimed(database: Database) -> None:
    """Later ones of the same call are parked; those of other calls are claimed, up to the limit."""
    clock = Clock()
    crm = Crm(database, endpoints(endpoint(NOWHERE)), clock=clock)
    for _ in range(3):
        await tell(database, crm, new_call(), 1, 2)
    claimed = await _claim(database, clock.now)
    assert ([it.sequence for it in claimed.claims], len(claimed.parked)) == ([1, 1, 1], 3)
    assert (await _claim(database, clock.now)).claims == ()


async def test_a_database_that_comes_back_loses_nothing(database: Database, receiver: Receiver) -> None:
    """While the database is away the deliverer waits; afterwards it goes on by itself."""
    async with gateway(database, endpoint(receiver.url)) as crm:
        await tell(database, crm, new_call(), 1)
        await receiver.wait_for(1)
        await reached(database, "delivered")
        await tell(database, Crm(database, endpoints(endpoint(receiver.url))), new_call(), 1)
        database.ready.clear()
        crm.deliverer.wake()
        while crm.deliverer._awake.is_set():
            await asyncio.sleep(0.01)
        database.ready.set()
        await reached(database, "delivered", "delivered")


async def test_what_nobody_is_configured_for_is_given_up(database: Database, receiver: Receiver) -> None:
    """Events for an address that was taken out of the files are given up after five days, not earlier."""
    clock = Clock()
    gone = Crm(database, endpoints(endpoint(NOWHERE)), clock=clock)
    await tell(database, gone, new_call(), 1)
    await tell(database, gone, new_call(), 2)
    async with database.writer() as connection:
        old = crm_deliveries.c.sequence == 1
        await connection.execute(
            update(crm_deliveries).where(old).values(created_at=clock.now - 5 * 86_400 - 1)
        )
    async with gateway(database, endpoint(receiver.url), clock=clock):
        first, second = await reached(database, "failed", "pending")
    assert (first["last_error"], second["last_error"]) == ("endpoint_removed", None)


async def test_failing_is_remembered(database: Database, receiver: Receiver) -> None:
    """The first failure's time is kept, whatever fails later."""
    receiver.otherwise = answer(500)
    async with gateway(database, endpoint(receiver.url)) as crm:
        await tell(database, crm, new_call(), 1)
        await receiver.wait_for(2)
        since = (await standing(database))["failing_since"]
        await receiver.wait_for(5)
        assert (await standing(database))["failing_since"] == since is not None


async def test_the_database_decides_who_is_disabled(database: Database, receiver: Receiver) -> None:
    """A gateway that has not heard yet that an endpoint was enabled delays its events, and loses none."""
    ends = endpoint(receiver.url)
    async with gateway(database, ends) as crm:
        await tell(database, crm, new_call(), 1)
        await reached(database, "delivered")
        crm.standing.learn([ends.id], [])
        await tell(database, crm, new_call(), 1)
        await reached(database, "delivered", "delivered")


def _fact(call_id: str, number: int, source: Source, fact_type: str, **data: Data | str | int | bool) -> Fact:
    return Fact(call_id, f"f{number}", source, fact_type, 1_000_000.0 + number, 1, dict(data))


@pytest.mark.parametrize("direction", ["inbound", "outbound"])
async def test_the_ledger_tells_the_crm(
    database: Database, receiver: Receiver, tmp_path: Path, direction: str
) -> None:
    """A call's life in the ledger arrives as signed events, in order, the last of them `call.ended`."""
    async with gateway(database, endpoint(receiver.url), pace=replace(QUICK, poll_s=60)) as crm:
        ledger = Ledger(
            database, Spool(tmp_path / "spool"), crm.outbox, patience=Patience(), spool_after_s=60
        )
        call = new_call(direction=direction, metadata={"ticket": "T-1"})
        bot, ours = Source.BOT, Source.GATEWAY
        async with ledger.running():
            await ledger.open(call, _fact(call.id, 0, ours, GatewayFact.ATTEMPT_OPENED, room="r", owner="g"))
            facts = [_fact(call.id, 1, bot, BotFact.JOINED)]
            if direction == "outbound":
                facts += [_fact(call.id, 2, bot, BotFact.DIALING, dial=1)]
                facts += [_fact(call.id, 3, bot, BotFact.RINGING, dial=1)]
                facts += [_fact(call.id, 4, bot, BotFact.ANSWERED, dial=1)]
            else:
                facts += [_fact(call.id, 4, bot, BotFact.CONNECTED)]
            facts.append(_fact(call.id, 9, bot, BotFact.ENDED, reason="caller_hangup"))
            for fact in facts:
                await ledger.record(fact)
            await receiver.wait_for(5 if direction == "outbound" else 4)
    events = [CallEvent.model_validate_json(got.raw) for got in receiver.got]
    ringing = ["call.ringing"] if direction == "outbound" else []
    expected = ["call.started", *ringing, "call.answered", "call.attempt.ended", "call.ended"]
    assert [event.type for event in events] == expected
    assert [event.data.sequence for event in events] == list(range(1, len(expected) + 1))
    assert events[-1].data.ended_reason == "caller_hangup"
    assert events[-1].data.duration_s == 5
    assert all(event.data.metadata == {"ticket": "T-1"} for event in events)
