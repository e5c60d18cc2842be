"""POST /daily-events and what becomes of an event, on both databases."""

import asyncio
import uuid

import pytest

from frontdesk.daily.events.worker import EventWorker
from frontdesk.daily.room_names import UNKNOWN_INSTALLATION
from tests.daily.desk import Desk, event
from tests.daily.scene import at_work, name_of


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
    for room in ("somebody-elses", name_of(installation="fedcbafedcbafedc"), None):
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
