"""Faults on command, and the counts of requests."""

import asyncio
import json
import re
import time
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from frontdesk.simulator.faults.plan import EndpointFault, FaultPlan, Faults
from frontdesk.simulator.server import SimulatorServer
from tests.simulator.catcher import KEY, Api
from tests.simulator.unhurried import unhurried

ROOMS = "/v1/rooms"


def fault(simulator: SimulatorServer, **more: Any) -> None:
    simulator.world.faults.add(EndpointFault(method="POST", route=ROOMS, **more))


async def test_an_endpoint_can_answer_any_status(simulator: SimulatorServer, api: Api) -> None:
    """Status, body and headers are as ordered, and nothing happens behind them."""
    fault(simulator, status=429, body={"error": "rate-limit-error"}, headers={"Retry-After": "7"})
    async with aiohttp.ClientSession() as http, http.post(api.base_url + "/rooms", headers=KEY) as reply:
        assert (reply.status, reply.headers["Retry-After"]) == (429, "7")
        assert await reply.json() == {"error": "rate-limit-error"}
    assert simulator.world.rooms.all() == []


async def test_a_fault_can_hold_for_some_requests_only(simulator: SimulatorServer, api: Api) -> None:
    """The next two requests fail, the third works, and other endpoints work all the time."""
    fault(simulator, status=503, times=2)
    statuses = []
    for _ in range(3):
        assert (await api("GET", "/rooms"))[0] == 200
        statuses.append((await api("POST", "/rooms"))[0])
    assert statuses == [503, 503, 200]


async def test_latency_delays_the_endpoint_and_keeps_its_answer(simulator: SimulatorServer, api: Api) -> None:
    """A slow endpoint answers as usual, not before its latency is over."""
    fault(simulator, latency_ms=300)
    started = time.monotonic()
    status, room = await api("POST", "/rooms")
    assert time.monotonic() - started >= 0.3
    assert (status, room["privacy"]) == (200, "public")


async def test_a_hanging_endpoint_never_answers(simulator: SimulatorServer, api: Api) -> None:
    """The caller's own time-out ends it, and the simulator goes on."""
    fault(simulator, hang=True)
    with pytest.raises(TimeoutError):
        await api("POST", "/rooms", timeout=aiohttp.ClientTimeout(total=0.3))
    assert simulator.world.rooms.all() == []
    assert (await api("GET", "/rooms"))[0] == 200


@pytest.mark.parametrize(("runs", "rooms"), [(False, 0), (True, 1)])
async def test_a_reset_breaks_the_answer_off(
    simulator: SimulatorServer, api: Api, runs: bool, rooms: int
) -> None:
    """The connection drops in the middle of the answer, with or without the work being done."""
    fault(simulator, reset=True, runs=runs)
    with pytest.raises(aiohttp.ClientPayloadError):
        await api("POST", "/rooms")
    assert len(simulator.world.rooms.all()) == rooms


async def test_broken_json_is_a_200_that_cannot_be_read(simulator: SimulatorServer, api: Api) -> None:
    """The body of a 200 is not JSON."""
    fault(simulator, bad_json=True)
    with pytest.raises(json.JSONDecodeError):
        await api("POST", "/rooms")


async def test_one_endpoint_of_a_template_can_fail(simulator: SimulatorServer, api: Api) -> None:
    """A template meets every room, and a plain path one room alone."""
    for name in ("a", "b"):
        await api("POST", "/rooms", {"name": name})
    simulator.world.faults.add(EndpointFault(route="/v1/rooms/{name}", method="delete", status=500))
    simulator.world.faults.add(EndpointFault(route="/v1/rooms/b", method="GET", status=502))
    asked = [("GET", "/rooms/a"), ("GET", "/rooms/b"), ("DELETE", "/rooms/a"), ("GET", "/rooms/a/presence")]
    assert [(await api(*one))[0] for one in asked] == [200, 502, 500, 200]
    simulator.world.faults.clear()
    assert (await api("DELETE", "/rooms/a"))[0] == 200


async def test_the_control_api_is_never_hit(simulator: SimulatorServer, http: aiohttp.ClientSession) -> None:
    """With everything broken, the faults can still be lifted over HTTP."""
    plan = {"endpoints": [{"route": "*", "status": 500}]}
    async with http.put(f"{simulator.base_url}/sim/faults", json=plan) as reply:
        assert reply.status < 300
    async with http.get(f"{simulator.base_url}/v1/rooms", headers=KEY) as reply:
        assert reply.status == 500
    async with http.delete(f"{simulator.base_url}/sim/faults") as reply:
        assert reply.status < 300
    async with http.get(f"{simulator.base_url}/v1/rooms", headers=KEY) as reply:
        assert reply.status == 200


@pytest.mark.parametrize(
    ("kind", "status"), [({"status": 401}, 401), ({"reset": True}, None), ({"hang": True}, None)]
)
async def test_a_websocket_can_fail_too(
    simulator: SimulatorServer, http: aiohttp.ClientSession, kind: dict[str, Any], status: int | None
) -> None:
    """A stand-in vendor refuses the upgrade with the status, closes at once, or never accepts."""
    simulator.world.faults.add(EndpointFault(method="WS", route="/deepgram/*", **kind))
    url = f"{simulator.base_url}/deepgram/v1/listen"
    if status is not None:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(url)
        assert refused.value.status == status
    elif "hang" in kind:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await http.ws_connect(url)
    else:
        async with http.ws_connect(url) as socket:
            message = await socket.receive()
        assert (message.type, socket.close_code) == (aiohttp.WSMsgType.CLOSE, 1011)


async def test_requests_are_counted_by_endpoint(simulator: SimulatorServer, api: Api) -> None:
    """Counts go by method and template, faults included, and unknown paths share one line."""
    fault(simulator, status=500, times=1)
    await api("POST", "/rooms")
    for name in ("a", "b"):
        await api("POST", "/rooms", {"name": name})
        await api("GET", f"/rooms/{name}")
        await api("GET", f"/no/{name}")
    counts = simulator.world.faults.counts
    assert counts["POST /v1/rooms"] == 3
    assert counts["GET /v1/rooms/{name}"] == 2
    assert counts["GET (unknown)"] == 2


@pytest.mark.parametrize(
    "odd",
    [
        {"status": 500, "hang": True},
        {"reset": True, "bad_json": True},
        {"runs": True},
        {"probability": 0},
        {"times": 0},
        {"latency": 5},
        {"status": 99},
    ],
)
def test_contradictory_faults_are_refused(odd: dict[str, Any]) -> None:
    """A fault has one kind, sensible numbers and no unknown field."""
    with pytest.raises(ValidationError):
        EndpointFault(route=ROOMS, **odd)


@unhurried
@given(st.floats(0.05, 0.95), st.integers(0, 2**32))
def test_a_probability_strikes_its_share_and_repeats_itself(probability: float, seed: int) -> None:
    """Of a thousand requests about the given share is hit, the same ones for the same seed."""
    runs = [EndpointFault(route=ROOMS, status=500, probability=probability, seed=seed) for _ in range(2)]
    first, second = ([one.strikes() for _ in range(1000)] for one in runs)
    assert first == second
    assert abs(sum(first) / 1000 - probability) < 0.1


@unhurried
@given(st.lists(st.sampled_from(["a", "B-9", "x.y", "é"]), min_size=1, max_size=4), st.data())
def test_a_template_meets_paths_of_its_own_length(segments: list[str], data: st.DataObject) -> None:
    """Any segment may be a variable; a path with one segment more or less is another endpoint."""
    variable = data.draw(st.lists(st.booleans(), min_size=len(segments), max_size=len(segments)))
    pairs = zip(segments, variable, strict=True)
    template = "/" + "/".join("{any}" if is_variable else segment for segment, is_variable in pairs)
    one = EndpointFault(route=template, status=500)
    path = "/" + "/".join(segments)
    assert one.matches("GET", path)
    assert not one.matches("GET", path + "/more")
    assert not one.matches("GET", path.rpartition("/")[0])
    changed = re.sub(r"[^/]+$", "other", path)
    assert one.matches("GET", changed) == variable[-1]


def test_the_first_matching_fault_decides() -> None:
    """A spent fault gives way to the next one."""
    faults = Faults()
    ones = [EndpointFault(route="*", status=500, times=1), EndpointFault(route=ROOMS, status=502)]
    faults.set(FaultPlan(endpoints=ones))
    struck = [faults.endpoint("GET", ROOMS) for _ in range(2)]
    assert [one and one.status for one in struck] == [500, 502]
    assert faults.endpoint("GET", "/elsewhere") is None
