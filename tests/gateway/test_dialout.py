"""Outgoing calls: POST /dialout."""

import pytest

from server_utils import AgentRequest
from tests.gateway.conftest import Configure
from tests.gateway.far import Answer, Far
from tests.gateway.gate import KEY, Gateway, serving

CALLER_ID = "4a1f8f0e-2c3b-4d5e-8f90-a1b2c3d4e5f6"
OFFICIAL = {"dialout_settings": {"phone_number": "+12025550123", "caller_id": CALLER_ID}}


def request_of(far: Far) -> AgentRequest:
    return AgentRequest.model_validate(far.of("/start")[0].body["body"])


@pytest.mark.parametrize("caller_id", [CALLER_ID, None, ...])
async def test_the_official_body_places_a_call(gateway: Gateway, far: Far, caller_id: object) -> None:
    """The official example's body is accepted as it is and answered with 201 and the room, not the token."""
    settings = {"phone_number": "+12025550123"} | ({} if caller_id is ... else {"caller_id": caller_id})
    reply = await gateway.dial({"dialout_settings": settings})
    assert reply.status == 201
    request = request_of(far)
    assert {name: value for name, value in reply.body.items() if value is not None} == {
        "call_id": request.call_id,
        "status": "dialing",
        "room_url": request.room_url,
    }
    assert "eyJ" not in str(reply.body) + str(reply.headers)
    assert request.dialout_settings is not None
    assert request.dialout_settings.phone_number == "+12025550123"
    assert str(request.dialout_settings.caller_id) == (CALLER_ID if caller_id == CALLER_ID else "None")
    assert request.workflow == "outreach"
    assert far.of("/rooms")[0].body["properties"]["enable_dialout"] is True


async def test_all_fields_reach_the_bot(gateway: Gateway, far: Far) -> None:
    """Everything that the CRM may say about a call arrives at the bot as it was said."""
    body = {
        "dialout_settings": {
            "phone_number": "+1 (202) 555-0123",
            "display_name": "Clinic",
            "extension": "12#",
        },
        "organization": "bright-smile",
        "workflow": "reception",
        "limits": {"ring_timeout_s": 20, "max_duration_s": 300, "dial_attempts": 2},
        "voicemail": {"action": "leave_message", "message": "Please call back."},
        "patient_id": "p-1",
        "patient_data": {"first_name": "Ada"},
        "variables": {"visit": {"day": "Monday"}},
        "metadata": {"crm": [1, None, 2.5]},
    }
    assert (await gateway.dial(body)).status == 201
    request = request_of(far)
    assert request.dialout_settings is not None
    assert request.dialout_settings.phone_number == "+12025550123"
    assert request.limits.model_dump() == body["limits"]
    assert request.voicemail.model_dump() == body["voicemail"]
    assert (request.patient_id, request.patient_data) == ("p-1", {"first_name": "Ada"})
    assert (request.variables, request.metadata) == (body["variables"], body["metadata"])


async def test_left_out_limits_are_the_gateways(configure: Configure, far: Far) -> None:
    """Limits that a request leaves out come from the settings."""
    async with serving(configure(ring_timeout_s=33, max_call_duration_s=900, dial_attempts=3)) as gateway:
        await gateway.dial(OFFICIAL | {"limits": {"ring_timeout_s": 20}})
    assert request_of(far).limits.model_dump() == {
        "ring_timeout_s": 20,
        "max_duration_s": 900,
        "dial_attempts": 3,
    }


async def test_a_slow_launch_is_202(configure: Configure, far: Far) -> None:
    """A launch that takes longer than the wait goes on and is answered with 202, without a room yet."""
    far.starts.append(Answer(hang=True))
    async with serving(configure(dialout_wait_s=0.1)) as gateway:
        reply = await gateway.dial(OFFICIAL)
        far.release()
        await far.until(lambda: bool(far.of("/start")))
    assert reply.status == 202
    assert reply.body["status"] in {"queued", "launching"}
    assert reply.body["room_url"] is None
    assert "preference-applied" not in reply.headers
    assert request_of(far).call_id == reply.body["call_id"]


@pytest.mark.parametrize("prefer", ["respond-async", "Respond-Async; x=1", "wait=10, respond-async"])
async def test_it_need_not_wait(gateway: Gateway, far: Far, prefer: str) -> None:
    """`Prefer: respond-async` is answered at once with 202 and the preference that was applied (RFC 7240)."""
    far.rooms.append(Answer(hang=True))
    reply = await gateway.dial(OFFICIAL, {"Prefer": prefer})
    assert (reply.status, reply.headers["preference-applied"]) == (202, "respond-async")
    assert reply.took_s < 10
    far.release()


async def test_a_failed_launch_is_tried_again(configure: Configure, far: Far) -> None:
    """A launch that failed for a while is tried again in a room of its own, and leaves no room behind."""
    far.starts.append(Answer(status=429))
    async with serving(configure(dialout_wait_s=60)) as gateway:
        reply = await gateway.dial(OFFICIAL)
        assert (reply.status, reply.body["status"]) == (201, "dialing")
        first, second = (seen.body["name"] for seen in far.of("/rooms"))
        assert reply.body["room_url"].endswith(second)
        await far.until(lambda: set(far.deleted) == {first})


async def test_a_launch_that_must_wait_is_202(configure: Configure, far: Far) -> None:
    """While nobody has room for a bot, the answer says why the call waits and until when."""
    far.starts.append(Answer(status=429, headers={"Retry-After": "60"}))
    async with serving(configure(dialout_wait_s=50)) as gateway:
        reply = await gateway.dial(OFFICIAL)
    assert (reply.status, reply.body["status"]) == (202, "rescheduled")
    assert reply.body["waiting_for"] == "capacity"
    assert reply.body["next_attempt_at"] is not None
    assert reply.took_s < 30


async def test_removal_does_not_delay_the_answer(gateway: Gateway, far: Far) -> None:
    """The answer to a launch that failed for good does not wait until its room is deleted."""
    far.starts.append(Answer(status=400))
    far.deletes.append(Answer(hang=True))
    reply = await gateway.dial(OFFICIAL)
    assert (reply.status, reply.body["status"]) == (201, "ended")
    assert (reply.body["ended_reason"], reply.body["detail"]) == ("bot_start_failed", "launch_rejected")
    assert far.deleted == []
    far.release()


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "api_key_missing"),
        ({"Authorization": "Bearer "}, 401, "api_key_missing"),
        ({"Authorization": "Basic dXNlcjpwYXNz"}, 401, "api_key_missing"),
        ({"Authorization": "Bearer wrong"}, 401, "api_key_invalid"),
        ({"Authorization": f"Bearer {KEY}x"}, 401, "api_key_invalid"),
        ({"X-API-Key": "\u00e9"}, 401, "api_key_invalid"),
        ({"X-API-Key": "other-key,"}, 401, "api_key_invalid"),
        ({"Authorization": f"bearer {KEY}"}, 201, None),
        ({"X-API-Key": KEY}, 201, None),
        ({"X-API-Key": "other-key"}, 201, None),
    ],
)
async def test_keys(
    gateway: Gateway, far: Far, headers: dict[str, str], status: int, code: str | None
) -> None:
    """Any of the configured keys, in either header, lets in; nothing else does."""
    reply = await gateway.send("POST", "/dialout", json=OFFICIAL, headers=headers)
    assert (reply.status, reply.body.get("code")) == (status, code)
    assert bool(far.seen) is (status == 201)


@pytest.mark.parametrize(
    "number",
    [
        "911",
        "+911",
        "+1911",
        "+112",
        "2025550123",
        "+15551234567",
        "+19005550123",
        "+44909879",
        "+1202555",
        "x",
        "",
    ],
)
async def test_numbers_that_are_never_dialed(gateway: Gateway, far: Far, number: str) -> None:
    """Emergency, premium-rate, short, national and impossible numbers are refused before anything is made."""
    reply = await gateway.dial({"dialout_settings": {"phone_number": number}})
    assert (reply.status, reply.body["code"]) == (422, "number_not_dialable")
    assert reply.body["errors"][0]["field"] == "dialout_settings.phone_number"
    assert far.seen == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"dialout_settings": None}, "body"),
        ({"dialout_settings": "+12025550123"}, "dialout_settings"),
        ({"phone_number": "+12025550123"}, "body"),
        ({"dialout_settings": {}}, "dialout_settings.phone_number"),
        ({"dialout_settings": {"phone_number": 12025550123}}, "dialout_settings.phone_number"),
        (
            {"dialout_settings": {"phone_number": "+12025550123", "caller_id": "+14155550100"}},
            "dialout_settings.caller_id",
        ),
        ({"limits": {"ring_timeout_s": 0}}, "limits.ring_timeout_s"),
        ({"limits": {"ring": 10}}, "limits.ring"),
        ({"limits": {"max_duration_s": 3601}}, "limits.max_duration_s"),
        ({"voicemail": {"action": "sing"}}, "voicemail.action"),
        ({"voicemail": {"action": "leave_message"}}, "voicemail"),
        ({"dialin_settings": {"call_id": "c", "call_domain": "d"}}, "dialin_settings"),
        ({"dialin_settings": None}, "dialin_settings"),
        ({"organisation": "bright-smile"}, "organisation"),
        ({"variables": []}, "variables"),
        ({"organization": 7}, "organization"),
    ],
)
async def test_wrong_fields(gateway: Gateway, far: Far, change: dict[str, object], field: str) -> None:
    """A wrong field is a 422 that names it, and nothing is made."""
    reply = await gateway.dial(OFFICIAL | change)
    assert (reply.status, reply.body["code"]) == (422, "invalid_body")
    assert [error["field"] for error in reply.body["errors"]] == [field]
    assert far.seen == []


@pytest.mark.parametrize(
    ("change", "code"),
    [({"organization": "nobody"}, "unknown_organization"), ({"workflow": "nothing"}, "unknown_workflow")],
)
async def test_unknown_names(gateway: Gateway, far: Far, change: dict[str, object], code: str) -> None:
    """An organization or workflow that does not exist is a 404, and nothing is made."""
    reply = await gateway.dial(OFFICIAL | change)
    assert (reply.status, reply.body["code"]) == (404, code)
    assert far.seen == []


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "invalid_json"),
        (b"[]", "application/json; charset=utf-8", 400, "invalid_json"),
        (b'{"variables":{"a":1e999}}', "application/json", 422, "invalid_body"),
        (b"{}", "text/plain", 415, "unsupported_media_type"),
        (b"{}", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b"{" + b" " * 300_000 + b"}", "application/json", 413, "body_too_large"),
    ],
)
async def test_unusable_bodies(
    gateway: Gateway, body: bytes, content_type: str, status: int, code: str
) -> None:
    """A body that is no JSON object, is not declared as JSON or is too large is refused by name."""
    headers = {"X-API-Key": KEY, "Content-Type": content_type}
    reply = await gateway.send("POST", "/dialout", data=body, headers=headers)
    assert (reply.status, reply.body["code"]) == (status, code)


async def test_infinity_never_reaches_the_bot(gateway: Gateway, far: Far) -> None:
    """A number that JSON cannot write again is refused, wherever it stands."""
    body = b'{"dialout_settings":{"phone_number":"+12025550123"},"variables":{"a":[1e999]}}'
    headers = {"X-API-Key": KEY, "Content-Type": "application/json"}
    reply = await gateway.send("POST", "/dialout", data=body, headers=headers)
    assert (reply.status, reply.body["code"]) == (422, "invalid_body")
    assert far.seen == []


async def test_an_open_door_is_for_this_machine(configure: Configure, far: Far) -> None:
    """Without keys in local mode, local programs are let in, but no web page and no tunnel."""
    async with serving(configure(frontdesk_api_keys="")) as gateway:
        assert (await gateway.send("POST", "/dialout", json=OFFICIAL)).status == 201
        form = await gateway.send("POST", "/dialout", data=b"{}", headers={"Content-Type": "text/plain"})
        assert form.status == 415
        tunnel = await gateway.send(
            "POST", "/dialout", json=OFFICIAL, headers={"X-Forwarded-For": "10.1.1.1"}
        )
        assert (tunnel.status, tunnel.body["code"]) == (403, "local_only")
    assert len(far.of("/start")) == 1


async def test_production_goes_to_the_cloud(production: Configure, far: Far) -> None:
    """In production the bot is started on Pipecat Cloud, with the same request as on the dev runner."""
    async with serving(production()) as gateway:
        assert (await gateway.dial(OFFICIAL)).status == 201
    (start,) = far.of("/start")
    assert start.path == "/cloud/v1/public/first/start"
    assert start.body["createDailyRoom"] is False
