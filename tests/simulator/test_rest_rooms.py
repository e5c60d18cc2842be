"""Rooms over the REST API, as pipecat's own code and as anybody else uses it."""

import asyncio
import json
import re
import time
from typing import Any, Literal
from urllib.parse import urlsplit

import aiohttp
import pytest
from pipecat.runner.daily import configure
from pipecat.transports.daily.utils import DailyRESTHelper, DailyRoomParams, DailyRoomProperties

from frontdesk.simulator.faults.plan import EndpointFault
from frontdesk.simulator.rooms.room import RoomClient
from frontdesk.simulator.server import SimulatorServer
from tests.simulator.catcher import KEY, Api, eventually

NO_ROUTE = {"error": "not-found", "info": "api endpoint does not exist"}
ODD_HEADER = {"error": "authorization-header-error", "info": "invalid authorization header"}


async def test_configure_makes_a_room_that_takes_calls(
    simulator: SimulatorServer, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through pipecat's configure() one gets a SIP room on this simulator and an owner's token for it."""
    monkeypatch.setenv("DAILY_API_URL", f"{simulator.base_url}/v1")
    monkeypatch.delenv("DAILY_ROOM_URL", raising=False)
    made = await configure(http, api_key="a-key", sip_caller_phone="+12025550123", enable_dialout=True)
    name = made.room_url.removeprefix(f"{simulator.base_url}/")
    room = simulator.world.rooms.get(name)
    assert room is not None
    assert room.properties["enable_dialout"] is True
    assert made.sip_endpoint == f"sip:{room.sip_endpoint}"
    claims = simulator.world.tokens.read(made.token, now=time.time())
    assert claims["room_name"] == name
    assert claims["is_owner"] is True


async def test_the_rest_helper_reads_and_deletes_rooms(
    simulator: SimulatorServer, http: aiohttp.ClientSession
) -> None:
    """With pipecat's DailyRESTHelper one creates, reads and deletes a room; deleting twice does no harm."""
    helper = DailyRESTHelper(
        daily_api_key="a-key", daily_api_url=f"{simulator.base_url}/v1", aiohttp_session=http
    )
    properties = DailyRoomProperties(exp=time.time() + 60.5, enable_recording="cloud-audio-only")
    made = await helper.create_room(DailyRoomParams(name="a-room", privacy="private", properties=properties))
    assert await helper.get_room_from_url(made.url) == made
    assert made.privacy == "private"
    assert made.config.exp == properties.exp
    assert await helper.delete_room_by_url(made.url)
    assert simulator.world.rooms.get("a-room") is None
    assert await helper.delete_room_by_url(made.url)


@pytest.mark.parametrize(
    ("asked", "header", "expected"),
    [
        (("GET", "/nothing"), None, (404, NO_ROUTE)),
        (("PATCH", "/rooms"), "Bearer wrong-key", (404, NO_ROUTE)),
        (("PUT", "/rooms/a/dialOut/start"), None, (404, NO_ROUTE)),
        (("POST", "/pinlessCallUpdate"), "Bearer a-key", (404, NO_ROUTE)),
        (("GET", "/rooms"), None, (400, ODD_HEADER)),
        (("GET", "/rooms"), "a-key", (400, ODD_HEADER)),
        (("GET", "/rooms"), "Bearer ", (400, ODD_HEADER)),
        (("GET", "/rooms"), "Basic a-key", (400, ODD_HEADER)),
        (("GET", "/rooms"), "Bearer wrong-key", (401, {"error": "authentication-error"})),
    ],
)
async def test_checks_come_in_dailys_order(
    api: Api, asked: tuple[str, str], header: str | None, expected: tuple[int, dict[str, str]]
) -> None:
    """Unknown endpoints are 404 before any key is asked for, odd headers 400, wrong keys a bare 401."""
    headers = {} if header is None else {"Authorization": header}
    assert await api(*asked, headers=headers) == expected


async def test_only_the_configured_key_is_accepted(
    simulator: SimulatorServer, http: aiohttp.ClientSession
) -> None:
    """With a key in the settings every other key gets 401."""
    simulator.world.settings.daily_api_key = "the-key"
    api = Api(f"{simulator.base_url}/v1", http)
    assert (await api("GET", "/rooms", headers={"Authorization": "Bearer the-key"}))[0] == 200
    assert await api("GET", "/rooms") == (401, {"error": "authentication-error"})


async def test_a_wrong_key_is_refused_before_the_body_is_read(api: Api) -> None:
    """Bad JSON with a wrong key is 401, with a good one json-parsing-error."""
    status, _ = await api("POST", "/rooms", b"{", headers={"Authorization": "Bearer wrong-key"})
    assert status == 401
    status, answer = await api("POST", "/rooms", b'{"name": ')
    assert (status, answer["error"]) == (400, "json-parsing-error")
    assert answer["info"]


@pytest.mark.parametrize(
    "body",
    [
        [],
        "text",
        {"nmae": "typo"},
        {"name": 5},
        {"name": "with space"},
        {"privacy": "secret"},
        {"properties": []},
        {"properties": {"exp": "tomorrow"}},
        {"properties": {"exp": True}},
        {"properties": {"enable_dialout": "yes"}},
        {"properties": {"enable_dialuot": True}},
        {"properties": {"enable_recording": "tape"}},
        {"properties": {"sip": {"sip_mode": "dial-in"}}},
        {"properties": {"sip": {"display_name": "x", "sip_mode": "dial-out"}}},
        {"properties": {"sip": {"display_name": "x", "sip_mode": "dial-in", "num_endpoints": 0}}},
        {"properties": {"sip": {"display_name": "x", "sip_mode": "dial-in", "provider": "other"}}},
        {"properties": {"dialout_config": {"allow_room_start": 1}}},
    ],
)
async def test_odd_rooms_are_refused(simulator: SimulatorServer, api: Api, body: Any) -> None:
    """Unknown fields, wrong types and impossible values are an invalid-request-error and make no room."""
    status, answer = await api("POST", "/rooms", body)
    assert (status, answer["error"]) == (400, "invalid-request-error")
    assert set(answer) == {"error", "info"}
    assert simulator.world.rooms.all() == []


async def test_an_empty_body_makes_a_room_with_a_random_name(simulator: SimulatorServer, api: Api) -> None:
    """POST /rooms without a body gives a public room, shaped as Daily's description says."""
    status, room = await api("POST", "/rooms")
    assert status == 200
    assert re.fullmatch(r"[A-Za-z0-9]{20}", room["name"])
    assert room["url"] == f"{simulator.base_url}/{room['name']}"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", room["created_at"])
    assert (room["api_created"], room["privacy"], room["config"]) == (True, "public", {})
    assert set(room) == {"id", "name", "api_created", "privacy", "url", "created_at", "config"}


async def test_a_name_can_be_taken_once(api: Api) -> None:
    """A second room of the same name is refused."""
    assert (await api("POST", "/rooms", {"name": "twice"}))[0] == 200
    status, answer = await api("POST", "/rooms", {"name": "twice"})
    assert (status, answer["info"]) == (400, "a room named twice already exists")


@pytest.mark.parametrize("prefix", ["", "sip:"])
async def test_a_sip_room_tells_its_endpoints(simulator: SimulatorServer, api: Api, prefix: str) -> None:
    """sip_uri has one endpoint, more under extra_endpoints, and `sip:` only by switch."""
    simulator.world.switches.endpoint_prefix = bool(prefix)
    sip = {"display_name": "x", "sip_mode": "dial-in", "num_endpoints": 2}
    _, room = await api("POST", "/rooms", {"name": "calls", "properties": {"sip": sip}})
    uri = room["config"]["sip_uri"]
    assert re.fullmatch(prefix + r"calls\.0@daily-\d+-app\.dapp\.signalwire\.com", uri["endpoint"])
    assert len(uri["extra_endpoints"]) == 1
    assert room["config"]["sip"] == sip


async def test_the_plan_may_forbid_dialout(simulator: SimulatorServer, api: Api) -> None:
    """By switch, enable_dialout is refused with Daily's text."""
    simulator.world.switches.plan_allows_dialout = False
    body = {"properties": {"enable_dialout": True}}
    info = "property 'enable_dialout' cannot be set to that value with your current plan"
    assert await api("POST", "/rooms", body) == (400, {"error": "invalid-request-error", "info": info})


async def test_switches_decide_on_unknown_properties_and_fractions(
    simulator: SimulatorServer, api: Api
) -> None:
    """An unknown property may be ignored, and a fractional exp refused."""
    simulator.world.switches.unknown_property = "ignore"
    assert (await api("POST", "/rooms", {"properties": {"brand_new": 1}}))[0] == 200
    simulator.world.switches.fractional_exp = "reject"
    assert (await api("POST", "/rooms", {"properties": {"exp": time.time() + 60}}))[0] == 400


@pytest.mark.parametrize(("switch", "code"), [(404, "not-found"), (400, "invalid-request-error")])
async def test_an_expired_room_does_not_exist(
    simulator: SimulatorServer, api: Api, switch: Any, code: str
) -> None:
    """A room past its exp is not listed, read, updated, deleted or given a token, and its name is free."""
    simulator.world.switches.unknown_room_status = switch
    body = {"name": "zombie", "properties": {"exp": time.time() - 1}}
    assert (await api("POST", "/rooms", body))[0] == 200
    for method in ("GET", "POST", "DELETE"):
        status, answer = await api(method, "/rooms/zombie")
        assert (status, answer["error"]) == (switch, code)
    assert (await api("GET", "/rooms/never-made"))[0] == switch
    assert (await api("GET", "/rooms"))[1] == {"total_count": 0, "data": []}
    assert (await api("POST", "/meeting-tokens", {"properties": {"room_name": "zombie"}}))[0] == 400
    assert (await api("POST", "/rooms", {"name": "zombie"}))[0] == 200


async def test_rooms_are_listed_in_pages(api: Api) -> None:
    """The cursors and the limit walk the list, newest first, and an unknown cursor is refused."""
    for number in range(5):
        await api("POST", "/rooms", {"name": f"room-{number}"})

    async def names(query: str) -> list[str]:
        _, answer = await api("GET", f"/rooms?{query}")
        assert answer["total_count"] == 5
        return [room["name"][-1] for room in answer["data"]]

    _, everything = await api("GET", "/rooms")
    ids = [room["id"] for room in everything["data"]]
    assert await names("") == ["4", "3", "2", "1", "0"]
    assert await names("limit=2") == ["4", "3"]
    assert await names(f"limit=2&starting_after={ids[1]}") == ["2", "1"]
    assert await names(f"limit=2&ending_before={ids[3]}") == ["3", "2"]
    assert (await api("GET", "/rooms?starting_after=nobody"))[0] == 400
    assert (await api("GET", "/rooms?limit=many"))[0] == 400


async def test_a_room_can_be_changed(api: Api) -> None:
    """POST /rooms/:name changes what it names, takes away what is null and keeps the rest."""
    await api("POST", "/rooms", {"name": "a", "properties": {"enable_chat": True, "max_participants": 4}})
    status, room = await api(
        "POST", "/rooms/a", {"privacy": "private", "properties": {"enable_chat": None, "geo": "x"}}
    )
    assert (status, room["privacy"]) == (200, "private")
    assert room["config"] == {"max_participants": 4, "geo": "x"}
    assert (await api("POST", "/rooms/a", {"name": "b"}))[0] == 400


async def test_presence_shows_who_is_inside_and_eject_throws_them_out(
    simulator: SimulatorServer, api: Api
) -> None:
    """A bot in a room is seen in both presence endpoints and can be ejected by either of its ids."""
    await api("POST", "/rooms", {"name": "a"})
    room = simulator.world.rooms.get("a")
    assert room is not None
    bot = RoomClient("Bot", owner=True, user_id="bot-1", joined_at=time.time() - 5)
    simulator.world.rooms.join(room, bot)
    _, answer = await api("GET", "/rooms/a/presence")
    (person,) = answer["data"]
    assert answer["total_count"] == 1
    assert (person["id"], person["userId"], person["userName"], person["room"]) == (
        bot.id,
        "bot-1",
        "Bot",
        "a",
    )
    assert 4 <= person["duration"] <= 60
    assert person["mtgSessionId"] == room.meeting_id
    assert (await api("GET", "/presence"))[1] == {"a": [person]}
    assert (await api("GET", "/rooms/a/presence?userName=Nobody"))[1]["data"] == []
    assert await api("POST", "/rooms/a/eject", {"user_ids": ["bot-1", "other"]}) == (
        200,
        {"ejectedIds": [bot.id]},
    )
    assert (await api("POST", "/rooms/a/eject", {"ids": ["x"] * 101}))[0] == 400


async def test_meetings_keep_who_met_whom(simulator: SimulatorServer, api: Api) -> None:
    """A meeting is listed as ongoing while a bot is inside, and with its participant afterwards."""
    await api("POST", "/rooms", {"name": "a"})
    room = simulator.world.rooms.get("a")
    assert room is not None
    bot = RoomClient("Bot", owner=True)
    simulator.world.rooms.join(room, bot)
    await eventually(lambda: bool(simulator.world.meetings.all()))
    _, ongoing = await api("GET", "/meetings?room=a&ongoing=true")
    simulator.world.rooms.leave(room, bot)
    await eventually(lambda: simulator.world.meetings.all()[0].ended_at is not None)
    _, listed = await api("GET", "/meetings?room=a")
    (meeting,) = listed["data"]
    assert ongoing["data"][0]["id"] == meeting["id"]
    assert meeting["ongoing"] is False
    assert [one["participant_id"] for one in meeting["participants"]] == [bot.id]
    assert (await api("GET", f"/meetings/{meeting['id']}"))[1]["max_participants"] == 1
    assert (await api("GET", f"/meetings/{meeting['id']}/participants"))[1]["data"][0]["user_name"] == "Bot"
    assert (await api("GET", "/meetings/none"))[0] == 404


async def test_requests_beyond_the_limit_get_429(simulator: SimulatorServer, api: Api) -> None:
    """The 51st delete in 30 seconds is refused, and other requests are not."""
    answers = [await api("DELETE", f"/rooms/none-{number}") for number in range(51)]
    assert [status for status, _ in answers] == [404] * 50 + [429]
    assert answers[-1][1]["error"] == "rate-limit-error"
    assert (await api("GET", "/rooms"))[0] == 200


@pytest.mark.parametrize("switch", [True, False])
async def test_retry_after_is_a_switch(
    simulator: SimulatorServer, http: aiohttp.ClientSession, switch: bool
) -> None:
    """A 429 says when to come back only if the switch says so."""
    simulator.world.switches.retry_after = switch
    for _ in range(50):
        simulator.world.limits.take("deletes")
    async with http.delete(f"{simulator.base_url}/v1/rooms/none", headers=KEY) as reply:
        assert reply.status == 429
        assert ("Retry-After" in reply.headers) == switch
        assert not switch or 1 <= int(reply.headers["Retry-After"]) <= 30


async def test_the_api_log_shows_requests(api: Api) -> None:
    """GET /logs/api has the latest requests first, with their bodies."""
    await api("POST", "/rooms", {"name": "logged"})
    _, entries = await api("GET", "/logs/api?url=/v1/rooms")
    assert (entries[0]["method"], entries[0]["status"], entries[0]["source"]) == ("POST", 200, "api")
    assert json.loads(entries[0]["request"]) == {"name": "logged"}
    assert json.loads(entries[0]["response"])["name"] == "logged"
    assert (await api("GET", "/logs/api?source=mail"))[0] == 400


@pytest.mark.parametrize(("switch", "expected"), [("null", False), ("generated", True)])
async def test_presence_of_somebody_whose_token_names_nobody(
    simulator: SimulatorServer, api: Api, switch: Literal["null", "generated"], expected: bool
) -> None:
    """By switch, presence shows no userId, or a made-up one, for a participant without one of its own."""
    simulator.world.switches.presence_user_id = switch
    await api("POST", "/rooms", {"name": "a"})
    room = simulator.world.rooms.get("a")
    assert room is not None
    simulator.world.rooms.join(room, RoomClient("Phone", owner=False))
    _, answer = await api("GET", "/rooms/a/presence")
    assert (answer["data"][0]["userId"] is not None) == expected


@pytest.mark.parametrize("ejects", [True, False])
async def test_by_switch_a_deleted_room_keeps_its_meeting(
    simulator: SimulatorServer, api: Api, ejects: bool
) -> None:
    """Whether a deletion throws people out is a switch; the room is gone for the API either way."""
    simulator.world.switches.room_deletion_ejects = ejects
    await api("POST", "/rooms", {"name": "a"})
    room = simulator.world.rooms.get("a")
    assert room is not None
    bot = RoomClient("Bot", owner=True)
    simulator.world.rooms.join(room, bot)
    assert (await api("DELETE", "/rooms/a"))[0] == 200
    assert (await api("GET", "/rooms/a"))[0] == 404
    assert room.occupied
    told_to_go = not bot.outbox.empty() and [bot.outbox.get_nowait() for _ in range(bot.outbox.qsize())][-1]
    assert (told_to_go is None) == ejects


async def test_a_client_that_dies_before_its_request_is_read_gets_no_room(simulator: SimulatorServer) -> None:
    """A request whose sender is gone before its body has arrived does nothing."""
    simulator.world.faults.add(EndpointFault(method="POST", route="/v1/rooms", latency_ms=200))
    host, port = urlsplit(simulator.base_url).netloc.split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = "POST /v1/rooms HTTP/1.1\r\nHost: sim\r\nAuthorization: Bearer a-key\r\nContent-Length: 20\r\n\r\n"
    writer.write(head.encode())
    await writer.drain()
    writer.transport.abort()
    await eventually(lambda: simulator.world.faults.counts["POST /v1/rooms"] == 1)
    assert simulator.world.rooms.all() == []
