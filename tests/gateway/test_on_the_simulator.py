"""The gateway between the simulated Daily and the simulated Pipecat Cloud."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from frontdesk.settings import GatewaySettings
from frontdesk.simulator.faults.plan import EndpointFault
from frontdesk.simulator.rest.dialin_configs import DialinConfig
from frontdesk.simulator.server import SimulatorServer
from frontdesk.simulator.settings import AgentSettings, SimulatorSettings
from frontdesk.simulator.webhooks.dialin import Delivery, IncomingCall
from tests.gateway.gate import KEY, SECRET, UNHURRIED, UNHURRIED_WEBHOOK_S, Gateway, books, serving

OUTGOING = {"dialout_settings": {"phone_number": "+12025550123"}}


@pytest.fixture
async def simulator(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SimulatorServer]:
    monkeypatch.setenv("DAILY_API_URL", "http://127.0.0.1:9/unset")  # restored after settings.publish()
    agents = {"first": AgentSettings(max_agents=20), "second": AgentSettings()}
    settings = SimulatorSettings(port=0, record_dir=None, cloud_agents=agents, noop_bot_s=60)
    async with SimulatorServer(settings) as running:
        yield running


def settings_for(simulator: SimulatorServer, folder: Path, **changes: Any) -> GatewaySettings:
    values = {
        **books(folder),
        **UNHURRIED,
        "public_url": "http://127.0.0.1:9",
        "_env_file": None,
        "env": "production",
        "daily_api_key": "daily-key",
        "daily_api_url": f"{simulator.base_url}/v1",
        "pipecat_api_url": f"{simulator.base_url}/cloud/v1",
        "pipecat_api_key": "pk_test",
        "pipecat_agent_name": "first,second",
        "pinless_hmac_secret": SECRET,
        "frontdesk_api_keys": KEY,
    }
    answer_s = changes.pop("webhook_budget_s")
    return GatewaySettings(**(values | changes)).model_copy(update={"webhook_budget_s": answer_s})


@pytest.fixture
async def gateway(simulator: SimulatorServer, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with serving(settings_for(simulator, tmp_path, webhook_budget_s=UNHURRIED_WEBHOOK_S)) as running:
        yield running


@pytest.fixture
async def punctual(simulator: SimulatorServer, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway that answers webhooks long before Daily would lose its patience."""
    async with serving(settings_for(simulator, tmp_path, webhook_budget_s=0.5)) as running:
        yield running


def config(gateway: Gateway) -> DialinConfig:
    return DialinConfig(
        type="pinless_dialin", hmac=SECRET, room_creation_api=f"{gateway.url}/daily-dialin-webhook"
    )


async def ring(simulator: SimulatorServer, gateway: Gateway, from_: str | None = "+12025550199") -> Delivery:
    """Daily tells of an incoming call."""
    call = IncomingCall(str(uuid.uuid4()), "domain-1", "+14155550100", from_)
    deliveries = await simulator.world.dialin_webhooks.send(config(gateway), call)
    return deliveries[-1]


def sessions(simulator: SimulatorServer, agent: str) -> int:
    return len(simulator.world.cloud.agents[agent].sessions)


@pytest.mark.parametrize("unit", ["ms", "s"])
@pytest.mark.parametrize("withheld", ["missing", "empty", "anonymous", "null"])
async def test_every_form_of_an_incoming_call(
    simulator: SimulatorServer, gateway: Gateway, unit: Any, withheld: Any
) -> None:
    """However Daily stamps the webhook and shows a withheld number, the call gets a SIP room and a bot."""
    simulator.world.switches.dialin_timestamp_unit = unit
    simulator.world.switches.withheld_from = withheld
    delivery = await ring(simulator, gateway, from_=None)
    assert (delivery.status, json.loads(delivery.answer)["status"]) == (200, "started")
    (room,) = simulator.world.rooms.all()
    assert room.sip_endpoint
    assert sessions(simulator, "first") == 1


async def test_the_probe_of_a_new_configuration(simulator: SimulatorServer, gateway: Gateway) -> None:
    """When a number is configured to point here, Daily's probe is answered and no room is made."""
    await simulator.world.dialin_webhooks.probe(config(gateway))
    assert simulator.world.rooms.all() == []


async def test_ready(gateway: Gateway) -> None:
    """With Daily and Pipecat Cloud there, the gateway is ready."""
    assert (await gateway.send("GET", "/readyz")).status == 200


async def test_outgoing_calls_get_rooms_with_dial_out(simulator: SimulatorServer, gateway: Gateway) -> None:
    """A call that the CRM places gets a room with dial-out and a bot on Pipecat Cloud."""
    reply = await gateway.dial(OUTGOING)
    assert reply.status == 201
    (room,) = simulator.world.rooms.all()
    assert reply.body["room_url"] == room.url
    assert room.properties["enable_dialout"] is True
    assert sessions(simulator, "first") == 1


async def test_a_plan_without_dial_out(simulator: SimulatorServer, gateway: Gateway) -> None:
    """On a Daily plan without dial-out the CRM hears that Daily refused such a room."""
    simulator.world.switches.plan_allows_dialout = False
    reply = await gateway.dial(OUTGOING)
    assert (reply.status, reply.body["status"]) == (201, "ended")
    assert (reply.body["ended_reason"], reply.body["detail"]) == ("bot_start_failed", "room_rejected")


async def test_a_full_agent_hands_over(simulator: SimulatorServer, gateway: Gateway) -> None:
    """Calls beyond the capacity of the first agent go to the second."""
    simulator.world.cloud.agents["first"].settings.max_agents = 1
    for _ in range(3):
        assert (await ring(simulator, gateway)).status == 200
    assert (sessions(simulator, "first"), sessions(simulator, "second")) == (1, 2)


async def test_a_caller_waits_for_capacity(simulator: SimulatorServer, punctual: Gateway) -> None:
    """While every agent is full the webhook is answered in time, and the caller gets the next free bot."""
    agents = simulator.world.cloud.agents
    for agent in agents.values():
        agent.settings.max_agents = 0
    delivery = await ring(simulator, punctual)
    assert (delivery.status, json.loads(delivery.answer)["status"]) == (200, "launching")
    assert delivery.took_s < 3
    agents["second"].settings.max_agents = 1
    await punctual.app.state.dialin.drain(30)
    assert sessions(simulator, "second") == 1
    assert len(simulator.world.rooms.all()) == 1


async def test_a_cold_start_that_holds_its_answer(simulator: SimulatorServer, punctual: Gateway) -> None:
    """A cold start that is longer than the webhook may wait still gets the caller a bot, and only one."""
    simulator.world.switches.start_answers = "started"
    first = simulator.world.cloud.agents["first"]
    first.settings.state, first.settings.cold_start_s = "cold", 4
    delivery = await ring(simulator, punctual)
    assert (delivery.status, json.loads(delivery.answer)["status"]) == (200, "launching")
    assert delivery.took_s < 3
    await punctual.app.state.dialin.drain(30)
    assert (sessions(simulator, "first"), sessions(simulator, "second")) == (1, 0)
    assert len(simulator.world.rooms.all()) == 1


async def test_no_orphans(simulator: SimulatorServer, gateway: Gateway) -> None:
    """Rooms whose token or bot failed are deleted; in the end there is one room for each call."""
    simulator.world.faults.add(EndpointFault(route="/v1/meeting-tokens", status=500, times=2))
    assert (await gateway.dial(OUTGOING)).status in {201, 202}
    async with asyncio.timeout(60):
        while sessions(simulator, "first") + sessions(simulator, "second") == 0:
            await asyncio.sleep(0.05)
    simulator.world.faults.add(EndpointFault(route="/v1/meeting-tokens", status=500, times=2))
    simulator.world.faults.add(EndpointFault(route="/cloud/v1/public/*", reset=True, runs=True, times=1))
    delivery = await ring(simulator, gateway)
    assert delivery.status == 200
    await gateway.app.state.dialin.drain(30)
    async with asyncio.timeout(60):
        while len(simulator.world.rooms.all()) > 2:
            await asyncio.sleep(0.05)


async def test_a_rush_against_the_rate_limit(simulator: SimulatorServer, gateway: Gateway) -> None:
    """Sixty calls at once are more than Daily's rate limit takes; all of them get a bot while on hold."""
    deliveries = await asyncio.gather(*(ring(simulator, gateway) for _ in range(60)))
    assert {delivery.status for delivery in deliveries} == {200}
    assert max(delivery.took_s for delivery in deliveries) < 10  # of the twenty seconds on hold
    await gateway.app.state.dialin.drain(60)
    assert sessions(simulator, "first") + sessions(simulator, "second") == 60
