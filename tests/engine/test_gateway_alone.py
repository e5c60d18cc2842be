"""A gateway whose queue is out of reach: calls in are answered, calls out are accepted and come later."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.engine.servers import Line, line, queue_place
from tests.gateway.conftest import Configure, configure, far
from tests.gateway.far import Far
from tests.gateway.gate import Reply, incoming
from tests.gateway.process import GatewayProcess

__all__ = ["configure", "far"]


@pytest.fixture
async def far_queue() -> AsyncIterator[tuple[Line, str]]:
    """A queue's database that can be put out of reach."""
    async with queue_place() as url, line(url) as (way, near):
        yield way, near


@pytest.fixture
def process(configure: Configure, far_queue: tuple[Line, str], tmp_path: Path) -> GatewayProcess:
    """A gateway with its books in a file and its queue out there."""
    settings = configure(database_url=f"sqlite:///{tmp_path / 'frontdesk.db'}")
    made = GatewayProcess(settings, tmp_path)
    made._variables["ENGINE_DATABASE_URL"] = far_queue[1]
    return made


async def dial(process: GatewayProcess) -> Reply:
    """Ask for a call out, without waiting for its launch."""
    body = {"dialout_settings": {"phone_number": "+12025550123"}}
    return await process.send("POST", "/dialout", json=body, headers={"Prefer": "respond-async"})


async def answered(process: GatewayProcess) -> None:
    """Have somebody call in, whose bot must be started; the webhook may be answered before it is."""
    call = incoming()
    async with asyncio.timeout(60):
        while (reply := await process.ring(call)).body["status"] != "started":
            assert (reply.status, reply.body["status"]) == (200, "launching")
            await asyncio.sleep(0.1)


def launched(far: Far) -> set[str]:
    """Ids of the calls that bots were started for."""
    return {seen.body["body"]["call_id"] for seen in far.of("/start")}


async def test_a_queue_out_of_reach_at_the_start(
    process: GatewayProcess, far_queue: tuple[Line, str], far: Far
) -> None:
    """The gateway starts and answers without its queue, and calls whom it must when that is there."""
    way, _ = far_queue
    way.cut()
    async with process:
        await answered(process)
        accepted = await dial(process)
        assert accepted.status == 202
        assert accepted.body["call_id"] not in launched(far)
        way.mend()
        await far.until(lambda: accepted.body["call_id"] in launched(far), deadline_s=60)


async def test_a_queue_that_goes_away(process: GatewayProcess, far_queue: tuple[Line, str], far: Far) -> None:
    """While it is away calls in are answered and calls out accepted, and the gateway ends when told to."""
    way, _ = far_queue
    async with process:
        first = await dial(process)
        await far.until(lambda: first.body["call_id"] in launched(far), deadline_s=60)
        way.cut()
        await answered(process)
        assert (await dial(process)).status == 202
        process._process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(90):
            await process._process.wait()
        assert "the books are closed" in process._log.read_text()
