"""The control API and the server around it."""

import asyncio
import json
import subprocess
import sys
import urllib.request
import wave
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import aiohttp
import pytest

from frontdesk.demo.laptop import free_ports
from frontdesk.simulator.server import NotLoopbackError, PortTakenError, SimulatorServer, bind
from frontdesk.simulator.settings import SimulatorSettings
from tests.simulator.phone.stage import CLINIC, PATIENT, Desk, ended, until

CALLEE = "+14155550187"


@pytest.fixture
async def api(simulator: SimulatorServer) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(simulator.base_url) as session:
        yield session


async def ask(api: aiohttp.ClientSession, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    async with api.request(method, path, json=body) as answer:
        text = await answer.text()
        return answer.status, json.loads(text) if text else None


async def test_a_call_over_the_control_api(api: aiohttp.ClientSession, simulator: SimulatorServer) -> None:
    """A call is placed, shown, listed, counted and hung up on; its recording is not there before the end."""
    status, call = await ask(
        api, "POST", "/sim/calls", {"from": PATIENT, "to": CLINIC, "script": ["Hello?", {"wait": 1}]}
    )
    assert status == 201
    assert call["from_number"] == PATIENT
    status, listed = await ask(api, "GET", "/sim/calls")
    assert [one["id"] for one in listed["calls"]] == [call["id"]]
    assert (await ask(api, "GET", "/sim/stats"))[1]["calls_up"] == 1
    assert (await ask(api, "GET", f"/sim/calls/{call['id']}/wav"))[0] == 404
    assert (await ask(api, "DELETE", f"/sim/calls/{call['id']}"))[0] == 202
    record = simulator.world.records.get(call["id"])
    assert record is not None
    await ended(record)
    status, shown = await ask(api, "GET", f"/sim/calls/{call['id']}")
    assert shown["state"] == "ended"
    assert shown["outcome"] == "person_hung_up"
    assert (await ask(api, "DELETE", f"/sim/calls/{call['id']}"))[0] == 409
    assert (await ask(api, "GET", "/sim/calls/nobody"))[0] == 404


async def test_the_recording_is_stereo_and_as_long_as_the_call(
    api: aiohttp.ClientSession, simulator: SimulatorServer, desk: Desk
) -> None:
    """The WAV has both sides, 8 kHz, and a JSON file with the record lies beside it."""
    simulator.world.switches.default_hold_music_s = 3.0
    _, call = await ask(api, "POST", "/sim/calls", {"from": PATIENT, "to": CLINIC})
    record = simulator.world.records.get(call["id"])
    assert record is not None
    await ended(record)
    async with api.get(f"/sim/calls/{call['id']}/wav") as answer:
        assert answer.status == 200
        with wave.open(BytesIO(await answer.read())) as file:
            assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 8000, 2)
            seconds = file.getnframes() / 8000
    assert record.timeline[-1].ms / 1000 > 6.0
    assert abs(seconds - record.timeline[-1].ms / 1000) < 3.0
    assert record.wav is not None
    assert json.loads(record.wav.with_suffix(".json").read_text())["outcome"] == "hold_timeout"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"to": "555-1234"}, "to"),
        ({"from": "5551234", "to": CLINIC}, "from"),
        ({}, "to"),
        ({"to": CLINIC, "from": CLINIC}, "call itself"),
        ({"to": CLINIC, "script": [{"shout": "Hey"}]}, "script"),
        ({"to": CLINIC, "script": [{"press": "A"}]}, "press"),
        ({"to": CLINIC, "unknown": 1}, "unknown"),
        ({"to": CLINIC, "wpm": 4}, "wpm"),
        ([], "body"),
    ],
)
async def test_a_bad_call_is_refused_with_the_reason(
    api: aiohttp.ClientSession, body: Any, field: str
) -> None:
    """Wrong fields are a 422 that names them, and nobody calls."""
    status, answer = await ask(api, "POST", "/sim/calls", body)
    assert status == 422
    assert field in json.dumps(answer)
    assert (await ask(api, "GET", "/sim/calls"))[1]["calls"] == []


async def test_people_are_settled_shown_and_forgotten(api: aiohttp.ClientSession) -> None:
    """People can be put, read and taken away; bad numbers and outcomes are refused."""
    status, person = await ask(
        api, "PUT", f"/sim/people/{CALLEE}", {"outcomes": ["busy", "answer"], "script": ["Yes."]}
    )
    assert status == 200
    assert person["script"] == [{"say": "Yes.", "at_once": False}]
    assert (await ask(api, "GET", f"/sim/people/{CALLEE}"))[1] == person
    assert (await ask(api, "PUT", f"/sim/people/{CALLEE}", {"outcomes": ["explode"]}))[0] == 422
    assert (await ask(api, "PUT", "/sim/people/12", {}))[0] == 422
    assert (await ask(api, "DELETE", f"/sim/people/{CALLEE}"))[0] == 204
    assert (await ask(api, "GET", f"/sim/people/{CALLEE}"))[0] == 404


async def test_the_live_stream_shows_calls_as_they_happen(api: aiohttp.ClientSession, desk: Desk) -> None:
    """Whoever watches gets every event of the timeline, as server-sent events."""
    async with api.get("/sim/events") as stream:
        assert (await stream.content.readline()).startswith(b":")
        _, call = await ask(api, "POST", "/sim/calls", {"from": PATIENT, "to": CLINIC})
        seen: list[dict[str, Any]] = []
        async with asyncio.timeout(60):
            while not any(one["event"] == "webhook_answered" for one in seen):
                line = await stream.content.readline()
                if line.startswith(b"data: "):
                    seen.append(json.loads(line[6:]))
    assert {one["call"] for one in seen} == {call["id"]}
    assert [one["event"] for one in seen][:2] == ["on_hold", "webhook_sent"]


async def test_switches_are_changed_in_place(api: aiohttp.ClientSession, simulator: SimulatorServer) -> None:
    """A switch can be flipped, a bad one is a 422 and changes nothing, a reset restores the defaults."""
    before = simulator.world.switches
    status, answer = await ask(api, "PUT", "/sim/switches", {"busy_as": "stopped"})
    assert (status, answer["busy_as"]) == (200, "stopped")
    assert simulator.world.switches is before
    assert before.model_dump()["busy_as"] == "stopped"
    assert (await ask(api, "PUT", "/sim/switches", {"busy_as": "maybe"}))[0] == 422
    assert (await ask(api, "PUT", "/sim/switches", {"no_such": 1}))[0] == 422
    assert (await ask(api, "DELETE", "/sim/switches"))[0] == 204
    assert before.model_dump()["busy_as"] == "error"


async def test_faults_are_set_and_cleared(api: aiohttp.ClientSession) -> None:
    """A fault strikes Daily's API and never the control API; clearing heals."""
    plan = {"endpoints": [{"route": "/v1/rooms", "status": 500}]}
    status, _ = await ask(api, "PUT", "/sim/faults", plan)
    assert status == 200
    assert (await ask(api, "POST", "/v1/rooms", {}))[0] == 500
    assert (await ask(api, "GET", "/sim/health"))[0] == 200
    assert (await ask(api, "DELETE", "/sim/faults"))[0] == 204
    assert (await ask(api, "POST", "/v1/rooms", {}))[0] != 500


async def test_every_control_route_is_documented(api: aiohttp.ClientSession) -> None:
    """The OpenAPI description has a summary for every route and shows only the control API."""
    _, document = await ask(api, "GET", "/sim/openapi.json")
    assert {"/sim/calls", "/sim/people/{number}", "/sim/faults", "/sim/stats"} <= set(document["paths"])
    for path, methods in document["paths"].items():
        assert path.startswith("/sim"), path
        for method in methods.values():
            assert method.get("description"), path


async def test_rooms_are_shown(api: aiohttp.ClientSession, simulator: SimulatorServer) -> None:
    """A room is listed with its SIP address; dialin-ready cannot be repeated before it came."""
    simulator.world.rooms.create("one", {"sip": {"num_endpoints": 2}}, "public")
    _, listed = await ask(api, "GET", "/sim/rooms")
    assert listed["rooms"][0]["name"] == "one"
    assert len(listed["rooms"][0]["sip_endpoints"]) == 2
    assert (await ask(api, "POST", "/sim/rooms/one/dialin-ready"))[0] == 404


def test_other_hosts_are_refused() -> None:
    """The simulator binds loopback and nothing else."""
    for host in ("0.0.0.0", "192.168.1.1", "example.com"):
        with pytest.raises(NotLoopbackError):
            bind(host, 0)
    with pytest.raises(ValueError, match="loopback"):
        SimulatorSettings(host="0.0.0.0")


def test_a_taken_port_is_said_at_once() -> None:
    """The command line ends with code 2 and names the port when another process has it."""
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=str(port)):
            bind("127.0.0.1", port)
        command = [sys.executable, "-m", "frontdesk.simulator", "serve", "--port", str(port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert str(port) in done.stderr
    assert "Traceback" not in done.stderr


def test_the_process_announces_itself_and_stops_on_a_signal() -> None:
    """One line says where the simulator is once it answers; SIGTERM ends it cleanly."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "frontdesk.simulator", "serve", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            line = process.stdout.readline()
            assert f"http://127.0.0.1:{port}" in line
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/sim/health", timeout=60) as answer:
                assert answer.status == 200
        finally:
            process.terminate()
        assert process.wait(60) in {0, -15}
        assert "Traceback" not in process.stderr.read()


async def test_closing_ends_every_call(settings: SimulatorSettings, desk: Desk) -> None:
    """A simulator that stops leaves no task and no caller behind."""
    async with SimulatorServer(settings) as server:
        world = server.world
        async with aiohttp.ClientSession(server.base_url) as api:
            await ask(api, "POST", "/sim/calls", {"from": PATIENT, "to": CLINIC})
        await until(lambda: not desk.calls.empty(), "the webhook")
    others = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
    assert not [t for t in others if "simulator" in repr(t.get_coro())], others
    assert world.switchboard.all() == []
