"""The whole gateway and a bot that never says a word: Daily alone tells what happens to the call."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from frontdesk.calls.orders import Patience
from frontdesk.daily.api import DailyApi
from frontdesk.daily.presence import BOT_USER_ID
from frontdesk.daily.webhooks import EVENTS_PATH, DomainWebhooks
from frontdesk.engine.memory_queue import MemoryQueue
from frontdesk.settings import GatewaySettings
from frontdesk.simulator.cloud.sessions import Session
from frontdesk.simulator.phone.people import Person
from frontdesk.simulator.rooms.room import Room
from frontdesk.simulator.server import SimulatorServer
from frontdesk.simulator.settings import AgentSettings, SimulatorSettings
from frontdesk.tuning import Tuning
from tests.daily.door import SECRET
from tests.daily.scene import CALLEE, dial, enter, until
from tests.gateway.gate import KEY, UNHURRIED, Gateway, books, serving
from tests.gateway.gate import SECRET as DIALIN_SECRET

OPERATOR = "+14155550199"
HASTE = Tuning(patience=Patience(settle_s=1, confirm_s=1, retry_s=0.2), reaper_every_s=0.1, queue=MemoryQueue)


@pytest.fixture
async def simulator(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SimulatorServer]:
    monkeypatch.setenv("DAILY_API_URL", "http://127.0.0.1:9/unset")  # restored after settings.publish()
    agents = {"clinic-bot": AgentSettings()}
    settings = SimulatorSettings(port=0, record_dir=None, cloud_agents=agents, noop_bot_s=60)
    async with SimulatorServer(settings) as running:
        yield running


@pytest.fixture
async def gateway(simulator: SimulatorServer, daily: DailyApi, tmp_path: Path) -> AsyncIterator[Gateway]:
    values: dict[str, Any] = {
        **books(tmp_path),
        "_env_file": None,
        "env": "production",
        "public_url": "http://127.0.0.1:9",
        "daily_api_key": "a-key",
        "daily_api_url": f"{simulator.base_url}/v1",
        "daily_events_secret": SECRET,
        "pipecat_api_url": f"{simulator.base_url}/cloud/v1",
        "pipecat_api_key": "pk_test",
        "pipecat_private_key": "sk_test",
        "pipecat_agent_name": "clinic-bot",
        "pinless_hmac_secret": DIALIN_SECRET,
        "frontdesk_api_keys": KEY,
        **UNHURRIED,
    }
    async with serving(GatewaySettings(**values), tuning=HASTE) as running:
        await DomainWebhooks(daily, url=running.url + EVENTS_PATH, secret=SECRET).register()
        yield running
        await simulator.world.events.aclose()


async def place(gateway: Gateway, simulator: SimulatorServer) -> tuple[str, Room, Session]:
    """A call of the CRM: its id, its room, its session on Pipecat Cloud."""
    reply = await gateway.dial({"dialout_settings": {"phone_number": CALLEE}})
    assert reply.status == 201, reply.body
    (room,) = simulator.world.rooms.all()
    (session,) = simulator.world.cloud.agents["clinic-bot"].sessions.values()
    return reply.body["call_id"], room, session


async def record(gateway: Gateway, call_id: str) -> dict[str, Any]:
    """The record of a call."""
    reply = await gateway.send("GET", f"/calls/{call_id}", headers={"Authorization": f"Bearer {KEY}"})
    assert reply.status == 200, reply.body
    return dict(reply.body)


async def ended(gateway: Gateway, call_id: str) -> dict[str, Any]:
    """Wait until a call has ended."""
    async with asyncio.timeout(60):
        while (call := await record(gateway, call_id))["state"] != "ended":
            await asyncio.sleep(0.05)
    return call


async def answered(gateway: Gateway, call_id: str) -> None:
    """Wait until the record says that somebody has answered."""
    async with asyncio.timeout(60):
        while not (await record(gateway, call_id))["answered_at"]:
            await asyncio.sleep(0.05)


async def test_daily_alone_ends_a_call_whose_bot_crashed(
    simulator: SimulatorServer, gateway: Gateway
) -> None:
    """The bot joins, dials, is answered and vanishes without a word: the call ends, and nothing is left."""
    world = simulator.world
    call_id, room, session = await place(gateway, simulator)
    bot = enter(world, room)
    leg = await dial(world, room, ring_s=0.1)
    await until(lambda: leg in room.legs)
    await answered(gateway, call_id)
    world.rooms.leave(room, bot)
    call = await ended(gateway, call_id)
    assert call["ended_reason"] == "bot_crashed", call
    assert call["answered_at"]
    await until(lambda: world.rooms.get(room.name) is None)
    await until(lambda: session.ended_at is not None)


async def test_a_cancel_stops_the_ringing(simulator: SimulatorServer, gateway: Gateway) -> None:
    """DELETE /calls/{id} while a phone rings: it stops ringing, bot and room go, the call is canceled."""
    world = simulator.world
    call_id, room, session = await place(gateway, simulator)
    enter(world, room)
    await dial(world, room)
    (rings,) = world.records.all()
    await until(lambda: rings.state == "ringing")
    key = {"Authorization": f"Bearer {KEY}"}
    assert (await gateway.send("DELETE", f"/calls/{call_id}", headers=key)).status in {200, 202}
    assert (await ended(gateway, call_id))["ended_reason"] == "canceled"
    await asyncio.wait_for(rings.done.wait(), 30)
    await until(lambda: world.rooms.get(room.name) is None)
    await until(lambda: session.ended_at is not None)


async def test_a_handed_over_call_is_open_until_its_line_ends(
    simulator: SimulatorServer, gateway: Gateway
) -> None:
    """After a cold transfer the bot leaves; the call goes on untouched until Daily says that it is over."""
    world = simulator.world
    call_id, room, _ = await place(gateway, simulator)
    bot = enter(world, room)
    leg = await dial(world, room, ring_s=0.1)
    await until(lambda: leg in room.legs)
    await report(gateway, call_id, "answered", dial=1, session_id=leg)
    world.people.put(OPERATOR, Person(ring_s=0.2, script=[{"wait": 8.0}, {"hang_up": True, "at_once": True}]))
    assert await world.network.sip_call_transfer(room, {"sessionId": leg, "toEndPoint": OPERATOR}) is None
    await report(gateway, call_id, "ended", reason="transferred")
    world.rooms.leave(room, bot)
    theirs = next(one for one in world.records.all() if one.to_number == OPERATOR)
    await until(lambda: theirs.marked("answered"))
    await asyncio.sleep(3 * HASTE.patience.settle_s)  # long enough to be judged, were it not handed over
    assert (await record(gateway, call_id))["state"] == "transferring"
    assert not theirs.done.is_set()
    call = await ended(gateway, call_id)
    assert (call["ended_reason"], theirs.done.is_set()) == ("transferred", True)
    await until(lambda: world.rooms.get(room.name) is None)


async def report(gateway: Gateway, call_id: str, kind: str, **data: Any) -> None:
    """Report as the bot of the first attempt does."""
    token = gateway.app.state.link_tokens.issue(call_id, 1, 600)
    event = {"id": uuid.uuid4().hex, "sequence": 1, "type": kind, "at": now(), "data": data}
    reply = await gateway.send(
        "POST",
        f"/link/calls/{call_id}/events",
        json={"session_id": "s", "events": [event]},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert reply.status == 200, reply.body


def now() -> str:
    """RFC 3339."""
    return datetime.now(UTC).isoformat()


async def test_the_bots_token_names_the_bot(
    simulator: SimulatorServer, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token that a bot gets carries the user id by which Daily's presence tells it from phones."""
    tokens = simulator.world.tokens
    made: list[Mapping[str, Any]] = []
    sign = tokens.sign

    def tapped(properties: Mapping[str, Any], *, key: str, now: float) -> str:
        made.append(properties)
        return sign(properties, key=key, now=now)

    monkeypatch.setattr(tokens, "sign", tapped)
    await place(gateway, simulator)
    assert [claims["user_id"] for claims in made] == [BOT_USER_ID]
    assert time.time() < made[0]["exp"]
