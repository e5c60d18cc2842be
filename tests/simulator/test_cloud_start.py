"""Starting bots on the simulated Pipecat Cloud."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from frontdesk.simulator.clock import ManualClock
from frontdesk.simulator.rooms.room import Room, RoomClient
from frontdesk.simulator.server import SimulatorServer
from frontdesk.simulator.settings import AgentSettings
from tests.simulator.catcher import Api, Catcher, eventually

START = "/public/frontdesk/start"
PUBLIC, PRIVATE = {"Authorization": "Bearer pk_test"}, {"Authorization": "Bearer sk_test"}


@pytest.fixture
def cloud(simulator: SimulatorServer, http: aiohttp.ClientSession) -> Api:
    return Api(f"{simulator.base_url}/cloud/v1", http, PUBLIC)


@pytest.fixture
def runner(simulator: SimulatorServer, catcher: Catcher) -> Catcher:
    """A dev runner that takes every start and answers `null`, as pipecat's does when it makes no room."""
    simulator.world.settings.runner_url = catcher.url
    catcher.answer = None
    return catcher


def agent(simulator: SimulatorServer, name: str = "frontdesk", **settings: Any) -> None:
    simulator.world.cloud.agents[name].settings = AgentSettings(**settings)


def freeze(simulator: SimulatorServer) -> ManualClock:
    """Stop the world's time; it moves only by `advance`."""
    clock = simulator.world.clock = ManualClock()
    return clock


def bot_joins(simulator: SimulatorServer, name: str) -> tuple[Room, RoomClient]:
    room = simulator.world.rooms.get(name) or simulator.world.rooms.create(name, {}, "public")
    bot = RoomClient("Bot", owner=True)
    simulator.world.rooms.join(room, bot)
    return room, bot


async def session(cloud: Api, session_id: str, name: str = "frontdesk") -> dict[str, Any]:
    status, shown = await cloud("GET", f"/agents/{name}/sessions/{session_id}", headers=PRIVATE)
    assert status == 200
    return dict(shown)


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        (START, {}, 401),
        (START, {"Authorization": "pk_test"}, 401),
        (START, {"Authorization": "Bearer pk_"}, 401),
        (START, {"Authorization": "Bearer sk_test"}, 401),
        (START, {"Authorization": "Bearer wrong-key"}, 401),
        ("/public/nobody/start", PUBLIC, 404),
        ("/public/frontdesk/stop", PUBLIC, 404),
    ],
)
async def test_wrong_keys_and_agents_are_refused(
    cloud: Api, path: str, headers: dict[str, str], expected: int
) -> None:
    """Only a public key starts, only deployed agents; the code repeats the status as text."""
    status, answer = await cloud("POST", path, {}, headers=headers)
    assert (status, answer["code"]) == (expected, str(expected))
    assert set(answer) == {"error", "code"}
    if expected == 401:
        assert answer["error"] == "Unauthorized / token expired"


async def test_only_the_configured_keys_are_accepted(simulator: SimulatorServer, cloud: Api) -> None:
    """With keys in the settings all others get 401, even of the right kind."""
    simulator.world.settings.cloud_public_key = "the-public"
    simulator.world.settings.cloud_private_key = "the-private"
    sessions = "/agents/frontdesk/sessions"
    assert (await cloud("POST", START, {}))[0] == 401
    assert (await cloud("GET", sessions, headers=PRIVATE))[0] == 401
    assert (await cloud("POST", START, {}, headers={"Authorization": "Bearer the-public"}))[0] == 200
    assert (await cloud("GET", sessions, headers={"Authorization": "Bearer the-private"}))[0] == 200


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        {"createDailyRoom": "yes"},
        {"body": "text"},
        {"dailyRoomProperties": []},
        {"transport": "phone"},
        {"transport": "webrtc"},
        {"createDailyRoom": True, "dailyRoomProperties": {"exp": "soon"}},
    ],
)
async def test_odd_requests_are_refused(simulator: SimulatorServer, cloud: Api, body: Any) -> None:
    """Bad JSON, wrong types and unknown transports are a 400, and hold no instance."""
    status, answer = await cloud("POST", START, body)
    assert (status, answer["code"]) == (400, "400")
    assert simulator.world.cloud.agents["frontdesk"].active == 0


async def test_huge_bodies_are_refused_before_a_bot_starts(cloud: Api, runner: Catcher) -> None:
    """A body beyond 1 MB is a 413, one just below passes, and a websocket's may have 4 KB."""
    assert (await cloud("POST", START, {"body": {"x": "y" * 2**20}}))[0] == 413
    assert (await cloud("POST", START, {"transport": "websocket", "body": {"x": "y" * 4096}}))[0] == 413
    assert runner.caught == []
    assert (await cloud("POST", START, {"body": {"x": "y" * (2**20 - 100)}}))[0] == 200
    await runner.wait_for(1)


INTERNAL = "Internal server error. Please check logs for more information or contact support."
NOT_READY = "Attempt to start agent when deployment is not in ready state. Is your image pull secret valid?"
FULL = "Service maximum agent instances reached"


@pytest.mark.parametrize(
    ("settings", "expected", "error", "code"),
    [
        ({"fail": "400"}, 400, "Invalid request", "400"),
        ({"fail": "500"}, 500, INTERNAL, "500"),
        ({"ready": False}, 500, NOT_READY, "PCC-1001"),
        ({"max_agents": 0}, 429, FULL, "PCC-AGENT-AT-CAPACITY"),
    ],
)
async def test_an_agent_can_refuse_in_every_documented_way(
    simulator: SimulatorServer, cloud: Api, settings: dict[str, Any], expected: int, error: str, code: str
) -> None:
    """Each error that Pipecat Cloud documents for a start can be ordered."""
    agent(simulator, **settings)
    assert await cloud("POST", START, {}) == (expected, {"error": error, "code": code})


async def test_both_shapes_of_429_can_be_had(simulator: SimulatorServer, cloud: Api) -> None:
    """A full agent may answer in the shape of the rate limit, and a rate limit does always."""
    simulator.world.switches.capacity_body = "rate-limit"
    agent(simulator, max_agents=0)
    shape = {"status": 429, "code": "429", "message": "Rate limit exceeded. Please try again later"}
    assert await cloud("POST", START, {}) == (429, shape)
    agent(simulator)
    simulator.world.switches.start_rate_per_s = 0.001
    assert (await cloud("POST", START, {}))[0] == 200
    assert await cloud("POST", START, {}) == (429, shape)
    simulator.world.switches.start_rate_per_s = 10_000
    assert (await cloud("POST", START, {}))[0] == 200


async def test_a_full_agent_leaves_the_other_free(simulator: SimulatorServer, cloud: Api) -> None:
    """Capacity is counted per agent and given back when a session ends."""
    simulator.world.settings.noop_bot_s = 60
    async with aiohttp.ClientSession() as http:
        url = f"{simulator.base_url}/sim/cloud/agents"
        for name in ("frontdesk", "second"):
            async with http.put(f"{url}/{name}", json={"max_agents": 1}) as reply:
                assert reply.status == 200
    _, first = await cloud("POST", START, {})
    assert (await cloud("POST", START, {}))[0] == 429
    assert (await cloud("POST", "/public/second/start", {}))[0] == 200
    stop = f"/agents/frontdesk/sessions/{first['sessionId']}"
    assert (await cloud("DELETE", stop, headers=PRIVATE))[0] == 200
    assert (await cloud("POST", START, {}))[0] == 200


async def test_the_runner_gets_the_same_body(cloud: Api, runner: Catcher) -> None:
    """Everything that was asked for reaches the dev runner's /start, with the transport made plain."""
    asked = {
        "createDailyRoom": False,
        "body": {"room_url": "http://127.0.0.1/r", "deep": {"list": [1, None, "é"]}},
    }
    status, answer = await cloud("POST", START, asked)
    (caught,) = await runner.wait_for(1)
    assert (status, set(answer)) == (200, {"sessionId"})
    assert caught.path == "/start"
    assert caught.body == {**asked, "transport": "daily"}


async def test_a_session_ends_when_its_bot_leaves_the_room(
    simulator: SimulatorServer, cloud: Api, runner: Catcher
) -> None:
    """The session lives as long as the bot is in the room of its body, and tells the meeting."""
    body = {"body": {"room_url": f"{simulator.base_url}/a-room"}}
    _, answer = await cloud("POST", START, body)
    await runner.wait_for(1)
    room, bot = bot_joins(simulator, "a-room")
    live = await session(cloud, answer["sessionId"])
    assert (live["endedAt"], live["completionStatus"]) == (None, None)
    assert live["meetingIds"] == [{"participantId": bot.id, "meetingId": room.meeting_id}]
    simulator.world.rooms.leave(room, bot)
    ended = await session(cloud, answer["sessionId"])
    assert ended["completionStatus"] == "HTTP_COMPLETED"
    assert ended["endedAt"] >= ended["createdAt"]
    assert simulator.world.cloud.agents["frontdesk"].active == 0


async def test_a_bot_may_be_faster_than_the_runners_answer(
    simulator: SimulatorServer, cloud: Api, runner: Catcher
) -> None:
    """A bot that is in its room before the dev runner has answered belongs to the session all the same."""
    runner.gate.clear()
    _, answer = await cloud("POST", START, {"body": {"room_url": f"{simulator.base_url}/a-room"}})
    await runner.wait_for(1)
    room, bot = bot_joins(simulator, "a-room")
    runner.gate.set()
    simulator.world.rooms.leave(room, bot)
    assert (await session(cloud, answer["sessionId"]))["completionStatus"] == "HTTP_COMPLETED"


async def test_two_sessions_in_one_room_end_on_their_own(
    simulator: SimulatorServer, cloud: Api, runner: Catcher
) -> None:
    """Two starts for one room are two sessions, each with a bot of its own."""
    body = {"body": {"room_url": f"{simulator.base_url}/a-room"}}
    ids = [(await cloud("POST", START, body))[1]["sessionId"] for _ in range(2)]
    await runner.wait_for(2)
    room, first = bot_joins(simulator, "a-room")
    bot_joins(simulator, "a-room")
    simulator.world.rooms.leave(room, first)
    ended = [(await session(cloud, one))["endedAt"] is not None for one in ids]
    assert ended == [True, False]


async def test_a_runner_that_refuses_ends_the_session(
    simulator: SimulatorServer, cloud: Api, runner: Catcher
) -> None:
    """The start was accepted, the bot never came: the session ends with an error."""
    runner.statuses = [500]
    _, answer = await cloud("POST", START, {})
    await eventually(lambda: simulator.world.cloud.agents["frontdesk"].active == 0)
    assert (await session(cloud, answer["sessionId"]))["completionStatus"] == "HTTP_ERROR"


async def test_a_start_may_wait_for_the_bot(simulator: SimulatorServer, cloud: Api, runner: Catcher) -> None:
    """By switch the 200 comes when the bot has started, and a runner that refuses is a 500."""
    freeze(simulator)
    simulator.world.switches.start_answers = "started"
    runner.gate.clear()
    starting = asyncio.create_task(cloud("POST", START, {}))
    await runner.wait_for(1)
    assert not starting.done()
    runner.gate.set()
    status, answer = await starting
    assert status == 200
    assert (await session(cloud, answer["sessionId"]))["botStartSeconds"] == 0
    runner.statuses = [503]
    assert (await cloud("POST", START, {}))[0] == 500
    assert simulator.world.cloud.agents["frontdesk"].active == 1


@pytest.mark.parametrize("when", ["accepted", "started"])
async def test_a_cold_start_takes_its_time(
    simulator: SimulatorServer, cloud: Api, runner: Catcher, when: Any
) -> None:
    """A cold agent starts its bot after its delay, is warm afterwards, and the session says so."""
    simulator.world.switches.start_answers = when
    agent(simulator, state="cold", cold_start_s=0.4)
    clock = freeze(simulator)
    starting = asyncio.create_task(cloud("POST", START, {}))
    if when == "accepted":
        await starting
    await eventually(lambda: bool(clock._sleepers))
    await clock.advance(0.39)
    assert (starting.done(), runner.caught) == (when == "accepted", [])
    await clock.advance(0.02)
    _, answer = await starting
    await runner.wait_for(1)
    await eventually(lambda: simulator.world.cloud.agents["frontdesk"].settings.state == "warm")
    assert (await session(cloud, answer["sessionId"]))["coldStart"] is True
    _, warm = await cloud("POST", START, {})
    assert (await session(cloud, warm["sessionId"]))["coldStart"] is False


async def test_a_stopped_session_throws_its_bot_out(
    simulator: SimulatorServer, cloud: Api, runner: Catcher
) -> None:
    """DELETE ends a session at once and tells the bot to go; one that comes later is not let in."""
    body = {"body": {"room_url": f"{simulator.base_url}/a-room"}}
    ids = [(await cloud("POST", START, body))[1]["sessionId"] for _ in range(2)]
    await runner.wait_for(2)
    _, bot = bot_joins(simulator, "a-room")
    for one in ids:
        expected = {"status": "terminated", "session_id": one}
        assert await cloud("DELETE", f"/agents/frontdesk/sessions/{one}", headers=PRIVATE) == (200, expected)
    assert await thrown_out(bot)
    _, late = bot_joins(simulator, "a-room")
    assert await thrown_out(late)
    assert simulator.world.cloud.agents["frontdesk"].active == 0


async def thrown_out(bot: RoomClient) -> bool:
    """Whether the end of the bot's messages has come."""
    async with asyncio.timeout(30):
        while await bot.outbox.get() is not None:
            pass
    return True


async def test_a_bot_that_never_comes_is_given_up(
    simulator: SimulatorServer, cloud: Api, runner: Catcher
) -> None:
    """After the join time-out the session ends and its instance is free."""
    simulator.world.settings.join_timeout_s = 0.1
    await cloud("POST", START, {"body": {"room_url": f"{simulator.base_url}/a-room"}})
    await runner.wait_for(1)
    await eventually(lambda: simulator.world.cloud.agents["frontdesk"].active == 0)


async def test_a_session_has_a_longest_time(simulator: SimulatorServer, cloud: Api, runner: Catcher) -> None:
    """A bot that stays beyond the session's longest time is thrown out."""
    simulator.world.settings.join_timeout_s = 0.1
    agent(simulator, max_session_s=0.5)
    _, answer = await cloud("POST", START, {"body": {"room_url": f"{simulator.base_url}/a-room"}})
    await runner.wait_for(1)
    _, bot = bot_joins(simulator, "a-room")
    assert await thrown_out(bot)
    assert (await session(cloud, answer["sessionId"]))["endedAt"] is not None


async def test_the_cloud_makes_a_room_itself(simulator: SimulatorServer, cloud: Api) -> None:
    """Without a runner createDailyRoom gives a room with the wanted properties and a token for it."""
    asked = {
        "createDailyRoom": True,
        "dailyRoomProperties": {"enable_chat": True},
        "dailyMeetingTokenProperties": {"user_name": "Bot"},
    }
    status, answer = await cloud("POST", START, asked)
    assert (status, set(answer)) == (200, {"sessionId", "dailyRoom", "dailyToken"})
    name = answer["dailyRoom"].rpartition("/")[2]
    room = simulator.world.rooms.get(name)
    assert room is not None
    assert (room.url, room.properties) == (answer["dailyRoom"], {"enable_chat": True})
    claims = simulator.world.tokens.read(answer["dailyToken"], now=simulator.world.clock.wall())
    assert claims == {"is_owner": True, "user_name": "Bot", "room_name": name}


async def test_a_room_made_by_the_runner_is_passed_on(
    simulator: SimulatorServer, cloud: Api, runner: Catcher
) -> None:
    """With a runner the room is the one that the runner made, and the session follows the bot there."""
    runner.answer = {
        "dailyRoom": f"{simulator.base_url}/made",
        "dailyToken": "token",
        "sessionId": "the-runners-own",
    }
    _, answer = await cloud("POST", START, {"createDailyRoom": True})
    assert (answer["dailyRoom"], answer["dailyToken"]) == (f"{simulator.base_url}/made", "token")
    assert answer["sessionId"] != "the-runners-own"
    room, bot = bot_joins(simulator, "made")
    simulator.world.rooms.leave(room, bot)
    assert (await session(cloud, answer["sessionId"]))["completionStatus"] == "HTTP_COMPLETED"


async def test_a_bot_that_does_nothing_lives_for_a_while(simulator: SimulatorServer, cloud: Api) -> None:
    """Without a runner a session holds an instance for the time of the settings."""
    simulator.world.settings.noop_bot_s = 0.2
    clock = freeze(simulator)
    await cloud("POST", START, {})
    await eventually(lambda: bool(clock._sleepers))
    await clock.advance(0.1)
    assert simulator.world.cloud.agents["frontdesk"].active == 1
    await clock.advance(0.2)
    await eventually(lambda: simulator.world.cloud.agents["frontdesk"].active == 0)


async def test_sessions_are_listed_and_narrowed(simulator: SimulatorServer, cloud: Api) -> None:
    """The list is newest first, in pages, by status and by kind of start, for a private key alone."""
    simulator.world.settings.noop_bot_s = 60
    ids = [(await cloud("POST", START, {}))[1]["sessionId"] for _ in range(3)]
    agent(simulator, state="cold", cold_start_s=0, stays_warm=False)
    ids.append((await cloud("POST", START, {}))[1]["sessionId"])
    await cloud("DELETE", f"/agents/frontdesk/sessions/{ids[0]}", headers=PRIVATE)

    async def listed(query: str) -> tuple[int, list[str]]:
        _, answer = await cloud("GET", f"/agents/frontdesk/sessions?{query}", headers=PRIVATE)
        return answer["total_count"], [one["sessionId"] for one in answer["sessions"]]

    assert await listed("") == (4, ids[::-1])
    assert await listed("limit=1&offset=1") == (4, [ids[2]])
    assert await listed("status=ended") == (1, [ids[0]])
    assert await listed("status=active&startType=warm") == (2, [ids[2], ids[1]])
    assert (await cloud("GET", "/agents/frontdesk/sessions"))[0] == 401
    for path, status in (("?status=dead", 400), ("?limit=x", 400), ("/no-uuid", 400)):
        assert (await cloud("GET", f"/agents/frontdesk/sessions{path}", headers=PRIVATE))[0] == status
    unknown = "/agents/frontdesk/sessions/00000000-0000-0000-0000-000000000000"
    assert (await cloud("GET", unknown, headers=PRIVATE))[0] == 404
    assert (await cloud("GET", "/agents/nobody/sessions", headers=PRIVATE))[0] == 404


async def test_a_session_is_shaped_as_documented(cloud: Api) -> None:
    """One session shows the fields of Pipecat Cloud's description."""
    _, answer = await cloud("POST", START, {})
    shown = await session(cloud, answer["sessionId"])
    expected = "sessionId serviceId organizationId deploymentId endedAt botStartSeconds coldStart"
    expected += " completionStatus createdAt updatedAt resourceMetrics meetingIds"
    assert sorted(shown) == sorted(expected.split())
    json.dumps(shown)


async def test_agents_come_and_go_by_control(simulator: SimulatorServer, http: aiohttp.ClientSession) -> None:
    """PUT deploys, GET lists, DELETE takes away, and a runner off this machine is refused."""
    url = f"{simulator.base_url}/sim/cloud/agents"
    async with http.put(f"{url}/new", json={"state": "cold", "cold_start_s": 3}) as reply:
        assert (await reply.json())["settings"]["cold_start_s"] == 3
    async with http.get(url) as reply:
        assert [one["name"] for one in await reply.json()] == ["frontdesk", "new"]
    async with http.put(f"{url}/new", json={"runner_url": "http://example.com"}) as reply:
        assert reply.status == 422
    async with http.delete(f"{url}/new") as reply:
        assert reply.status == 204
    async with http.delete(f"{url}/new") as reply:
        assert reply.status == 404
