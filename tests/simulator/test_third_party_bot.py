import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from frontdesk.demo.laptop import free_ports
from frontdesk.simulator.foreign.environment import environment_of
from frontdesk.simulator.server import SimulatorServer
from frontdesk.simulator.settings import SimulatorSettings

BOT = Path(__file__).parent / "third_party" / "bot.py"
CALL = {
    "from": "+14155550142",
    "to": "+12025550100",
    "script": ["What are your opening hours?", "Have a nice day."],
    "pause_s": 2,
}
# The bot is to find these by its own means.
HARD_WIRED = ("DEEPGRAM_BASE_URL", "OPENAI_BASE_URL", "CARTESIA_URL", "PIPECAT_API_URL")


def surroundings(simulator: SimulatorServer) -> dict[str, str]:
    """What the machine has anyway, and the simulator's variables; nothing else tells the bot where it is."""
    machine = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    variables = environment_of(simulator.base_url)
    return machine | {name: value for name, value in variables.items() if name not in HARD_WIRED}


@asynccontextmanager
async def running_bot(simulator: SimulatorServer, port: int, folder: Path) -> AsyncIterator[None]:
    """The bot under pipecat's own dev runner, as a process of its own."""
    log = (folder / "bot.log").open("wb")
    arguments = [str(BOT), "-t", "daily", "--dialin", "--host", "127.0.0.1", "--port", str(port)]
    variables = await asyncio.to_thread(surroundings, simulator)
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env=variables, cwd=folder, stdout=log, stderr=log
    )
    try:
        async with httpx2.AsyncClient(trust_env=False) as client, asyncio.timeout(120):
            while process.returncode is None:
                try:
                    await client.get(f"http://127.0.0.1:{port}/")
                    break
                except httpx2.TransportError:
                    await asyncio.sleep(0.1)
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        log.close()


@pytest.mark.system
@pytest.mark.timeout(300)
async def test_a_bot_that_knows_nothing_of_this_project_answers_a_call(tmp_path: Path) -> None:
    """With environment variables alone a bot with hard-wired vendors has a whole conversation."""
    (port,) = free_ports(1)
    settings = SimulatorSettings(
        port=0, record_dir=None, dialin_webhook_url=f"http://127.0.0.1:{port}/daily-dialin-webhook"
    )
    async with (
        SimulatorServer(settings) as simulator,
        running_bot(simulator, port, tmp_path),
        httpx2.AsyncClient(base_url=simulator.base_url, trust_env=False) as control,
        asyncio.timeout(150),
    ):
        call = (await control.post("/sim/calls", json=CALL)).json()
        while call["state"] != "ended":
            await asyncio.sleep(0.2)
            call = (await control.get(f"/sim/calls/{call['id']}")).json()
    # The bot's process may stall between two sentences, which are two pieces then.
    assert " ".join(call["heard"]) == (
        "Hello, thank you for calling. How can I help you today? "
        "We are open from nine to five, Monday to Friday. "
        "Thank you for calling. Goodbye."
    ), (tmp_path / "bot.log").read_text()[-4000:]
    assert simulator.world.vendors.uses["deepgram"] >= 1
