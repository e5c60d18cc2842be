"""Daily's events while something is wrong: unknown calls, poison, databases that are away or stall."""

import asyncio
import uuid
from pathlib import Path
from typing import Any

import pytest

from frontdesk.daily.events import store
from frontdesk.daily.events.inbox import Inbox
from frontdesk.daily.events.worker import FAILURE_S, HOLD_S, UNKNOWN_CALL_S
from frontdesk.storage.database import Database
from frontdesk.storage.spool import Spool
from tests.daily.desk import Desk, Ours, due, event
from tests.daily.door import door_of
from tests.daily.scene import at_work


async def test_an_unknown_call_is_waited_for(desk: Desk) -> None:
    """An event that comes before its call is written down is tried again, and applied once it is."""
    call_id = uuid.uuid4().hex
    sent = event(call_id)
    await desk.door.knock(sent)
    await due(desk)
    assert (await desk.rows())[sent["id"]].due_at == desk.clock.now + UNKNOWN_CALL_S[0]
    desk.books.known.add(call_id)
    await due(desk)
    assert (await desk.rows())[sent["id"]].outcome == "applied"


async def test_a_call_that_never_comes_ends_the_tries(desk: Desk) -> None:
    """After a quarter of an hour the event is parked, and stays in the table."""
    sent = event(uuid.uuid4().hex)
    await desk.door.knock(sent)
    for _ in range(len(UNKNOWN_CALL_S) + 1):
        await due(desk)
    row = (await desk.rows())[sent["id"]]
    assert (row.outcome, row.due_at) == ("unknown_call", None)
    assert row.tries == len(UNKNOWN_CALL_S) + 1


async def test_poison_harms_no_other(desk: Desk) -> None:
    """An event that the ledger cannot take is tried a few times and parked; its neighbors are applied."""
    call_id = desk.call()
    good, bad = event(call_id), event(call_id)
    desk.books.poison.add(bad["id"])
    for sent in (good, bad):
        assert (await desk.door.knock(sent))[0] == 200
    for _ in range(len(FAILURE_S) + 1):
        await due(desk)
    rows = await desk.rows()
    assert (rows[good["id"]].outcome, rows[bad["id"]].outcome) == ("applied", "failed")
    assert rows[bad["id"]].due_at is None


@pytest.mark.parametrize("trouble", ["away", "spooling"])
async def test_nothing_is_lost_while_the_ledger_is_away(desk: Desk, trouble: str) -> None:
    """While the ledger cannot say, the event stays due; it is applied once it can."""
    call_id = desk.call()
    sent = event(call_id)
    setattr(desk.books, trouble, True)
    await desk.door.knock(sent)
    await due(desk)
    assert (await desk.rows())[sent["id"]].outcome is None
    setattr(desk.books, trouble, False)
    await due(desk)
    assert (await desk.rows())[sent["id"]].outcome == "applied"


async def test_two_gateways_share_the_work(desk: Desk) -> None:
    """An event that one gateway has claimed is not given to another until the claim runs out."""
    call_id = desk.call()
    for _ in range(20):
        await desk.door.knock(event(call_id))
    now = desk.clock.now + HOLD_S
    claims = await asyncio.gather(*(store.claim(desk.database, now, 10, HOLD_S) for _ in range(3)))
    claimed = [one.event.id for claim in claims for one in claim]
    assert len(claimed) == len(set(claimed)) == 20
    assert len(await store.claim(desk.database, now + HOLD_S, 30, HOLD_S)) == 20


async def test_old_events_are_forgotten(desk: Desk) -> None:
    """What is done is deleted after its time; what is undone stays, however old."""
    done, undone = event(desk.call()), event(uuid.uuid4().hex)
    for sent in (done, undone):
        await desk.door.knock(sent)
    await due(desk)
    assert await store.forget(desk.database, desk.clock.now - 700) == 0
    assert await store.forget(desk.database, desk.clock.now) == 1
    assert list(await desk.rows()) == [undone["id"]]


async def test_a_stalled_database_delays_nobody(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the database stalls an event goes to the spool and is acknowledged; it is applied afterwards."""
    desk = Desk(database, tmp_path / "spool")
    inbox = Inbox(database, Spool(tmp_path / "s"), desk.worker, Ours(), spool_after_s=0.05)
    stalled, keep = asyncio.Event(), store.keep

    async def slow(*args: Any) -> None:
        await stalled.wait()
        await keep(*args)

    monkeypatch.setattr(store, "keep", slow)
    sent = event(desk.call())
    async with inbox.running(), door_of(inbox) as door:
        assert (await door.knock(sent))[0] == 200
        assert await desk.rows() == {}
        stalled.set()
        async with at_work(desk.worker):
            await desk.outcome(sent["id"], "applied")


async def test_what_cannot_be_kept_is_not_acknowledged(database: Database, tmp_path: Path) -> None:
    """With database and spool both broken, Daily is told to come again."""
    desk = Desk(database, tmp_path)
    (tmp_path / "not-a-folder").write_text("")
    inbox = Inbox(database, Spool(tmp_path / "not-a-folder"), desk.worker, Ours(), spool_after_s=0.05)
    database.ready.clear()
    async with inbox.running(), door_of(inbox) as door:
        status, problem = await door.knock(event(desk.call()))
    assert (status, problem["retryable"]) == (503, True)
    database.ready.set()
