"""Fixtures for the simulator's tests: a simulator on a free port, a webhook receiver, a process with bots."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from frontdesk.simulator.clock import ManualClock
from frontdesk.simulator.server import SimulatorServer
from frontdesk.simulator.settings import SimulatorSettings
from tests.simulator.phone.bot_host import BotHost
from tests.simulator.phone.stage import Desk, Stage


@pytest.fixture(scope="session")
def bot_host() -> Iterator[BotHost]:
    host = BotHost()
    yield host
    host.close()


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with Desk() as desk:
        yield desk


@pytest.fixture
def settings(tmp_path: Path, desk: Desk) -> SimulatorSettings:
    return SimulatorSettings(port=0, record_dir=tmp_path / "calls", dialin_webhook_url=desk.url)


@pytest.fixture
async def simulator(settings: SimulatorSettings) -> AsyncIterator[SimulatorServer]:
    async with SimulatorServer(settings) as server:
        yield server


@pytest.fixture
async def frozen(settings: SimulatorSettings) -> AsyncIterator[SimulatorServer]:
    """A simulator whose time moves only by `world.clock.advance`."""
    async with SimulatorServer(settings, ManualClock()) as server:
        yield server


@pytest.fixture
def stage(simulator: SimulatorServer, desk: Desk, bot_host: BotHost) -> Stage:
    return Stage(simulator, desk, bot_host)
