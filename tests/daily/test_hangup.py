"""The gateway hangs up: phones stop ringing, rooms go, and only what Daily confirmed counts as confirmed."""

import asyncio

import aiohttp
import pytest

from frontdesk.daily.api import DailyApi
from frontdesk.daily.cloud_sessions import CloudSessions
from frontdesk.daily.hangup import HangUp
from frontdesk.daily.pace import Turns
from frontdesk.daily.presence import Presence, RoomPresence
from frontdesk.daily.removal import RoomRemover
from frontdesk.simulator.cloud.sessions import Agent
from frontdesk.simulator.faults.plan import EndpointFault
from frontdesk.simulator.server import SimulatorServer
from frontdesk.simulator.settings import AgentSettings
from tests.daily.scene import Order, dial, enter, make_room, name_of, until

AGENT = "clinic-bot"


@pytest.fixture
def sessions(simulator: SimulatorServer, http: aiohttp.ClientSession) -> CloudSessions:
    async def at_once(_seconds: float) -> None:
        await asyncio.sleep(0)

    url = f"{simulator.base_url}/cloud/v1"
    return CloudSessions(http, api_url=url, private_key="sk_private", sleep=at_once)


@pytest.fixture
def hang_up(daily: DailyApi, remover: RoomRemover, sessions: CloudSessions) -> HangUp:
    return HangUp(daily, remover, sessions, step_s=30, turn_s=30)


async def test_a_phone_that_rings_stops_ringing(simulator: SimulatorServer, hang_up: HangUp) -> None:
    """With the bot dead and a phone ringing, the ringing stops and the room is gone."""
    world = simulator.world
    room = make_room(world)
    leg = await dial(world, room)
    (record,) = world.records.all()
    await until(lambda: record.state == "ringing")
    assert await hang_up.close(Order(room.name, (leg,), stop_bot=True)) == "deleted"
    await asyncio.wait_for(record.done.wait(), 30)
    assert record.outcome == "canceled"
    assert world.rooms.get(room.name) is None


@pytest.mark.parametrize("ejects", [True, False])
async def test_a_conversation_ends(simulator: SimulatorServer, hang_up: HangUp, ejects: bool) -> None:
    """Bot and phone are out, whether the deletion of a room throws people out or not."""
    world = simulator.world
    world.switches.room_deletion_ejects = ejects
    room = make_room(world)
    enter(world, room)
    leg = await dial(world, room, ring_s=0)
    await until(lambda: leg in room.legs)
    assert await hang_up.close(Order(room.name, (), stop_bot=True)) == "deleted"
    await until(lambda: not room.occupied)
    assert world.rooms.get(room.name) is None


@pytest.mark.parametrize("status", [404, 400])
async def test_what_is_gone_is_confirmed(simulator: SimulatorServer, hang_up: HangUp, status: int) -> None:
    """A room that does not exist is confirmed as gone, whichever status Daily has for it."""
    simulator.world.switches.unknown_room_status = 404 if status == 404 else 400
    order = Order(name_of(), ("a-leg",), stop_bot=True)
    assert await hang_up.close(order) == "deleted"
    assert await hang_up.close(Order("")) == "no_room"


@pytest.mark.parametrize(
    "fault",
    [
        EndpointFault(route="/v1/*", hang=True),
        EndpointFault(route="/v1/*", status=500),
        EndpointFault(route="/v1/*", status=401, body={"error": "authentication-error"}),
        EndpointFault(route="/v1/*", status=429, body={"error": "rate-limit-error"}),
        EndpointFault(route="/v1/*", status=400, body={"error": "authorization-header-error"}),
        EndpointFault(
            route="/v1/*", status=404, body={"error": "not-found", "info": "api endpoint does not exist"}
        ),
        EndpointFault(route="/v1/*", reset=True),
        EndpointFault(route="/v1/*", bad_json=True),
    ],
    ids=["hang", "500", "401", "429", "odd-key", "wrong-address", "reset", "bad-json"],
)
async def test_nothing_is_confirmed_while_daily_is_away(
    simulator: SimulatorServer,
    hang_up: HangUp,
    daily: DailyApi,
    remover: RoomRemover,
    sessions: CloudSessions,
    fault: EndpointFault,
) -> None:
    """Trouble at Daily raises nothing, confirms nothing, ends in time; a repetition succeeds after it."""
    room = make_room(simulator.world)
    simulator.world.faults.add(fault)
    order = Order(room.name, ("a-leg",), stop_bot=True)
    hasty = HangUp(daily, remover, sessions, step_s=1, turn_s=1)
    async with asyncio.timeout(20):
        assert await hasty.close(order) is None
        assert await Presence(daily, timeout_s=0.3).ask(room.name) is None
    assert simulator.world.rooms.get(room.name) is not None
    simulator.world.faults.clear()
    assert await hang_up.close(order) == "deleted"
    assert simulator.world.rooms.get(room.name) is None


async def test_the_bot_on_pipecat_cloud_is_stopped(
    simulator: SimulatorServer, hang_up: HangUp, http: aiohttp.ClientSession
) -> None:
    """A session that hangs is stopped, also when Pipecat Cloud fails at first, and twice is no harm."""
    agent = simulator.world.cloud.agents.setdefault(AGENT, Agent(AGENT, AgentSettings()))
    start = f"{simulator.base_url}/cloud/v1/public/{AGENT}/start"
    async with http.post(start, json={}, headers={"Authorization": "Bearer pk_public"}) as answer:
        session_id = (await answer.json())["sessionId"]
    fault = EndpointFault(method="DELETE", route="/cloud/v1/*", status=500, times=2)
    simulator.world.faults.add(fault)
    order = Order(name_of(), host=AGENT, host_session_id=session_id, stop_bot=True)
    await asyncio.gather(hang_up.close(order), hang_up.close(order))
    await hang_up.drain(60)
    assert agent.sessions[session_id].completion == "TERMINATED"
    assert agent.active == 0


@pytest.mark.parametrize(
    "order",
    [
        Order(name_of(), host="local", host_session_id="x", stop_bot=True),
        Order(name_of(), host="", host_session_id="x", stop_bot=True),
        Order(name_of(), host=AGENT, host_session_id=None, stop_bot=True),
        Order(name_of(), host=AGENT, host_session_id="x", stop_bot=False),
    ],
)
async def test_no_other_bot_is_stopped(simulator: SimulatorServer, hang_up: HangUp, order: Order) -> None:
    """Only a session on Pipecat Cloud is stopped, and only when that is ordered."""
    await hang_up.close(order)
    await hang_up.drain(60)
    assert not [path for path in simulator.world.faults.counts if "sessions" in path]


async def test_what_is_urgent_goes_before_cleaning_up(simulator: SimulatorServer, hang_up: HangUp) -> None:
    """A normal end costs one deletion and nothing else."""
    room = make_room(simulator.world)
    assert await hang_up.close(Order(room.name)) == "deleted"
    assert list(simulator.world.faults.counts) == ["DELETE /v1/rooms/{name}"]


async def test_cleaning_up_holds_up_nobody(
    simulator: SimulatorServer, http: aiohttp.ClientSession, daily: DailyApi, sessions: CloudSessions
) -> None:
    """With many rooms to clean up, orders return at once, a hang-up goes first, a room costs one turn."""
    world = simulator.world
    turns = Turns(4, 1.0)
    rooms = RoomRemover(http, api_url=f"{simulator.base_url}/v1", api_key="a-key", timeout_s=30, turns=turns)
    hang_up = HangUp(daily, rooms, sessions, step_s=30, turn_s=30)
    orders = [Order(make_room(world).name) for _ in range(30)]
    first = await asyncio.wait_for(asyncio.gather(*(hang_up.close(order) for order in orders)), 5)
    assert first.count(None) > 15
    urgent = make_room(world)
    assert await hang_up.close(Order(urgent.name, stop_bot=True)) == "deleted"
    assert len(world.rooms.all()) > 5
    await rooms.drain(60)
    assert world.rooms.all() == []
    left = [order for order, how in zip(orders, first, strict=True) if how is None]
    assert await asyncio.gather(*(hang_up.close(order) for order in left)) == ["deleted"] * len(left)
    assert world.faults.counts["DELETE /v1/rooms/{name}"] == 31


async def test_presence_tells_the_bot_from_phones(simulator: SimulatorServer, daily: DailyApi) -> None:
    """The bot is known by its token's user id; everybody else is a phone; no room means nobody."""
    world = simulator.world
    presence = Presence(daily)
    room = make_room(world)
    assert await presence.ask(room.name) == RoomPresence(bot=False, phones=0)
    leg = await dial(world, room, ring_s=0)
    await until(lambda: leg in room.legs)
    assert await presence.ask(room.name) == RoomPresence(bot=False, phones=1)
    enter(world, room)
    assert await presence.ask(room.name) == RoomPresence(bot=True, phones=1)
    assert await presence.ask(name_of()) == RoomPresence(bot=False, phones=0, exists=False)
