"""A simulated Daily, the gateway's ways to it, and a database."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from frontdesk.daily.api import DailyApi
from frontdesk.daily.pace import Turns
from frontdesk.daily.removal import RoomRemover
from frontdesk.simulator.server import SimulatorServer
from frontdesk.simulator.settings import SimulatorSettings
from frontdesk.storage.database import Database
from tests.daily.desk import Desk
from tests.daily.door import door_of
from tests.daily.scene import at_work
from tests.databases import database, database_url

__all__ = ["database", "database_url"]


@pytest.fixture
async def simulator() -> AsyncIterator[SimulatorServer]:
    async with SimulatorServer(SimulatorSettings(port=0, record_dir=None, rate_limits=False)) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def daily(simulator: SimulatorServer, http: aiohttp.ClientSession) -> DailyApi:
    """The simulated Daily."""
    return DailyApi(http, api_url=f"{simulator.base_url}/v1", api_key="a-key", timeout_s=30)


@pytest.fixture
async def remover(simulator: SimulatorServer, http: aiohttp.ClientSession) -> RoomRemover:
    """Deletes rooms there, without a pace."""
    return RoomRemover(
        http, api_url=f"{simulator.base_url}/v1", api_key="a-key", timeout_s=30, turns=Turns(1000, 1.0)
    )


@pytest.fixture
async def desk(database: Database, tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(database, tmp_path / "spool")
    async with desk.inbox.running(), door_of(desk.inbox) as door:
        desk.door = door
        yield desk


@pytest.fixture
async def working(desk: Desk) -> AsyncIterator[Desk]:
    """The same with the worker at work."""
    async with at_work(desk.worker):
        yield desk
