"""Rooms that no call needs are swept; nobody else's room is ever touched."""

import asyncio
import time
import uuid
from dataclasses import dataclass, field

import pytest

from frontdesk.daily import sweep as sweeping
from frontdesk.daily.api import DailyApi
from frontdesk.daily.removal import RoomRemover
from frontdesk.daily.room_names import UNKNOWN_INSTALLATION
from frontdesk.daily.sweep import RoomSweep
from frontdesk.errors import DatabaseUnavailableError
from frontdesk.simulator.faults.plan import EndpointFault
from frontdesk.simulator.server import SimulatorServer
from tests.daily.scene import OURS, dial, enter, make_room, name_of, until

AGE_S = 600.0


@dataclass
class Life:
    """How a call stands."""

    ended_at: float | None


@dataclass
class Call:
    """A call of the ledger."""

    state: Life


@dataclass
class Calls:
    """A ledger of some calls."""

    calls: dict[str, Call] = field(default_factory=dict)
    away: bool = False

    def add(self, ended_at: float | None) -> str:
        """A call that ended then, or goes on."""
        call_id = uuid.uuid4().hex
        self.calls[call_id] = Call(Life(ended_at))
        return call_id

    async def load(self, call_id: str) -> Call | None:
        if self.away:
            raise DatabaseUnavailableError
        return self.calls.get(call_id)


@dataclass
class Installation:
    """Ours, once it is known."""

    id: str = OURS


@dataclass
class Broom:
    """A sweep, an hour after the rooms were made."""

    sweep: RoomSweep
    calls: Calls
    installation: Installation
    simulator: SimulatorServer

    def rooms(self) -> set[str]:
        return {room.name for room in self.simulator.world.rooms.all()}


@pytest.fixture
def broom(simulator: SimulatorServer, daily: DailyApi, remover: RoomRemover) -> Broom:
    calls, installation = Calls(), Installation()
    sweep = RoomSweep(
        daily, remover, calls, installation, older_than_s=AGE_S, clock=lambda: time.time() + 3600
    )
    return Broom(sweep, calls, installation, simulator)


async def test_only_rooms_of_ours_that_no_call_needs_are_deleted(broom: Broom) -> None:
    """Unknown and long-ended calls lose their rooms; live and lately ended ones, and strangers, do not.

    A room that was made before we knew who we are goes only if its call is in our books.
    """
    now = time.time() + 3600
    long_ended = broom.calls.add(now - AGE_S - 60)
    gone = {name_of(), name_of(long_ended), name_of(long_ended, installation=UNKNOWN_INSTALLATION)}
    kept = {
        name_of(broom.calls.add(None)),
        name_of(broom.calls.add(now - AGE_S + 60)),
        name_of(installation="fedcbafedcbafedc"),
        name_of(installation=UNKNOWN_INSTALLATION),
        name_of(broom.calls.add(None), installation=UNKNOWN_INSTALLATION),
        "somebody-elses",
        f"fd-{OURS}-something",
    }
    for name in gone | kept:
        make_room(broom.simulator.world, name)
    assert await broom.sweep.sweep() == len(gone)
    assert broom.rooms() == kept


async def test_young_rooms_are_left_alone(
    simulator: SimulatorServer, daily: DailyApi, remover: RoomRemover
) -> None:
    """A room that was made lately may belong to a call that is being written down."""
    make_room(simulator.world)
    assert await RoomSweep(daily, remover, Calls(), Installation()).sweep() == 0


async def test_a_conversation_nobody_knows_of_is_not_cut(broom: Broom) -> None:
    """An unknown room with a phone in it is left to the bot; with a bot alone in it, it goes, bot and all."""
    world = broom.simulator.world
    talking, lonely = make_room(world), make_room(world)
    enter(world, talking)
    enter(world, lonely)
    leg = await dial(world, talking, ring_s=0)
    await until(lambda: leg in talking.legs)
    assert await broom.sweep.sweep() == 1
    assert broom.rooms() == {talking.name}
    await until(lambda: not lonely.occupied)


async def test_nothing_is_swept_while_we_do_not_know_who_we_are(broom: Broom) -> None:
    """Without our own id, or without the books, no room is deleted."""
    make_room(broom.simulator.world)
    make_room(broom.simulator.world, name_of(installation=UNKNOWN_INSTALLATION))
    broom.installation.id = UNKNOWN_INSTALLATION
    assert await broom.sweep.sweep() == 0
    broom.installation.id = OURS
    broom.calls.away = True
    assert await broom.sweep.sweep() == 0
    assert len(broom.rooms()) == 2
    broom.calls.away = False
    assert await broom.sweep.sweep() == 1


async def test_the_first_sweep_waits_until_we_know_who_we_are(
    simulator: SimulatorServer, daily: DailyApi, remover: RoomRemover, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Started before our id is known, the sweep begins when it is, and not a quarter of an hour later."""
    monkeypatch.setattr(sweeping, "_UNTIL_KNOWN_S", 0.01)
    make_room(simulator.world)
    installation = Installation(UNKNOWN_INSTALLATION)
    sweep = RoomSweep(daily, remover, Calls(), installation, older_than_s=-1)
    task = asyncio.create_task(sweep.run())
    await asyncio.sleep(0.05)
    assert simulator.world.rooms.all()
    installation.id = OURS
    await until(lambda: not simulator.world.rooms.all())
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_every_page_is_read(broom: Broom, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rooms beyond the first page of Daily's list are swept as well."""
    monkeypatch.setattr(sweeping, "_PAGE", 3)
    monkeypatch.setattr(sweeping, "_BETWEEN_PAGES_S", 0)
    for _ in range(8):
        make_room(broom.simulator.world)
        make_room(broom.simulator.world, uuid.uuid4().hex)
    assert await broom.sweep.sweep() == 8
    assert len(broom.rooms()) == 8


@pytest.mark.parametrize(
    "fault",
    [
        EndpointFault(route="/v1/rooms", status=500),
        EndpointFault(route="/v1/rooms", bad_json=True),
        EndpointFault(route="/v1/rooms", status=200, body={"data": 7}),
        EndpointFault(method="DELETE", route="/v1/rooms/{name}", status=429),
        EndpointFault(route="/v1/rooms/{name}/presence", status=500),
    ],
)
async def test_trouble_is_left_to_the_next_sweep(broom: Broom, fault: EndpointFault) -> None:
    """A sweep that fails raises nothing, and the next one does what it could not."""
    make_room(broom.simulator.world)
    broom.simulator.world.faults.add(fault)
    assert await broom.sweep.sweep() == 0
    broom.simulator.world.faults.clear()
    assert await broom.sweep.sweep() == 1
