"""Numbers and dial-in configs over the REST API, and forwarding held calls."""

import base64
from typing import Any

import pytest

from frontdesk.simulator.server import SimulatorServer
from frontdesk.simulator.webhooks.dialin import sign
from tests.simulator.catcher import Api, Catcher

NUMBER, OTHER = "+12025550100", "+12025550101"
SECRET = base64.b64encode(b"secret").decode()


async def test_configuring_a_number_probes_its_webhook(
    simulator: SimulatorServer, api: Api, catcher: Catcher
) -> None:
    """The probe is Daily's unsigned test body, and the config comes back with all that was set."""
    body = {
        "type": "pinless_dialin",
        "phone_number": NUMBER,
        "room_creation_api": f"{catcher.url}/dial",
        "name_prefix": "clinic",
        "hmac": SECRET,
        "timeout_config": {"message": "Sorry"},
    }
    status, made = await api("POST", "/domain-dialin-config", body)
    assert status == 200
    (probe,) = catcher.caught
    assert (probe.path, probe.body) == ("/dial", {"Test": "test"})
    assert "X-Pinless-Signature" not in probe.headers
    assert {name: made["config"][name] for name in body} == body
    assert made["config"]["sip_uri"].startswith("clinic--")
    assert await api("GET", f"/domain-dialin-config/{made['id']}") == (200, made)
    config = simulator.world.dialin_configs.for_call(NUMBER)
    assert (config.id, config.timeout_message, config.hold_s) == (made["id"], "Sorry", 60)


async def test_the_probe_can_be_signed_or_name_only_the_number(
    simulator: SimulatorServer, api: Api, catcher: Catcher
) -> None:
    """By switches the probe has a good signature, and the body that another page shows."""
    simulator.world.switches.probe_signed = True
    simulator.world.switches.probe_body = "to"
    body = {
        "type": "pinless_dialin",
        "phone_number": NUMBER,
        "room_creation_api": catcher.url,
        "hmac": SECRET,
    }
    await api("POST", "/domain-dialin-config", body)
    (probe,) = catcher.caught
    assert probe.body == {"To": NUMBER}
    timestamp = probe.headers["X-Pinless-Timestamp"]
    assert probe.headers["X-Pinless-Signature"] == sign(SECRET, timestamp, probe.raw)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/nobody", "http://example.com/outside"])
async def test_a_number_is_configured_even_if_the_probe_fails(api: Api, url: str) -> None:
    """A webhook that is down, or that the simulator may not dial, is configured all the same."""
    body = {"type": "pinless_dialin", "phone_number": NUMBER, "room_creation_api": url}
    status, made = await api("POST", "/domain-dialin-config", body)
    assert (status, made["config"]["room_creation_api"]) == (200, url)


async def test_an_update_without_hmac_makes_a_new_secret(api: Api, catcher: Catcher) -> None:
    """PUT keeps what it does not name, except the secret, and PATCH does not exist."""
    body = {
        "type": "pinless_dialin",
        "phone_number": NUMBER,
        "room_creation_api": catcher.url,
        "hmac": SECRET,
    }
    _, made = await api("POST", "/domain-dialin-config", body)
    path = f"/domain-dialin-config/{made['id']}"
    status, changed = await api("PUT", path, {"name_prefix": "new"})
    assert (status, changed["config"]["room_creation_api"]) == (200, catcher.url)
    assert changed["config"]["name_prefix"] == "new"
    assert changed["config"]["hmac"] != SECRET
    assert len(base64.b64decode(changed["config"]["hmac"])) == 32
    _, kept = await api("PUT", path, {"hmac": SECRET})
    assert kept["config"]["hmac"] == SECRET
    assert len(catcher.caught) == 3
    assert (await api("PATCH", path, {}))[0] == 404


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"type": None}, "missing required field"),
        ({"type": "other"}, "must be one of"),
        ({"room_creation_api": None}, "missing required field"),
        ({"phone_number": "2025550100"}, "E.164"),
        ({"hmac": "not base64!"}, "must be base64"),
        ({"hold_music_url": 5}, "must be of type string"),
        (
            {"phone_number": "+12096181843"},
            "Failed to configure pinless dialin: 12096181843 not associated with domain: frontdesk-simulator",
        ),
    ],
)
async def test_odd_configs_are_refused(api: Api, catcher: Catcher, change: dict[str, Any], text: str) -> None:
    """Each wrong field is a 400 that says so, and nothing is probed."""
    body = {"type": "pinless_dialin", "phone_number": NUMBER, "room_creation_api": catcher.url} | change
    status, answer = await api("POST", "/domain-dialin-config", body)
    assert (status, answer["error"]) == (400, "invalid-request-error")
    assert text in answer["info"]
    assert catcher.caught == []


async def test_a_number_has_one_config(api: Api, catcher: Catcher) -> None:
    """A second config for a number is refused until the first is deleted; lists can be narrowed."""
    body = {"type": "pinless_dialin", "phone_number": NUMBER, "room_creation_api": catcher.url}
    _, made = await api("POST", "/domain-dialin-config", body)
    assert (await api("POST", "/domain-dialin-config", body))[0] == 400
    assert (await api("POST", "/domain-dialin-config", body | {"phone_number": OTHER}))[0] == 200
    assert (await api("GET", "/domain-dialin-config"))[1]["total_count"] == 2
    narrowed = (await api("GET", "/domain-dialin-config?phone_numbers=0100,9999"))[1]
    assert [one["id"] for one in narrowed["data"]] == [made["id"]]
    assert await api("DELETE", f"/domain-dialin-config/{made['id']}") == (200, {"status": "ok"})
    assert (await api("DELETE", f"/domain-dialin-config/{made['id']}"))[0] == 404
    assert (await api("POST", "/domain-dialin-config", body))[0] == 200


async def test_the_legacy_call_replaces_every_number(api: Api, catcher: Catcher) -> None:
    """POST / with one number wipes the others, as Daily's docs warn, and gives new secrets."""
    one = {"phone_number": NUMBER, "room_creation_api": catcher.url, "hmac": SECRET}
    two = {"phone_number": OTHER, "room_creation_api": catcher.url}
    status, domain = await api("POST", "/", {"properties": {"pinless_dialin": [one, two]}})
    assert status == 200
    assert [entry["phone_number"] for entry in domain["config"]["pinless_dialin"]] == [NUMBER, OTHER]
    assert domain["config"]["pinless_dialin"][0]["hmac"] == SECRET
    _, domain = await api("POST", "/", {"properties": {"pinless_dialin": [two]}})
    assert [entry["phone_number"] for entry in domain["config"]["pinless_dialin"]] == [OTHER]
    assert (await api("GET", "/"))[1]["config"] == domain["config"]
    assert (await api("POST", "/", {"properties": {"pinless_dialin": {}}}))[0] == 400


async def test_a_number_without_a_config_uses_the_settings(simulator: SimulatorServer) -> None:
    """Calls to any number find the webhook and the secret of the settings, so that a demo needs no set-up."""
    config = simulator.world.dialin_configs.for_call("+13105550100")
    settings = simulator.world.settings
    assert (config.room_creation_api, config.hmac) == (settings.dialin_webhook_url, settings.dialin_hmac)
    assert config.timeout_message == "there are no available agents to service your call"


async def test_own_hold_music_sets_the_hold(simulator: SimulatorServer, api: Api, catcher: Catcher) -> None:
    """The hold is twice the length of the music, which is a switch."""
    simulator.world.switches.custom_hold_music_s = 45
    body = {
        "type": "pinless_dialin",
        "phone_number": NUMBER,
        "room_creation_api": catcher.url,
        "hold_music_url": "https://example.com/music.mp3",
    }
    await api("POST", "/domain-dialin-config", body)
    assert simulator.world.dialin_configs.for_call(NUMBER).hold_s == 90


@pytest.mark.parametrize("left_out", ["callId", "callDomain", "sipUri"])
async def test_a_forward_needs_all_three_fields(api: Api, left_out: str) -> None:
    """The pinlessCallUpdate without one of its fields gets Daily's 400."""
    body = {"callId": "a", "callDomain": "b", "sipUri": "sip:c@d"}
    del body[left_out]
    expected = {"error": "invalid-request-error", "info": "missing required field"}
    assert await api("POST", "/dialin/pinlessCallUpdate", body) == (400, expected)


async def test_a_forward_of_an_unknown_call_is_refused(simulator: SimulatorServer, api: Api) -> None:
    """The pinlessCallUpdate of a call that is not on hold gets a 400 with the switch's text."""
    body = {"callId": "a", "callDomain": "b", "sipUri": "sip:c@d"}
    status, answer = await api("POST", "/dialin/pinlessCallUpdate", body)
    assert (status, answer["info"]) == (400, simulator.world.switches.pinless_unknown_call_info)


async def test_numbers_can_be_searched_bought_and_released(simulator: SimulatorServer, api: Api) -> None:
    """A number for sale becomes a caller ID when bought, and can go only after fourteen days."""
    _, found = await api("GET", "/list-available-numbers?areacode=305")
    number = found["data"][0]["phoneNumber"]
    assert found["data"][0] == {"phoneNumber": number, "region": "FL"}
    status, bought = await api("POST", "/buy-phone-number", {"number": number})
    assert (status, bought["number"]) == (200, number)
    assert simulator.world.numbers.owns(number)
    _, listed = await api("GET", f"/purchased-phone-numbers?filter_number={number[1:]}")
    assert [one["id"] for one in listed["data"]] == [bought["id"]]
    status, answer = await api("DELETE", f"/release-phone-number/{bought['id']}")
    assert (status, answer) == (422, {"error": "Failed to release new number, try again in 14 days"})
    (seeded, *_) = simulator.world.numbers.all()
    assert await api("DELETE", f"/release-phone-number/{seeded.id}") == (200, {"status": "ok"})
    assert (await api("DELETE", f"/release-phone-number/{seeded.id}"))[0] == 404


async def test_a_number_that_is_not_for_sale_cannot_be_bought(api: Api) -> None:
    """Buying an owned or impossible number is Daily's 422, and no number at all buys a Californian one."""
    for number in (NUMBER, "+442071838750"):
        status, answer = await api("POST", "/buy-phone-number", {"number": number})
        assert (status, answer["status"], answer["errors"][0]["code"]) == (422, 422, "422")
    _, bought = await api("POST", "/buy-phone-number")
    assert bought["number"].startswith(("+1415", "+1213"))


@pytest.mark.parametrize(
    "query", ["areacode=305&region=FL", "contains=12", "starts_with=305&ends_with=0120", "city=Miami"]
)
async def test_odd_searches_are_refused(api: Api, query: str) -> None:
    """Parameters that exclude each other are a validation-error."""
    expected = {"error": "validation-error", "info": "invalid path parameter"}
    assert await api("GET", f"/list-available-numbers?{query}") == (400, expected)


async def test_dialout_over_rest_is_checked_and_limited(simulator: SimulatorServer, api: Api) -> None:
    """The REST twin refuses empty rooms and odd fields, and the sixth start in five seconds."""
    await api("POST", "/rooms", {"name": "out", "properties": {"enable_dialout": True}})
    path = "/rooms/out/dialOut/start"
    good = {"phoneNumber": "+12025550150"}
    cases = [
        good,
        {},
        good | {"sipUri": "sip:a@b"},
        good | {"provider": "daily"},
        good | {"extension": "1" * 21},
    ]
    answers = [await api("POST", path, body) for body in cases]
    assert [status for status, _ in answers] == [400] * 5
    assert "empty room" in answers[0][1]["info"]
    assert answers[1][1]["info"] == "missing required field"
    assert (await api("POST", path, good))[1]["error"] == "rate-limit-error"
    assert (await api("POST", "/rooms/none/dialOut/stop", {"sessionId": "a"}))[0] == 404
    assert (await api("POST", "/rooms/out/dialOut/stop", {}))[1]["info"] == "missing required field"
    simulator.world.limits.reset()
    odd_keys = {"sessionId": "a", "tones": "1", "digitDurationMs": 5}
    assert "between 50 and 2000" in (await api("POST", "/rooms/out/dialOut/sendDTMF", odd_keys))[1]["info"]
    nowhere = {"sessionId": "a", "toEndPoint": "home"}
    assert "toEndPoint" in (await api("POST", "/rooms/out/sipCallTransfer", nowhere))[1]["info"]
    assert (await api("POST", "/rooms/out/sipRefer", {"sessionId": "a"}))[1][
        "info"
    ] == "missing required field"
