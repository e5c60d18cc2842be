"""Our endpoint at Daily: registered once, corrected, shown, woken again."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
from typer.testing import CliRunner

from frontdesk.cli import app
from frontdesk.daily.api import DailyApi
from frontdesk.daily.watchdog import WebhookWatchdog
from frontdesk.daily.webhooks import EVENT_TYPES, DomainWebhooks
from frontdesk.errors import DailyUnauthorizedError, WebhookRefusedError
from frontdesk.simulator.faults.plan import EndpointFault
from frontdesk.simulator.rest.webhooks import EVENT_TYPES as DAILYS_EVENT_TYPES
from frontdesk.simulator.rooms.room import Room
from frontdesk.simulator.server import SimulatorServer
from tests.daily.door import SECRET
from tests.daily.scene import until
from tests.simulator.catcher import Catcher

OTHER_SECRET = base64.b64encode(b"another secret").decode()


@pytest.fixture
async def catcher() -> AsyncIterator[Catcher]:
    async with Catcher() as running:
        yield running


@pytest.fixture
def webhooks(daily: DailyApi, catcher: Catcher) -> DomainWebhooks:
    return DomainWebhooks(daily, url=f"{catcher.url}/daily-events", secret=SECRET)


async def registered(daily: DailyApi, webhooks: DomainWebhooks, **changes: Any) -> None:
    """What somebody registered by hand."""
    body = {"url": webhooks.url, "hmac": SECRET, "eventTypes": list(EVENT_TYPES), "retryType": "exponential"}
    await daily.ask("POST", "/webhooks", body | changes)


def test_we_ask_for_events_that_daily_has() -> None:
    """Every event type that we register exists."""
    assert set(EVENT_TYPES) <= DAILYS_EVENT_TYPES


async def test_it_is_registered_once(webhooks: DomainWebhooks, simulator: SimulatorServer) -> None:
    """Registering twice leaves one endpoint: all our event types, exponential retries, our secret."""
    assert [await webhooks.register(), await webhooks.register()] == ["created", "unchanged"]
    (endpoint,) = simulator.world.events.endpoints.values()
    assert endpoint.event_types == set(EVENT_TYPES)
    assert (endpoint.retry_type, endpoint.hmac) == ("exponential", SECRET)


@pytest.mark.parametrize(
    "changes",
    [
        {"hmac": OTHER_SECRET},
        {"retryType": "circuit-breaker"},
        {"eventTypes": ["dialout.answered"]},
        {"eventTypes": sorted(DAILYS_EVENT_TYPES)},
    ],
)
async def test_what_differs_is_corrected(
    daily: DailyApi, webhooks: DomainWebhooks, simulator: SimulatorServer, changes: dict[str, Any]
) -> None:
    """A registration that is not as it should be is updated in its place, and right after that."""
    await registered(daily, webhooks, **changes)
    before = list(simulator.world.events.endpoints)
    assert [await webhooks.register(), await webhooks.register()] == ["updated", "unchanged"]
    assert list(simulator.world.events.endpoints) == before


async def test_doubles_are_removed_and_others_left_alone(
    daily: DailyApi, webhooks: DomainWebhooks, catcher: Catcher
) -> None:
    """Of two registrations of ours one stays; those of other applications are not touched."""
    for _ in range(2):
        await registered(daily, webhooks)
    await registered(daily, webhooks, url=f"{catcher.url}/somebody-else")
    assert await webhooks.register() == "updated"
    assert len(await webhooks.ours()) == 1
    assert len(await webhooks.list_all()) == 2
    assert [await webhooks.remove(), await webhooks.remove()] == [1, 0]
    assert len(await webhooks.list_all()) == 1


async def test_an_endpoint_that_does_not_answer_is_an_error_with_advice(
    webhooks: DomainWebhooks, catcher: Catcher
) -> None:
    """When our endpoint fails Daily's test, nothing is registered and the error says what to check."""
    catcher.statuses = [503]
    with pytest.raises(WebhookRefusedError, match="did not take") as caught:
        await webhooks.register()
    assert "PUBLIC_URL" in caught.value.detail
    assert await webhooks.list_all() == []


async def test_a_missing_card_is_named(webhooks: DomainWebhooks, simulator: SimulatorServer) -> None:
    """An account without a card is told to get one."""
    body = {"error": "invalid-request-error", "info": "Please add a credit card to your account"}
    simulator.world.faults.add(EndpointFault(method="POST", route="/v1/webhooks", status=400, body=body))
    with pytest.raises(WebhookRefusedError) as caught:
        await webhooks.register()
    assert "payment card" in caught.value.detail


async def test_a_refused_key_is_named(webhooks: DomainWebhooks, simulator: SimulatorServer) -> None:
    """A key that Daily refuses is an error of its own."""
    fault = EndpointFault(route="/v1/webhooks", status=401, body={"error": "authentication-error"})
    simulator.world.faults.add(fault)
    with pytest.raises(DailyUnauthorizedError):
        await webhooks.register()


async def test_the_watchdog_wakes_a_failed_endpoint(
    daily: DailyApi, webhooks: DomainWebhooks, simulator: SimulatorServer, catcher: Catcher
) -> None:
    """Three failures trip Daily's circuit breaker; the watchdog wakes it, and events come again."""
    await registered(daily, webhooks, retryType="circuit-breaker")
    events, room = simulator.world.events, Room("a", "http://127.0.0.1/a", {}, "public", 0.0)
    (endpoint,) = events.endpoints.values()
    catcher.statuses = [500, 500, 500]
    for _ in range(3):
        await events.emit("dialout.answered", room, {})
    await until(lambda: endpoint.state == "FAILED")
    watchdog = WebhookWatchdog(webhooks)
    assert [await watchdog.look(), await watchdog.look()] == ["FAILED", "ACTIVE"]
    assert (endpoint.state, endpoint.retry_type) == ("ACTIVE", "exponential")
    catcher.caught.clear()
    await events.emit("dialout.answered", room, {})
    (caught,) = await catcher.wait_for(1)
    assert caught.body["type"] == "dialout.answered"


async def test_the_watchdog_outlives_trouble(webhooks: DomainWebhooks, simulator: SimulatorServer) -> None:
    """Missing registrations and a Daily that fails are states, not exceptions; nothing is registered."""
    watchdog = WebhookWatchdog(webhooks)
    assert await watchdog.look() == "MISSING"
    simulator.world.faults.add(EndpointFault(route="/v1/webhooks", status=500))
    assert await watchdog.look() == "UNKNOWN"
    assert simulator.world.events.endpoints == {}


async def test_two_watchdogs_are_harmless(
    daily: DailyApi, webhooks: DomainWebhooks, simulator: SimulatorServer
) -> None:
    """Two gateways that wake the same endpoint leave one active endpoint."""
    await registered(daily, webhooks)
    (endpoint,) = simulator.world.events.endpoints.values()
    endpoint.state = "FAILED"
    (webhook,) = await webhooks.ours()
    await webhooks.wake(webhook)
    await webhooks.wake(webhook)
    assert [one.state for one in await webhooks.list_all()] == ["ACTIVE"]


@pytest.fixture
def environment(
    simulator: SimulatorServer, catcher: Catcher, monkeypatch: pytest.MonkeyPatch
) -> pytest.MonkeyPatch:
    values = {
        "PYTHON_DOTENV_DISABLED": "1",
        "DAILY_API_KEY": "a-key",
        "DAILY_API_URL": f"{simulator.base_url}/v1",
        "DAILY_EVENTS_SECRET": SECRET,
        "PUBLIC_URL": catcher.url,
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


async def command(*words: str) -> tuple[int, str]:
    """Run a command in a thread, as it runs a loop of its own; exit code and output."""
    result = await asyncio.to_thread(CliRunner().invoke, app, ["daily", "webhooks", *words])
    return result.exit_code, result.output


async def test_the_command_registers_shows_and_removes(
    environment: pytest.MonkeyPatch, simulator: SimulatorServer
) -> None:
    """The three commands do what they say, say it in a sentence, and may be repeated."""
    assert (await command("show"))[0] == 1
    assert "registered: Daily sends" in (await command("register"))[1]
    assert "nothing to do" in (await command("register"))[1]
    code, shown = await command("show")
    assert code == 0
    assert "ACTIVE" in shown
    assert SECRET not in shown
    (endpoint,) = simulator.world.events.endpoints.values()
    endpoint.state = "FAILED"
    code, shown = await command("show")
    assert code == 1
    assert "given up by Daily" in shown
    assert "corrected" in (await command("register"))[1]
    assert (await command("remove"))[1].startswith("removed")
    assert "not registered" in (await command("remove"))[1]


async def test_the_command_explains_itself(environment: pytest.MonkeyPatch, catcher: Catcher) -> None:
    """A missing secret, a refused key and a silent endpoint end in a sentence and an exit code."""
    catcher.statuses = [502, 502]
    code, output = await command("register")
    assert code == 1
    assert "PUBLIC_URL" in output
    assert "answers Daily's test with 502" in output
    environment.delenv("DAILY_EVENTS_SECRET")
    code, output = await command("register")
    assert code == 2
    assert "DAILY_EVENTS_SECRET" in output
