"""Daily and our door together: events that go astray on their way, and an endpoint that Daily gives up."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from frontdesk.daily.api import DailyApi
from frontdesk.daily.events.inbox import Inbox
from frontdesk.daily.events.worker import EventWorker
from frontdesk.daily.watchdog import WebhookWatchdog
from frontdesk.daily.webhooks import EVENT_TYPES, DomainWebhooks
from frontdesk.simulator.faults.plan import EventFault
from frontdesk.simulator.rooms.room import Room
from frontdesk.simulator.server import SimulatorServer
from frontdesk.storage.spool import Spool
from tests.daily.books import Books
from tests.daily.door import SECRET, Door, door_of
from tests.daily.scene import OURS, at_work, dial, enter, make_room, name_of, until
from tests.databases import address, opened

CALL = uuid.uuid4().hex


class Ours:
    """Our installation."""

    id = OURS


@dataclass
class Wire:
    """From the simulated Daily through the door into the books."""

    simulator: SimulatorServer
    door: Door
    books: Books
    webhooks: DomainWebhooks

    def types(self) -> list[str]:
        """Of the facts of the call."""
        return self.books.types(CALL)


@pytest.fixture
async def wire(simulator: SimulatorServer, daily: DailyApi, tmp_path: Path) -> AsyncIterator[Wire]:
    books = Books(known={CALL})
    async with address("sqlite", tmp_path) as url, opened(url) as database:
        worker = EventWorker(database, books, look_every_s=0.05)
        inbox = Inbox(database, Spool(tmp_path / "spool"), worker, Ours(), spool_after_s=60)
        async with inbox.running(), at_work(worker), door_of(inbox) as door:
            yield Wire(simulator, door, books, DomainWebhooks(daily, url=door.url, secret=SECRET))
            await simulator.world.events.aclose()


async def conversation(simulator: SimulatorServer) -> Room:
    """A bot, a phone that answers, and both gone again."""
    world = simulator.world
    room = make_room(world, name_of(CALL))
    enter(world, room)
    leg = await dial(world, room, ring_s=0.05)
    await until(lambda: leg in room.legs)
    await world.rooms.delete(room.name)
    await until(lambda: not room.occupied)
    return room


WHOLE = Counter(
    {
        "daily.meeting.started": 1,
        "daily.meeting.ended": 1,
        "daily.participant.joined": 2,
        "daily.participant.left": 2,
        "daily.dialout.connected": 1,
        "daily.dialout.answered": 1,
        "daily.dialout.stopped": 1,
    }
)


@pytest.mark.parametrize(
    "fault",
    [
        None,
        EventFault(copies=3),
        EventFault(hold_back=9),
        EventFault(delay_s=0.3, types=["dialout.connected", "participant.joined"]),
    ],
    ids=["as they are", "copies", "reversed", "late"],
)
async def test_events_may_come_twice_late_and_in_any_order(wire: Wire, fault: EventFault | None) -> None:
    """Whatever happens to events on their way, the same facts are in the books."""
    assert await wire.webhooks.register() == "created"
    if fault is not None:
        wire.simulator.world.faults.add(fault)
    await conversation(wire.simulator)
    await until(lambda: Counter(wire.types()) == WHOLE)


async def test_events_that_are_withheld_are_missing_and_nothing_else(wire: Wire) -> None:
    """When Daily never sends some events, the others are in the books all the same."""
    await wire.webhooks.register()
    wire.simulator.world.faults.add(EventFault(types=["dialout.answered"], withhold=True))
    await conversation(wire.simulator)
    await until(lambda: Counter(wire.types()) == WHOLE - Counter({"daily.dialout.answered": 1}))


async def test_the_bot_is_known_in_the_facts(wire: Wire) -> None:
    """Of the two participants one is the bot."""
    await wire.webhooks.register()
    await conversation(wire.simulator)
    await until(lambda: Counter(wire.types()) == WHOLE)
    left = [one.data["bot"] for one in wire.books.facts.values() if one.type == "daily.participant.left"]
    assert sorted(map(bool, left)) == [False, True]


async def test_an_endpoint_that_daily_gave_up_is_woken(wire: Wire, daily: DailyApi) -> None:
    """In circuit-breaker mode three failures end deliveries; the watchdog brings them back for good."""
    body = {"url": wire.door.url, "hmac": SECRET, "eventTypes": list(EVENT_TYPES)}
    await daily.ask("POST", "/webhooks", body)
    (endpoint,) = wire.simulator.world.events.endpoints.values()
    wire.door.statuses = [500] * 3
    room = make_room(wire.simulator.world, name_of(CALL))
    for _ in range(3):
        await wire.simulator.world.events.emit("dialin.warning", room, {})
    await until(lambda: endpoint.state == "FAILED")
    await wire.simulator.world.events.emit("dialin.connected", room, {})
    assert await WebhookWatchdog(wire.webhooks).look() == "FAILED"
    await wire.simulator.world.events.emit("dialin.stopped", room, {})
    await until(lambda: wire.types() == ["daily.dialin.stopped"])


async def test_a_failure_of_ours_is_repeated_by_daily(
    wire: Wire, simulator: SimulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With exponential retries an event that we could not take comes again, and only then counts."""
    await wire.webhooks.register()
    (endpoint,) = simulator.world.events.endpoints.values()
    wire.door.statuses = [503]
    monkeypatch.setattr(simulator.world.clock, "sleep", lambda _seconds: asyncio.sleep(0))
    room = make_room(simulator.world, name_of(CALL))
    await simulator.world.events.emit("dialin.stopped", room, {})
    await until(lambda: wire.types() == ["daily.dialin.stopped"])
    assert endpoint.state == "ACTIVE"
