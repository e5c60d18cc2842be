"""The bot as a process: what it says when it cannot start, and when its host stops it."""

import asyncio
import json
import os
import sys
import uuid
from pathlib import Path

import pytest

from frontdesk.simulator.phone.people import Outcome, Person
from tests.agent.stage import DEADLINE_S, ROOT, Stage

NEEDED = ("DAILY_API_KEY", "DEEPGRAM_API_KEY", "OPENAI_API_KEY", "CARTESIA_API_KEY")


async def start(*command: str, **variables: str) -> asyncio.subprocess.Process:
    kept = {name: value for name, value in os.environ.items() if name not in NEEDED}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        cwd=ROOT,
        env=kept | {"PYTHONPATH": str(ROOT), "PYTHON_DOTENV_DISABLED": "1"} | variables,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


@pytest.mark.system
async def test_a_missing_key_is_said_when_the_bot_starts() -> None:
    """All missing variables are listed at once, at the start and not at the first call."""
    process = await start("bot.py")
    async with asyncio.timeout(DEADLINE_S):
        said, _ = await process.communicate()
    assert process.returncode == 1
    assert all(name in said.decode() for name in NEEDED)
    assert "Traceback" not in said.decode()


@pytest.mark.system
async def test_organizations_that_cannot_be_used_are_said_when_the_bot_starts(tmp_path: Path) -> None:
    """A broken file of clinics/ is named by file and field."""
    (tmp_path / "clinic.yaml").write_text("name: Half a clinic\n")
    keys = dict.fromkeys(NEEDED, "a-key-1234")
    process = await start("bot.py", CLINICS_DIR=str(tmp_path), **keys)
    async with asyncio.timeout(DEADLINE_S):
        said, _ = await process.communicate()
    assert process.returncode == 1
    assert "clinic.yaml: opening_hours" in said.decode()


@pytest.mark.system
async def test_a_host_that_reads_the_log_back_gets_each_line_once(tmp_path: Path) -> None:
    """On Pipecat Cloud each line is written and shipped once and masked, and is not logged again for ever."""
    shipped = tmp_path / "bot.jsonl"
    process = await start("tests/agent/cloud_capture.py", str(shipped))
    try:
        async with asyncio.timeout(DEADLINE_S):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    for text in (said.decode(), shipped.read_text()):
        assert [json.loads(line)["message"] for line in text.splitlines()] == ["calling +[number]"]


@pytest.mark.system
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("outcome", [Outcome.ANSWER, Outcome.NO_ANSWER], ids=["talking", "ringing"])
async def test_a_bot_whose_host_stops_the_session_ends_with_a_reason(stage: Stage, outcome: Outcome) -> None:
    """Pipecat Cloud cancels at the session's cap: the bot says so, leaves the room, and no phone rings on."""
    number = {"answer": "+14155550151", "no_answer": "+14155550152"}[outcome]
    stage.world.people.put(number, Person(outcomes=[outcome], ring_s=0.5, stays=True, patience_s=60))
    call_id = str(uuid.uuid4())
    body = await stage.request(call_id, {"enable_dialout": True})
    body |= {"workflow": "outreach", "dialout_settings": {"phone_number": number}}
    process = await start("tests/agent/lone_bot.py", **stage.bot.variables)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(body).encode() + b"\n")
    awaited = "step first_word" if outcome is Outcome.ANSWER else "step ringing"
    lines: list[str] = []
    async with asyncio.timeout(DEADLINE_S):
        while not lines or awaited not in lines[-1]:
            lines.append((await process.stdout.readline()).decode())
        process.stdin.write(b"stop\n")
        rest, _ = await process.communicate()
        (record,) = await stage.outgoing(number, 1)
        await record.done.wait()
    assert "reason=canceled detail=host" in rest.decode()
    assert "task canceled" in rest.decode()
