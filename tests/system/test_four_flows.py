"""The four flows: a call in and a call out, with bots on the dev runner and on Pipecat Cloud."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from frontdesk.demo.laptop import Laptop, Ports
from frontdesk.demo.parts import House, Part
from frontdesk.demo.world import World
from frontdesk.organizations import load_organizations

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

CLINIC = load_organizations(Path("clinics")).by_slug("bright-smile")
PATIENT = "+14155550142"
CALLEE = "+14155550187"
LINES = ["What are your opening hours?"]
PUBLIC_KEY = "pk_0123456789abcdef"
PRIVATE_KEY = "sk_0123456789"
SPARE = "frontdesk-spare"


class Flows:
    """A running house, and hands on it."""

    def __init__(self, session: aiohttp.ClientSession, laptop: Laptop) -> None:
        self._session = session
        self._laptop = laptop
        self.world = World(session, laptop.simulator.url, laptop.gateway.url, laptop.api_key)

    async def deploy(self, name: str = "frontdesk", **settings: Any) -> None:
        """Deploy or change an agent on the simulated Pipecat Cloud."""
        url = f"{self._laptop.simulator.url}/sim/cloud/agents/{name}"
        async with self._session.put(url, json=settings) as answer:
            assert answer.status == 200, await answer.text()

    async def sessions(self, name: str) -> int:
        """How many sessions an agent has had."""
        url = f"{self._laptop.simulator.url}/cloud/v1/agents/{name}/sessions?status=all"
        async with self._session.get(url, headers={"Authorization": f"Bearer {PRIVATE_KEY}"}) as answer:
            return len(list((await answer.json())["sessions"]))

    async def rooms(self) -> list[str]:
        """The rooms that exist."""
        async with self._session.get(f"{self._laptop.simulator.url}/sim/rooms") as answer:
            return [room["name"] for room in (await answer.json())["rooms"]]

    async def call_in(self, **changes: Any) -> dict[str, Any]:
        """A patient calls; gives the record once the call has ended."""
        script = {"from": PATIENT, "to": CLINIC.numbers[0], "script": LINES}
        return await self.ended(await self.world.dial(script | changes))

    async def ended(self, call: str) -> dict[str, Any]:
        async with asyncio.timeout(120):
            while (record := await self.world.call(call))["state"] != "ended":
                await asyncio.sleep(0.1)
        return record

    async def call_out(self, **person: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The CRM has somebody called; gives its answer and the record of the last dial."""
        callee: dict[str, Any] = {"script": LINES, "ring_s": 0.3} | person
        await self.world.settle(CALLEE, callee)
        answer, _ = await self.world.crm_calls(
            {"dialout_settings": {"phone_number": CALLEE}, "retry": {"on": ["busy"], "delays_s": [0.2]}}
        )
        dials = len(callee.get("outcomes", ["answer"]))
        async with asyncio.timeout(120):
            while True:
                calls = [c for c in await self.world.calls() if c["to_number"] == CALLEE]
                if len(calls) == dials and calls[-1]["state"] == "ended":
                    return answer, calls[-1]
                await asyncio.sleep(0.1)

    async def call_off(self, stage: str, **person: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Call somebody, call it off at a stage; gives the phone's account and the gateway's record."""
        await self.world.settle(CALLEE, {"script": LINES} | person)
        answer, _ = await self.world.crm_calls({"dialout_settings": {"phone_number": CALLEE}})
        async with asyncio.timeout(120):
            while not any(call["state"] == stage for call in await self.world.calls()):
                await asyncio.sleep(0.05)
        path = f"{self._laptop.gateway.url}/calls/{answer['call_id']}"
        key = {"Authorization": f"Bearer {self._laptop.api_key}"}
        async with self._session.delete(path, headers=key) as canceled:
            assert canceled.status == 202, await canceled.text()
        async with asyncio.timeout(60):
            while True:
                async with self._session.get(path, headers=key) as found:
                    record: dict[str, Any] = await found.json()
                (phone,) = await self.world.calls()
                if record["state"] == phone["state"] == "ended":
                    return phone, record
                await asyncio.sleep(0.1)

    async def post_dialout(self) -> tuple[int, dict[str, Any]]:
        """Post to /dialout; gives status and body whatever they are."""
        key = {"Authorization": f"Bearer {self._laptop.api_key}"}
        body = {"dialout_settings": {"phone_number": CALLEE}}
        async with self._session.post(
            f"{self._laptop.gateway.url}/dialout", json=body, headers=key
        ) as answer:
            return answer.status, await answer.json()


@asynccontextmanager
async def _flows(folder: Path, *, production: bool) -> AsyncIterator[Flows]:
    laptop = Laptop(Ports.free(), simulated=True, books=folder / "books")
    parts = [_unhurried(_recording_in(folder, part)) for part in laptop.parts]
    if production:
        parts = [_on_pipecat_cloud(part, laptop) for part in parts]
    async with House(folder) as house, aiohttp.ClientSession() as session:
        await house.start(*parts)
        yield Flows(session, laptop)


def _recording_in(folder: Path, part: Part) -> Part:
    if part.name != "simulator":
        return part
    return replace(part, environment={**part.environment, "SIM_RECORD_DIR": str(folder / "recordings")})


def _unhurried(part: Part) -> Part:
    """The CRM waits for the bot, however long its process takes to start."""
    return replace(part, environment={**part.environment, "DIALOUT_WAIT_S": "20"})


def _on_pipecat_cloud(part: Part, laptop: Laptop) -> Part:
    if part.name != "gateway":
        return part
    production = {
        "ENV": "production",
        "PUBLIC_URL": laptop.gateway.url,
        "PIPECAT_API_URL": f"{laptop.simulator.url}/cloud/v1",
        "PIPECAT_API_KEY": PUBLIC_KEY,
        "PIPECAT_PRIVATE_KEY": PRIVATE_KEY,
        "PIPECAT_AGENT_NAME": f"frontdesk,{SPARE}",
    }
    return replace(part, environment={**part.environment, **production})


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[Flows]:
    async with _flows(tmp_path, production=False) as flows:
        yield flows


@pytest.fixture
async def cloud(tmp_path: Path) -> AsyncIterator[Flows]:
    async with _flows(tmp_path, production=True) as flows:
        yield flows


def _talked(record: dict[str, Any], greeting: str) -> bool:
    heard = " ".join(record["heard"])
    return greeting in heard and "open from" in heard


def _inbound() -> str:
    return CLINIC.workflows[CLINIC.inbound_workflow].greeting


def _outbound() -> str:
    return CLINIC.workflows[CLINIC.outbound_workflow].greeting


async def test_calls_in_and_out_on_the_dev_runner(local: Flows) -> None:
    """Locally, a patient calls in and is served; the CRM's call is busy once, then answered and served."""
    incoming, (answer, record) = await asyncio.gather(
        local.call_in(), local.call_out(outcomes=["busy", "answer"])
    )
    assert _talked(incoming, _inbound())
    assert answer["status"] == "dialing"
    assert "room_url" in answer
    assert _talked(record, _outbound())
    assert not any("token" in key for key in answer)


async def test_calls_in_and_out_on_a_warm_agent(cloud: Flows) -> None:
    """In production, both directions run on Pipecat Cloud, with a session for each attempt."""
    incoming, (_, record) = await asyncio.gather(cloud.call_in(), cloud.call_out(outcomes=["busy", "answer"]))
    assert _talked(incoming, _inbound())
    assert _talked(record, _outbound())
    assert await cloud.sessions("frontdesk") == 3


async def test_a_cold_start_outlasts_the_webhook_and_the_caller_is_still_served(cloud: Flows) -> None:
    """With a bot slower than the webhook may be, the webhook is answered in time and the call goes on."""
    await cloud.deploy(state="cold", cold_start_s=8.0)
    record = await cloud.call_in()
    answered = next(e for e in record["timeline"] if e["event"] == "webhook_answered")
    assert answered["detail"]["status"] == 200
    assert answered["detail"]["ms"] < 7500
    assert _talked(record, _inbound())


async def test_a_full_agent_fails_over_to_the_next(cloud: Flows) -> None:
    """When the first agent is at capacity, the call runs on the second one."""
    await cloud.deploy(max_agents=0)
    await cloud.deploy(SPARE, max_agents=5)
    assert _talked(await cloud.call_in(), _inbound())
    assert await cloud.sessions(SPARE) == 1


async def test_a_caller_waits_until_an_agent_is_free(cloud: Flows) -> None:
    """When every agent is full, the caller holds, and is served as soon as one is free."""
    await cloud.deploy(max_agents=0)
    call = await cloud.world.dial({"from": PATIENT, "to": CLINIC.numbers[0], "script": LINES})
    async with asyncio.timeout(60):
        while not any(e["event"] == "webhook_answered" for e in (await cloud.world.call(call))["timeline"]):
            await asyncio.sleep(0.1)
    assert (await cloud.world.call(call))["state"] == "held"
    await cloud.deploy(max_agents=1)
    assert _talked(await cloud.ended(call), _inbound())


async def test_a_call_out_waits_until_an_agent_is_free(cloud: Flows) -> None:
    """Without a free agent the CRM is told that its call waits for one; then it is made, by one bot."""
    await cloud.deploy(max_agents=0)
    await cloud.deploy(SPARE, max_agents=0)
    await cloud.world.settle(CALLEE, {"script": LINES, "ring_s": 0.3})
    status, answer = await cloud.post_dialout()
    assert status == 202
    async with asyncio.timeout(60):  # its next launch may just be under way, as in vain as the one before
        while (await cloud.world.kept(answer["call_id"]))["waiting_for"] != "capacity":
            await asyncio.sleep(0.05)
    assert await cloud.world.calls() == []
    await cloud.deploy(max_agents=1)
    async with asyncio.timeout(90):
        while [call["state"] for call in await cloud.world.calls()] != ["ended"]:
            await asyncio.sleep(0.1)
    assert _talked((await cloud.world.calls())[0], _outbound())


async def test_a_call_is_called_off_while_it_rings(local: Flows) -> None:
    """Called off while the phone rings: it stops ringing, nobody is on the line, and it rings no more."""
    phone, record = await local.call_off("ringing", ring_s=100)
    assert (record["ended_reason"], record["answered_at"], record["attempt"]) == ("canceled", None, 1)
    assert phone["heard"] == []


async def test_a_call_is_called_off_while_somebody_talks(local: Flows) -> None:
    """Called off in the middle of the conversation: the line is closed, and the call ends as canceled."""
    _, record = await local.call_off("connected", ring_s=0.3)
    assert (record["ended_reason"], record["attempt"]) == ("canceled", 1)
    assert record["answered_at"] is not None
