"""POST /daily-events and what becomes of an event, on both databases."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from frontdesk.daily.events import store
from frontdesk.daily.events.inbox import Inbox
from frontdesk.daily.events.worker import FAILURE_S, HOLD_S, UNKNOWN_CALL_S, EventWorker
from frontdesk.daily.room_names import UNKNOWN_INSTALLATION
from frontdesk.daily.tables import daily_events
from frontdesk.storage.database import Database
from frontdesk.storage.spool import Spool
from tests.daily.books import Books
from tests.daily.door import Door, door_of
from tests.daily.scene import OURS, at_work, name_of

SPOOL_AFTER_S = 60  # no spooling because of a slow machine


class Clock:
    """UTC seconds that move when told."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


class Ours:
    """Our installation."""

    id = OURS


def event(call_id: str, kind: str = "dialout.answered", event_id: str | None = None) -> dict[str, Any]:
    """An event about the first attempt of a call."""
    payload = {"room": name_of(call_id), "session_id": "leg-1", "timestamp": str(int(time.time()))}
    return {
        "version": "1.0.0",
        "type": kind,
        "id": event_id or uuid.uuid4().hex,
        "payload": payload,
        "event_ts": time.time(),
    }


class Desk:
    """An inbox, its worker and its door, with a ledger that obeys."""

    def __init__(self, database: Database, spool: Path) -> None:
        self.database = database
        self.books = Books()
        self.clock = Clock()
        self.worker = EventWorker(database, self.books, clock=self.clock, look_every_s=0.05)
        self.inbox = Inbox(
            database, Spool(spool), self.worker, Ours(), spool_after_s=SPOOL_AFTER_S, clock=self.clock
        )
        self.door: Door

    def call(self) -> str:
        """The id of a call that the ledger knows."""
        call_id = uuid.uuid4().hex
        self.books.known.add(call_id)
        return call_id

    async def rows(self) -> dict[str, Any]:
        """The table, by id."""
        async with self.database.reader() as connection:
            return {row.id: row for row in await connection.execute(select(daily_events))}

    async def outcome(self, event_id: str, wanted: str) -> Any:
        """Wait until an event has this outcome."""
        async with asyncio.timeout(20):
            while (row := (await self.rows()).get(event_id)) is None or row.outcome != wanted:
                await asyncio.sleep(0.01)
        return row


@pytest.fixture
async def desk(database: Database, tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(database, tmp_path / "spool")
    async with desk.inbox.running(), door_of(desk.inbox) as door:
        desk.door = door
        yield desk


@pytest.fixture
async def working(desk: Desk) -> AsyncIterator[Desk]:
    """The same with the worker at work."""
    async with at_work(desk.worker):
        yield desk


async def test_an_event_is_acknowledged_kept_and_applied(working: Desk) -> None:
    """A signed event is answered 200 and becomes a fact of its call."""
    call_id = working.call()
    sent = event(call_id)
    assert (await working.door.knock(sent))[0] == 200
    row = await working.outcome(sent["id"], "applied")
    assert (row.due_at, row.call_id, row.payload) == (None, call_id, {"session_id": "leg-1"})
    assert working.books.types(call_id) == ["daily.dialout.answered"]


async def test_it_is_durable_before_it_is_acknowledged(desk: Desk) -> None:
    """With nobody working, an acknowledged event is in the table; the next gateway applies it at once."""
    call_id = desk.call()
    sent = event(call_id)
    assert (await desk.door.knock(sent))[0] == 200
    assert list(await desk.rows()) == [sent["id"]]
    successor = EventWorker(desk.database, desk.books, clock=desk.clock, look_every_s=0.05)
    async with at_work(successor):
        await desk.outcome(sent["id"], "applied")
    assert desk.books.types(call_id) == ["daily.dialout.answered"]


async def test_copies_are_one_event(working: Desk) -> None:
    """Copies that arrive together or later are acknowledged, kept once, and one fact."""
    call_id = working.call()
    sent = event(call_id)
    await asyncio.gather(*(working.door.knock(sent) for _ in range(5)))
    await working.outcome(sent["id"], "applied")
    assert (await working.door.knock(sent))[0] == 200
    await asyncio.sleep(0)
    assert list(await working.rows()) == [sent["id"]]
    assert len(working.books.facts) == 1


async def test_others_rooms_leave_no_trace(desk: Desk) -> None:
    """Events of other applications and other installations are acknowledged and not kept."""
    foreign = event(uuid.uuid4().hex)
    for room in ("somebody-elses", name_of(installation="fedcba"), None):
        foreign["payload"]["room"] = room
        assert (await desk.door.knock(foreign))[0] == 200
    assert await desk.rows() == {}


async def test_rooms_without_a_known_installation_are_ours(desk: Desk) -> None:
    """A room made while our id could not be read may be ours, so its events are kept."""
    sent = event(uuid.uuid4().hex)
    sent["payload"]["room"] = name_of(installation=UNKNOWN_INSTALLATION)
    assert (await desk.door.knock(sent))[0] == 200
    assert list(await desk.rows()) == [sent["id"]]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe",
        b'{"type":"dialin.connected"}',
        b'{"payload":7,"type":"x","id":"y"}',
        b'{"payload":{"room":"\\u0000"}}',
        b"[" * 2000,
    ],
)
async def test_odd_bodies_that_are_signed_are_acknowledged(desk: Desk, body: bytes) -> None:
    """Daily is never given a reason to stop sending: what it signs gets 200, readable or not."""
    assert (await desk.door.knock(body))[0] == 200
    assert await desk.rows() == {}


async def test_unknown_types_are_kept(working: Desk) -> None:
    """A type that nobody heard of becomes a fact like any other; one that is none is parked as failed."""
    call_id = working.call()
    new, odd = event(call_id, "dialout.teleported"), event(call_id, "…")
    for sent in (new, odd):
        assert (await working.door.knock(sent))[0] == 200
    await working.outcome(new["id"], "applied")
    await working.outcome(odd["id"], "failed")
    assert working.books.types(call_id) == ["daily.dialout.teleported"]


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


async def due(desk: Desk) -> None:
    """Let time pass until whatever is undone is due, and be looked at."""
    desk.clock.now += max(HOLD_S, *UNKNOWN_CALL_S, *FAILURE_S)
    assert await desk.worker.look()


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
