"""Fixtures of the bot's tests: one simulator and one bot process per module."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from frontdesk.simulator.server import SimulatorServer
from frontdesk.simulator.settings import SimulatorSettings
from tests.agent.stage import BotProcess, Stage


@pytest.fixture(scope="module")
def bot_variables() -> dict[str, str]:
    """Variables of the bot; a module may give its own."""
    return {}


@pytest.fixture(scope="module")
def bot_program() -> str:
    """The script that is run; a module may give its own."""
    return "bot.py"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_stage(
    bot_variables: dict[str, str], bot_program: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    settings = SimulatorSettings(port=0, record_dir=tmp_path_factory.mktemp("calls"))
    async with (
        SimulatorServer(settings) as simulator,
        BotProcess(simulator.base_url, bot_variables, bot_program) as bot,
    ):
        stage = Stage(simulator, bot)
        await stage.open()
        yield stage
        await stage.close()


@pytest_asyncio.fixture(loop_scope="module")
async def stage(shared_stage: Stage) -> AsyncIterator[Stage]:
    """The module's stage, with nothing broken."""
    shared_stage.overrides = {}
    yield shared_stage
    shared_stage.world.vendors.reset()
    shared_stage.world.faults.clear()
