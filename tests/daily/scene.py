"""Rooms of ours at the simulated Daily, with bots and phones in them."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from frontdesk.daily.events.worker import EventWorker
from frontdesk.daily.presence import BOT_USER_ID
from frontdesk.daily.room_names import room_name
from frontdesk.simulator.phone.people import Person
from frontdesk.simulator.rooms.client import RoomClient
from frontdesk.simulator.rooms.room import Room
from frontdesk.simulator.world import World

OURS = "abc123abc123abc1"
CALLEE = "+14155550187"
DEADLINE_S = 60.0


@dataclass(frozen=True)
class Order:
    """What is to be closed."""

    room: str | None
    legs: tuple[str, ...] = ()
    host: str | None = "local"
    host_session_id: str | None = None
    stop_bot: bool = False


def name_of(call_id: str | None = None, installation: str = OURS) -> str:
    """The room of the first attempt of a call."""
    return room_name(installation, call_id or uuid.uuid4().hex, 1)


def make_room(world: World, name: str | None = None, **properties: Any) -> Room:
    """A room that may dial before anybody is in it."""
    given = {"enable_dialout": True, "dialout_config": {"allow_room_start": True}, **properties}
    return world.rooms.create(name or name_of(), given, "public")


def enter(world: World, room: Room, user_id: str | None = BOT_USER_ID) -> RoomClient:
    """A bot comes in, and goes when it is told to, as a living one does."""
    client = RoomClient("Clinic", owner=True, user_id=user_id, joined_at=world.clock.wall())
    world.rooms.join(room, client)
    world.spawn(_leave_when_told(world, room, client))
    return client


async def _leave_when_told(world: World, room: Room, client: RoomClient) -> None:
    while await client.outbox.get() is not None:
        pass
    world.rooms.leave(room, client)


async def dial(world: World, room: Room, **person: Any) -> str:
    """Ring somebody from a room; Daily's session id of the leg."""
    world.people.put(CALLEE, Person(**{"ring_s": 120, "stays": True, **person}))
    session_id, error = await world.network.start_dialout(room, {"phoneNumber": CALLEE}, owner=True)
    assert session_id, error
    return session_id


async def until(holds: Callable[[], Any]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(DEADLINE_S):
        while not holds():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def at_work(worker: EventWorker) -> AsyncIterator[None]:
    """Let a worker work, and wait for its end."""
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
