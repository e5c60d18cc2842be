"""Domain webhooks: registering, the envelope, both retry modes, and events that go astray."""

import asyncio
import base64
import itertools
import json
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.simulator.clock import ManualClock
from frontdesk.simulator.faults.plan import EventFault
from frontdesk.simulator.loopback import LoopbackClient, Reply
from frontdesk.simulator.rooms.room import Room
from frontdesk.simulator.server import SimulatorServer
from frontdesk.simulator.settings import SimulatorSettings
from frontdesk.simulator.webhooks.dialin import sign
from frontdesk.simulator.webhooks.domain import WebhookEndpoint, retry_delays
from frontdesk.simulator.world import World
from tests.simulator.catcher import Api, Catcher, eventually
from tests.simulator.unhurried import unhurried

SECRET = base64.b64encode(b"a secret").decode()
PAYLOAD = {"session_id": "session-1"}


def room(name: str = "a-room") -> Room:
    return Room(name, "http://127.0.0.1/a-room", {}, "public", 0.0)


async def register(api: Api, catcher: Catcher, **more: Any) -> dict[str, Any]:
    body = {"url": f"{catcher.url}/events", "hmac": SECRET, "eventTypes": ["dialout.answered"], **more}
    status, made = await api("POST", "/webhooks", body)
    assert status == 200
    catcher.caught.clear()
    return dict(made)


async def test_registering_sends_a_signed_test(api: Api, catcher: Catcher) -> None:
    """The endpoint is asked first, and comes back as Daily shows it."""
    body = {"url": f"{catcher.url}/events", "hmac": SECRET, "eventTypes": ["dialout.answered"]}
    status, made = await api("POST", "/webhooks", body)
    (probe,) = catcher.caught
    assert status == 200
    assert probe.body == {"test": "test"}
    signature = sign(SECRET, probe.headers["X-Webhook-Timestamp"], probe.raw)
    assert probe.headers["X-Webhook-Signature"] == signature
    assert (made["state"], made["failedCount"], made["retryType"]) == ("ACTIVE", 0, "circuit-breaker")
    assert set(made) == {
        *("uuid", "url", "hmac", "basicAuth", "retryType", "eventTypes", "state", "failedCount"),
        *("domainId", "createdAt", "updatedAt"),
    }
    assert await api("GET", "/webhooks") == (200, [made])
    assert await api("GET", f"/webhooks/{made['uuid']}") == (200, made)


async def test_an_endpoint_that_does_not_answer_200_is_refused(api: Api, catcher: Catcher) -> None:
    """Registering fails with a 400 unless the test is answered 200; 204 is not enough."""
    for status in (500, 204):
        catcher.statuses = [status]
        assert (await api("POST", "/webhooks", {"url": catcher.url}))[0] == 400
    assert (await api("POST", "/webhooks", {"url": "http://example.com"}))[0] == 400
    assert (await api("GET", "/webhooks"))[1] == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": 5},
        {"url": "URL", "eventTypes": ["dialout.exploded"]},
        {"url": "URL", "retryType": "never"},
        {"uri": "URL"},
    ],
)
async def test_odd_registrations_are_refused(api: Api, catcher: Catcher, body: dict[str, Any]) -> None:
    """Unknown event types, retry types and fields are a 400, and nobody is asked."""
    sent = {name: catcher.url if value == "URL" else value for name, value in body.items()}
    assert (await api("POST", "/webhooks", sent))[0] == 400
    assert catcher.caught == []


async def test_an_event_arrives_in_dailys_envelope(
    simulator: SimulatorServer, api: Api, catcher: Catcher
) -> None:
    """Only the wanted types arrive: signed, with a float event_ts and the timestamp as a string."""
    await register(api, catcher, basicAuth="dXNlcjpwYXNz")
    await simulator.world.events.emit("dialout.stopped", room(), dict(PAYLOAD))
    await simulator.world.events.emit("dialout.answered", room(), dict(PAYLOAD))
    (caught,) = await catcher.wait_for(1)
    event = caught.body
    assert (event["version"], event["type"]) == ("1.0.0", "dialout.answered")
    assert isinstance(event["event_ts"], float)
    assert abs(event["event_ts"] - time.time()) < 60
    assert event["payload"]["room"] == "a-room"
    assert event["payload"]["domain_id"] == simulator.world.settings.domain_id
    assert re.fullmatch(r"\d{10}", event["payload"]["timestamp"])
    assert caught.headers["Authorization"] == "Basic dXNlcjpwYXNz"
    assert caught.headers["X-Webhook-Signature"] == sign(
        SECRET, caught.headers["X-Webhook-Timestamp"], caught.raw
    )
    assert b" " not in caught.raw


async def test_the_timestamp_may_be_a_number(simulator: SimulatorServer, api: Api, catcher: Catcher) -> None:
    """By switch payload.timestamp is an integer, as the description says."""
    simulator.world.switches.payload_timestamp = "int"
    await register(api, catcher)
    await simulator.world.events.emit("dialout.answered", room(), dict(PAYLOAD))
    (caught,) = await catcher.wait_for(1)
    assert isinstance(caught.body["payload"]["timestamp"], int)


async def test_three_failures_trip_the_circuit_breaker(
    simulator: SimulatorServer, api: Api, catcher: Catcher
) -> None:
    """Each event is tried once; after three failures nothing more is sent until the webhook is updated."""
    made = await register(api, catcher)
    endpoint = simulator.world.events.endpoints[made["uuid"]]
    catcher.statuses = [500, 500, 200, 500, 500, 500]
    for failures in (1, 2, 0, 1, 2, 3):
        await simulator.world.events.emit("dialout.answered", room(), dict(PAYLOAD))
        await eventually(lambda wanted=failures: endpoint.failed_count == wanted)  # type: ignore[misc]
    assert (await api("GET", f"/webhooks/{made['uuid']}"))[1]["state"] == "FAILED"
    await simulator.world.events.emit("dialout.answered", room(), dict(PAYLOAD))
    status, revived = await api("POST", f"/webhooks/{made['uuid']}", {})
    assert (status, revived["state"], revived["failedCount"]) == (200, "ACTIVE", 0)
    await simulator.world.events.emit("dialout.answered", room(), dict(PAYLOAD))
    caught = await catcher.wait_for(8)
    assert [one.body.get("test") for one in caught] == [None] * 6 + ["test", None]


class ScriptedClient(LoopbackClient):
    """A way out that answers from a list, then 200; nothing leaves the process."""

    def __init__(self, clock: ManualClock, answers: list[bool]) -> None:
        super().__init__()
        self._clock = clock
        self._answers = list(answers)
        self.tries: list[float] = []
        self.events: list[Any] = []

    async def post(self, url: str, body: bytes, **_: Any) -> Reply:
        self.tries.append(self._clock.monotonic())
        self.events.append(json.loads(body))
        good = self._answers.pop(0) if self._answers else True
        return Reply(200 if good else 500)


def endpoint(retry_type: Any) -> WebhookEndpoint:
    return WebhookEndpoint(
        url="http://127.0.0.1/",
        hmac=SECRET,
        event_types=frozenset({"dialout.answered"}),
        retry_type=retry_type,
        basic_auth=None,
        created_at=0.0,
        updated_at=0.0,
    )


def scripted_world(answers: list[bool]) -> tuple[World, ManualClock, ScriptedClient]:
    """A world on a clock moved by hand, whose webhooks go to a script."""
    clock = ManualClock()
    world = World(SimulatorSettings(record_dir=None), "http://127.0.0.1", clock)
    client = ScriptedClient(clock, answers)
    world.events._client = client
    return world, clock, client


async def delivered(retry_type: str, answers: list[bool], events: int) -> tuple[WebhookEndpoint, list[float]]:
    """Send events one by one on a clock moved by hand; returns the endpoint and the times of all tries."""
    world, clock, client = scripted_world(answers)
    target = endpoint(retry_type)
    world.events.endpoints[target.uuid] = target
    for _ in range(events):
        await world.events.emit("dialout.answered", room(), dict(PAYLOAD))
        await clock.advance(4000)
    await world.close()
    return target, client.tries


@unhurried
@given(st.lists(st.booleans(), max_size=12))
def test_exponential_tries_five_times_and_never_trips(answers: list[bool]) -> None:
    """One event is tried until it succeeds, at most five times, waiting ever longer, at most 15 minutes."""
    target, tries = asyncio.run(delivered("exponential", answers, 1))
    padded = answers + [True] * 5
    assert len(tries) == min(5, padded.index(True) + 1)
    waits = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert waits == sorted(waits)
    assert all(0 < wait <= 900 for wait in waits)
    assert target.state == "ACTIVE"


@unhurried
@given(st.lists(st.booleans(), max_size=12))
def test_the_circuit_breaker_follows_its_rule(answers: list[bool]) -> None:
    """For any run of successes and failures, sending stops exactly after the third failure in a row."""
    target, tries = asyncio.run(delivered("circuit-breaker", answers, len(answers)))
    failures, expected = 0, 0
    for good in answers:
        if failures == 3:
            break
        expected += 1
        failures = 0 if good else failures + 1
    assert len(tries) == expected
    assert target.state == ("FAILED" if failures == 3 else "ACTIVE")


def test_the_circuit_breaker_does_not_try_again() -> None:
    """Its messages have no second try."""
    assert retry_delays("circuit-breaker") == []


async def test_a_slow_endpoint_never_blocks_the_caller(
    simulator: SimulatorServer, api: Api, catcher: Catcher
) -> None:
    """Emitting returns while the endpoint still thinks, and closing the world ends what is on its way."""
    await register(api, catcher)
    catcher.gate.clear()
    async with asyncio.timeout(30):
        for _ in range(20):
            await simulator.world.events.emit("dialout.answered", room(), dict(PAYLOAD))
    await catcher.wait_for(20)
    await simulator.world.events.aclose()
    assert not simulator.world.events._tasks


async def test_a_deleted_endpoint_hears_nothing_more(
    simulator: SimulatorServer, api: Api, catcher: Catcher
) -> None:
    """After DELETE nothing is delivered, and the webhook is unknown."""
    made = await register(api, catcher)
    assert (await api("DELETE", f"/webhooks/{made['uuid']}"))[0] == 200
    await simulator.world.events.emit("dialout.answered", room(), dict(PAYLOAD))
    assert not simulator.world.events._tasks
    assert (await api("GET", f"/webhooks/{made['uuid']}"))[0] == 404


async def test_events_can_be_doubled_and_withheld(
    simulator: SimulatorServer, api: Api, catcher: Catcher
) -> None:
    """On command an event arrives three times with one id, or never."""
    await register(api, catcher, eventTypes=["dialout.answered", "dialout.stopped"])
    simulator.world.faults.add(EventFault(types=["dialout.answered"], copies=3, times=1))
    simulator.world.faults.add(EventFault(types=["dialout.stopped"], withhold=True))
    await simulator.world.events.emit("dialout.stopped", room(), dict(PAYLOAD))
    await simulator.world.events.emit("dialout.answered", room("first"), dict(PAYLOAD))
    caught = list(await catcher.wait_for(3))
    await simulator.world.events.emit("dialout.answered", room("second"), dict(PAYLOAD))
    everything = await catcher.wait_for(4)
    assert len({one.body["id"] for one in caught}) == 1
    assert [one.body["payload"]["room"] for one in everything] == ["first"] * 3 + ["second"]


async def test_events_can_be_sent_in_reverse() -> None:
    """On command events are held back and sent the other way round."""
    world, clock, client = scripted_world([])
    target = endpoint("exponential")
    world.events.endpoints[target.uuid] = target
    world.faults.add(EventFault(hold_back=3, times=3))
    for name in ("one", "two", "three", "four"):
        assert len(client.events) == (3 if name == "four" else 0)
        await world.events.emit("dialout.answered", room(name), dict(PAYLOAD))
        await clock.advance(1)
    assert [event["payload"]["room"] for event in client.events] == ["three", "two", "one", "four"]
    await world.close()


async def test_events_can_be_late() -> None:
    """A delayed event comes after one that was emitted later."""
    world, clock, client = scripted_world([])
    target = endpoint("exponential")
    world.events.endpoints[target.uuid] = target
    world.faults.add(EventFault(delay_s=0.5, times=1))
    for name in ("late", "soon"):
        await world.events.emit("dialout.answered", room(name), dict(PAYLOAD))
    await clock.advance(0.4)
    assert [event["payload"]["room"] for event in client.events] == ["soon"]
    await clock.advance(0.2)
    assert [event["payload"]["room"] for event in client.events] == ["soon", "late"]
    await world.close()
