"""Incoming calls: from Daily's webhook to a room and a bot."""

import asyncio
import time

import pytest

from frontdesk.settings import GatewaySettings
from server_utils import AgentRequest
from tests.gateway.conftest import Configure
from tests.gateway.far import Answer, Far
from tests.gateway.gate import Gateway, incoming, serving

PATHS = ["/daily-dialin-webhook", "/daily-webhook"]


@pytest.mark.parametrize("path", [*PATHS, *(f"{path}/bright-smile/reception" for path in PATHS)])
async def test_a_call_gets_a_room_and_a_bot(gateway: Gateway, far: Far, path: str) -> None:
    """Each form of the path makes one SIP room, one owner token for it, and starts one bot with both."""
    call = incoming(sipHeaders={"X-Ref": "7"})
    reply = await gateway.ring(call, path)
    assert reply.status == 200
    assert reply.body["status"] == "started"
    room, token, start = (far.of(ending) for ending in ("/rooms", "/meeting-tokens", "/start"))
    assert len(room) == len(token) == len(start) == 1
    assert start[0].body | {"body": None} == {"createDailyRoom": False, "transport": "daily", "body": None}
    request = AgentRequest.model_validate(start[0].body["body"])
    assert request.room_url == f"https://clinic.daily.co/{room[0].body['name']}"
    assert (request.call_id, request.session_id) == (reply.body["call_id"], reply.body["session_id"])
    assert (request.organization_slug, request.workflow) == ("bright-smile", "reception")
    settings = request.dialin_settings
    assert settings is not None
    assert (settings.call_id, settings.call_domain) == (call["callId"], call["callDomain"])
    assert (settings.To, settings.From) == (call["To"], call["From"])
    assert settings.sip_headers == {"X-Ref": "7"}


async def test_the_longest_addresses_reach_the_bot(gateway: Gateway, far: Far) -> None:
    """SIP URIs as long as the webhook may carry are passed on as they are."""
    address = "sip:" + "a" * 316
    reply = await gateway.ring(incoming(To=address, From=address))
    assert reply.status == 200
    settings = far.of("/start")[0].body["body"]["dialin_settings"]
    assert (settings["To"], settings["From"]) == (address, address)


async def test_no_key_rides_to_the_bot(gateway: Gateway, far: Far) -> None:
    """The start request carries no API key of Daily's, not even under another name."""
    await gateway.ring(incoming())
    assert "daily-key" not in str(far.of("/start")[0].body)


async def test_the_room_outlives_the_call(configure: Configure, far: Far) -> None:
    """Room and owner token outlast hold, launch and the longest call; at the end everyone is ejected."""
    settings = configure(max_call_duration_s=1800)
    least = time.time() + settings.hold_budget_s + settings.launch_timeout_s + 1800
    async with serving(settings) as gateway:
        await gateway.ring(incoming())
    properties = far.of("/rooms")[0].body["properties"]
    token = far.of("/meeting-tokens")[0].body["properties"]
    assert least < properties["exp"] < least + 900
    assert properties["eject_at_room_exp"] is True
    assert token["exp"] >= int(properties["exp"])
    assert token["is_owner"] is True
    assert token["room_name"] == far.of("/rooms")[0].body["name"]
    assert "enable_dialout" not in properties


@pytest.mark.parametrize("caller", [..., None, "", "anonymous", "sip:desk@carrier.example", "+12025550123"])
async def test_a_withheld_number_gets_a_sip_room(gateway: Gateway, far: Far, caller: object) -> None:
    """However the caller's number looks, or when it is withheld, the room has a SIP endpoint."""
    reply = await gateway.ring(incoming(From=caller))
    assert reply.status == 200
    sip = far.of("/rooms")[0].body["properties"]["sip"]
    assert sip["sip_mode"] == "dial-in"
    assert sip["display_name"] == (caller if caller not in (..., None, "") else "anonymous")
    assert "provider" not in sip


async def test_transfers_need_dial_out(configure: Configure, far: Far) -> None:
    """An organization that transfers calls gets dial-out in the rooms of its incoming calls."""
    async with serving(configure()) as gateway:
        organization = gateway.app.state.dialin._organizations.default
        object.__setattr__(organization, "transfers", True)
        await gateway.ring(incoming())
    properties = far.of("/rooms")[0].body["properties"]
    assert properties["enable_dialout"] is True
    assert properties["sip"]["sip_mode"] == "dial-in"


@pytest.mark.parametrize(
    "probe", [{"test": "test"}, {"Test": "test"}, {"TEST": True}, {"To": "+14155550100"}]
)
async def test_probes_make_no_room(gateway: Gateway, far: Far, probe: dict[str, object]) -> None:
    """Daily's probe of a newly configured number is answered with 200, signed or not, and starts nothing."""
    assert (await gateway.ring(probe)).status == 200
    assert (await gateway.send("POST", "/daily-dialin-webhook", json=probe)).status == 200
    assert far.seen == []


@pytest.mark.parametrize(
    "headers", [{}, {"X-Pinless-Signature": "AAAA", "X-Pinless-Timestamp": "1790000000"}]
)
async def test_an_unsigned_call_is_refused(gateway: Gateway, far: Far, headers: dict[str, str]) -> None:
    """Without Daily's signature there is no call, no room and no hint about the body."""
    reply = await gateway.send("POST", "/daily-dialin-webhook", json=incoming(), headers=headers)
    assert reply.status == 401
    assert reply.body["code"] in {"signature_missing", "signature_invalid"}
    assert far.seen == []


@pytest.mark.parametrize(
    ("path", "code"),
    [("/nobody/reception", "unknown_organization"), ("/bright-smile/nothing", "unknown_workflow")],
)
async def test_a_pinned_route_must_exist(gateway: Gateway, far: Far, path: str, code: str) -> None:
    """A path that pins an unknown organization or workflow is a 404 with the reason."""
    reply = await gateway.ring(incoming(), f"/daily-dialin-webhook{path}")
    assert (reply.status, reply.body["code"]) == (404, code)
    assert far.seen == []


async def test_fifty_copies_make_one_call(gateway: Gateway, far: Far) -> None:
    """Fifty copies of one webhook at the same time make one room and one bot, and all get the same answer."""
    call = incoming()
    far.rooms.append(Answer(delay_s=0.2, body=None, text=_room("copies")))
    replies = await asyncio.gather(*(gateway.ring(call) for _ in range(50)))
    assert {reply.status for reply in replies} == {200}
    assert len({str(reply.body) for reply in replies}) == 1
    assert [len(far.of(ending)) for ending in ("/rooms", "/meeting-tokens", "/start")] == [1, 1, 1]
    later = await gateway.ring(call)
    assert later.body == replies[0].body
    assert len(far.of("/start")) == 1


async def test_fifty_calls_are_fifty(gateway: Gateway, far: Far) -> None:
    """Fifty calls at the same time get a room and a bot each."""
    replies = await asyncio.gather(*(gateway.ring(incoming()) for _ in range(50)))
    assert len({reply.body["call_id"] for reply in replies}) == 50
    assert len({start.body["body"]["room_url"] for start in far.of("/start")}) == 50


@pytest.mark.parametrize("script", ["rooms", "tokens", "starts"])
async def test_it_answers_in_time_while_upstream_hangs(configure: Configure, far: Far, script: str) -> None:
    """Whichever part of upstream hangs, Daily gets its answer within three seconds."""
    getattr(far, script).append(Answer(hang=True))
    async with serving(configure(webhook_budget_s=0.5)) as gateway:
        reply = await gateway.ring(incoming())
        assert (reply.status, reply.body["status"]) == (200, "launching")
        assert reply.took_s < 3
        far.release()


async def test_a_slow_launch_goes_on(configure: Configure, far: Far) -> None:
    """A launch that is slower than the answer goes on, and a later copy of the webhook hears of it."""
    far.starts.append(Answer(hang=True))
    call = incoming()
    async with serving(configure(webhook_budget_s=0.1)) as gateway:
        first = await gateway.ring(call)
        assert first.body["status"] == "launching"
        far.release()
        await gateway.app.state.dialin.drain(20)
        later = await gateway.ring(call)
    assert later.body["status"] == "started"
    assert later.body["call_id"] == first.body["call_id"]
    assert len(far.of("/start")) == 1


async def test_a_launch_that_failed_for_good_stays_failed(gateway: Gateway, far: Far) -> None:
    """When a launch fails for good the call has ended: all copies hear the same error, also later ones."""
    far.starts.append(Answer(status=400, delay_s=0.1))
    call = incoming()
    replies = await asyncio.gather(*(gateway.ring(call) for _ in range(5)))
    replies.append(await gateway.ring(call))
    assert {(reply.status, reply.body["code"]) for reply in replies} == {(502, "launch_rejected")}
    assert len(far.of("/start")) == 1


async def test_a_full_house_is_tried_again_in_the_same_room(gateway: Gateway, far: Far) -> None:
    """While the caller is on hold, a full host is asked again in the same attempt, with the room it has."""
    far.starts.extend([Answer(status=429), Answer(status=429)])
    reply = await gateway.ring(incoming())
    assert reply.body["status"] == "started"
    assert len(far.of("/rooms")) == 1
    assert [start.body["body"]["attempt"] for start in far.of("/start")] == [1, 1, 1]


async def test_an_ambiguous_launch_is_tried_again_in_a_new_room(gateway: Gateway, far: Far) -> None:
    """After a launch that may have started a bot, the next gets a new room and the old room is deleted."""
    far.starts.append(Answer(status=503))
    reply = await gateway.ring(incoming())
    assert reply.body["status"] == "started"
    first, second = (room.body["name"] for room in far.of("/rooms"))
    await far.until(lambda: set(far.deleted) == {first})
    assert far.of("/start")[1].body["body"]["room_url"].endswith(second)


@pytest.mark.parametrize("answer", [Answer(status=429), Answer(status=503), Answer(hang=True)])
async def test_it_gives_up_when_the_hold_is_over(configure: Configure, far: Far, answer: Answer) -> None:
    """When the hold budget is used up no further bot is sought, and no room is left behind."""
    far.always_start = answer
    async with serving(configure(webhook_budget_s=0.1, hold_budget_s=3)) as gateway:
        began = time.monotonic()
        assert (await gateway.ring(incoming())).body["status"] == "launching"
        await gateway.app.state.dialin.drain(20)
        assert time.monotonic() - began < 15
        tries = len(far.of("/start"))
        # On a busy machine a room may be deleted twice: once by the launch, once with its attempt.
        await far.until(lambda: {room.body["name"] for room in far.of("/rooms")} == set(far.deleted))
    assert len(far.of("/start")) == tries
    far.release()


async def test_of_a_launch_that_is_over_only_the_answer_stays(gateway: Gateway, far: Far) -> None:
    """No task, room or state of the books outlives a launch; copies still hear the same answer."""
    far.starts.append(Answer(status=400))
    calls = [incoming() for _ in range(4)]
    first = [await gateway.ring(call) for call in calls]
    service = gateway.app.state.dialin
    assert service._calls == {}
    assert len(service._answered) == 4
    later = [await gateway.ring(call) for call in calls]
    assert [(reply.status, reply.body.get("session_id")) for reply in later] == [
        (reply.status, reply.body.get("session_id")) for reply in first
    ]
    assert [reply.status for reply in later] == [502, 200, 200, 200]
    assert len(far.of("/start")) == 4


async def test_launches_in_flight_finish_at_shutdown(configure: Configure, far: Far) -> None:
    """A gateway that is told to stop lets the launch of a caller on hold finish."""
    far.starts.append(Answer(delay_s=2))
    async with serving(configure(webhook_budget_s=0.1)) as gateway:
        assert (await gateway.ring(incoming())).body["status"] == "launching"
        service = gateway.app.state.dialin
    assert len(far.of("/start")) == 1
    assert len(service._answered) == 1


async def test_open_doors_are_for_this_machine(configure: Configure, far: Far) -> None:
    """Without a secret in local mode, programs on this machine are let in, but no tunnel and no web page."""
    settings: GatewaySettings = configure(pinless_hmac_secret=None)
    async with serving(settings) as gateway:
        assert (await gateway.send("POST", "/daily-dialin-webhook", json=incoming())).status == 200
        reply = await gateway.send(
            "POST", "/daily-dialin-webhook", json=incoming(), headers={"X-Forwarded-For": "203.0.113.9"}
        )
        page = {"Origin": "https://page.example", "Content-Type": "text/plain"}
        browser = await gateway.send("POST", "/daily-dialin-webhook", json=incoming(), headers=page)
    for refused in (reply, browser):
        assert (refused.status, refused.body["code"]) == (403, "local_only")
    assert len(far.of("/start")) == 1


def _room(name: str) -> str:
    return (
        f'{{"id":"1","name":"{name}","api_created":true,"privacy":"public","created_at":"2026-01-01T00:00:00Z",'
        f'"url":"https://clinic.daily.co/{name}","config":{{"sip_uri":{{"endpoint":"{name}@sip"}}}}}}'
    )
