"""A simulator in the test's own event loop, and what talks to it."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from frontdesk.simulator.server import SimulatorServer
from frontdesk.simulator.settings import SimulatorSettings
from tests.simulator.catcher import DEADLINE_S, Api, Catcher


@pytest.fixture
async def simulator() -> AsyncIterator[SimulatorServer]:
    async with SimulatorServer(SimulatorSettings(port=0, record_dir=None)) as running:
        yield running


@pytest.fixture
async def catcher() -> AsyncIterator[Catcher]:
    async with Catcher() as catcher:
        yield catcher


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=DEADLINE_S)) as session:
        yield session


@pytest.fixture
def api(simulator: SimulatorServer, http: aiohttp.ClientSession) -> Api:
    """Daily's REST API with a good key."""
    return Api(f"{simulator.base_url}/v1", http)
