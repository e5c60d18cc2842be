"""The webhook of an incoming call, and the way out that leads to loopback alone."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest

from frontdesk.simulator.loopback import LoopbackClient, NotLoopbackError, is_loopback_url
from frontdesk.simulator.rest.dialin_configs import DialinConfig
from frontdesk.simulator.server import SimulatorServer
from frontdesk.simulator.settings import SimulatorSettings
from frontdesk.simulator.webhooks.dialin import IncomingCall
from tests.simulator.catcher import Catcher, eventually

SECRET = base64.b64encode(b"a secret").decode()


def call(from_: str | None = "+12025550123", **more: Any) -> IncomingCall:
    return IncomingCall("call-1", "domain-1", "+12025550100", from_, **more)


def config(catcher: Catcher, path: str = "/dial") -> DialinConfig:
    return DialinConfig(type="pinless_dialin", hmac=SECRET, room_creation_api=catcher.url + path)


@pytest.mark.parametrize(("unit", "factor"), [("ms", 1000), ("s", 1)])
async def test_the_webhook_is_signed_as_daily_signs(
    simulator: SimulatorServer, catcher: Catcher, unit: Any, factor: int
) -> None:
    """Compact JSON, and a base64 HMAC over timestamp, dot and body with the decoded secret; ms by default."""
    simulator.world.switches.dialin_timestamp_unit = unit
    (delivery,) = await simulator.world.dialin_webhooks.send(config(catcher), call())
    (caught,) = catcher.caught
    timestamp = caught.headers["X-Pinless-Timestamp"]
    mac = hmac.new(b"a secret", timestamp.encode() + b"." + caught.raw, hashlib.sha256)
    assert caught.headers["X-Pinless-Signature"] == base64.b64encode(mac.digest()).decode()
    assert abs(int(timestamp) / factor - time.time()) < 60
    expected = '{"To":"+12025550100","From":"+12025550123","callId":"call-1","callDomain":"domain-1"}'
    assert caught.raw.decode() == expected
    assert (delivery.status, delivery.attempt, delivery.ok) == (200, 1, True)


@pytest.mark.parametrize(
    ("switch", "expected"),
    [
        ("missing", {}),
        ("empty", {"From": ""}),
        ("anonymous", {"From": "anonymous"}),
        ("null", {"From": None}),
    ],
)
async def test_a_withheld_number_shows_as_the_switch_says(
    simulator: SimulatorServer, catcher: Catcher, switch: Any, expected: dict[str, Any]
) -> None:
    """From is missing, empty, a word or null when the caller withholds the number."""
    simulator.world.switches.withheld_from = switch
    await simulator.world.dialin_webhooks.send(config(catcher), call(None))
    body = catcher.caught[0].body
    assert {name: value for name, value in body.items() if name == "From"} == expected


async def test_sip_headers_and_odd_fields_are_passed_on(simulator: SimulatorServer, catcher: Catcher) -> None:
    """A SIP interconnect call carries its headers, and tests may overwrite any field."""
    headers = {"X-Clinic": "7"}
    sent = call(sip_headers=headers, extra={"callId": 5, "unknown": []})
    await simulator.world.dialin_webhooks.send(config(catcher), sent)
    body = catcher.caught[0].body
    assert (body["sipHeaders"], body["callId"], body["unknown"]) == (headers, 5, [])


async def test_copies_arrive_at_the_same_time(simulator: SimulatorServer, catcher: Catcher) -> None:
    """Fifty copies of one webhook are on their way before the first is answered."""
    catcher.gate.clear()
    sending = asyncio.create_task(simulator.world.dialin_webhooks.send(config(catcher), call(), copies=50))
    await catcher.wait_for(50)
    catcher.gate.set()
    assert len(await sending) == 50
    assert len({caught.raw for caught in catcher.caught}) == 1


@pytest.mark.parametrize(
    ("retries", "statuses", "expected"),
    [
        (0, [500], [500]),
        (2, [500, 503, 200], [500, 503, 200]),
        (2, [500, 500, 500, 200], [500, 500, 500]),
        (2, [404, 200], [404]),
        (2, [200], [200]),
    ],
)
async def test_server_errors_are_tried_again_only_by_switch(
    simulator: SimulatorServer, catcher: Catcher, retries: int, statuses: list[int], expected: list[int]
) -> None:
    """A 5xx is tried again as often as the switch allows, a 4xx never."""
    simulator.world.switches.dialin_webhook_retries = retries
    simulator.world.switches.dialin_webhook_retry_delay_s = 0
    catcher.statuses = statuses
    deliveries = await simulator.world.dialin_webhooks.send(config(catcher), call())
    assert [delivery.status for delivery in deliveries] == expected
    assert [delivery.attempt for delivery in deliveries] == list(range(1, len(expected) + 1))


async def test_a_silent_endpoint_is_given_up(simulator: SimulatorServer, catcher: Catcher) -> None:
    """After the time-out the delivery has no status, says why, and is tried again by switch."""
    simulator.world.switches.dialin_webhook_timeout_s = 0.2
    simulator.world.switches.dialin_webhook_retries = 1
    simulator.world.switches.dialin_webhook_retry_delay_s = 0
    catcher.gate.clear()
    deliveries = await simulator.world.dialin_webhooks.send(config(catcher), call())
    assert [(one.status, one.error) for one in deliveries] == [(None, "timed out")] * 2


async def test_a_redirect_is_not_followed(simulator: SimulatorServer, catcher: Catcher) -> None:
    """An endpoint that redirects has failed; nothing else is dialed."""
    catcher.statuses, catcher.headers = [302], {"Location": f"{catcher.url}/elsewhere"}
    (delivery,) = await simulator.world.dialin_webhooks.send(config(catcher), call())
    assert (delivery.status, delivery.ok) == (302, False)
    assert [caught.path for caught in catcher.caught] == ["/dial"]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "https://10.0.0.1/hook",
        "http://127.0.0.1.example.com/",
        "http://127.0.0.1@example.com/",
        "http://[2001:db8::1]/",
        "http://0.0.0.0/",
        "ftp://127.0.0.1/",
        "http:///hook",
        "nonsense",
    ],
)
async def test_nothing_but_loopback_is_dialed(simulator: SimulatorServer, url: str) -> None:
    """A URL that leads off the machine is refused before a socket is opened, wherever it comes from."""
    assert not is_loopback_url(url)
    with pytest.raises(NotLoopbackError):
        await LoopbackClient().post(url, b"", timeout_s=1)
    outside = DialinConfig(type="pinless_dialin", hmac=SECRET, room_creation_api=url)
    (delivery,) = await simulator.world.dialin_webhooks.send(outside, call())
    assert (delivery.status, delivery.error) == (None, "the simulator dials loopback addresses only")
    with pytest.raises(ValueError, match="loopback"):
        SimulatorSettings(dialin_webhook_url=url)
    with pytest.raises(ValueError, match="loopback"):
        SimulatorSettings(runner_url=url)


@pytest.mark.parametrize(
    "url", ["http://localhost:1/", "http://127.9.9.9/", "http://[::1]:80/x", "ws://127.0.0.1/"]
)
def test_every_form_of_loopback_may_be_dialed(url: str) -> None:
    """localhost, all of 127/8 and ::1 are this machine."""
    assert is_loopback_url(url)


async def test_webhooks_show_in_the_log(simulator: SimulatorServer, catcher: Catcher) -> None:
    """Each exchange is kept for GET /logs/api?source=webhook."""
    catcher.statuses = [503]
    await simulator.world.dialin_webhooks.send(config(catcher), call())
    ((_, kept),) = simulator.world.api_log.entries("webhook")
    assert (kept.status, kept.url) == (503, f"{catcher.url}/dial")
    assert json.loads(kept.request)["callId"] == "call-1"


async def test_a_call_to_a_number_sends_the_webhook(simulator: SimulatorServer, catcher: Catcher) -> None:
    """Dialing a number over the control API reaches the webhook of the settings."""
    simulator.world.settings.dialin_webhook_url = catcher.url
    client = LoopbackClient()
    body = json.dumps({"from": "+12025550123", "to": "+12025550100"}).encode()
    reply = await client.post(f"{simulator.base_url}/sim/calls", body, timeout_s=10)
    await client.aclose()
    assert reply.status == 201
    await eventually(lambda: len(catcher.caught) == 1)
    assert catcher.caught[0].body["From"] == "+12025550123"
