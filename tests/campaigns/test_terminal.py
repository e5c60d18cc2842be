"""`frontdesk campaign` against a gateway that listens."""

import asyncio
import io
import os
import pty
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from rich.console import Console

from frontdesk.calls.client import ApiError
from frontdesk.campaigns.watching import Watching
from frontdesk.keys.models import EVERYTHING
from tests.campaigns.campaign_office import (
    Office,
    a_csv,
    an_app,
    end_all,
    number,
    numbers,
    own_organization,
)


@dataclass
class Terminal:
    """Runs the command against a gateway."""

    office: Office
    url: str
    key: str
    folder: Path

    async def run(self, *words: str) -> tuple[int, str]:
        """Its exit status, and all that it said."""
        running = await self.start(*words)
        out, _ = await running.communicate()
        return running.returncode or 0, out.decode()

    async def start(self, *words: str, **options: Any) -> asyncio.subprocess.Process:
        """The command, as a process of its own."""
        environment = os.environ | {"FRONTDESK_URL": self.url, "FRONTDESK_API_KEY": self.key}
        pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.STDOUT} | options
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "frontdesk", "campaign", *words), env=environment, **pipes
        )

    def file(self, content: bytes) -> str:
        """A file to send."""
        path = self.folder / "check-ups.csv"
        path.write_bytes(content)
        return str(path)


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """One kind is enough: the command sees none of it."""
    return f"sqlite:///{tmp_path / 'frontdesk.db'}"


@pytest.fixture
async def terminal(office: Office, tmp_path: Path) -> AsyncIterator[Terminal]:
    listener = socket.create_server(("127.0.0.1", 0))
    app = an_app(office.gateway, office.keyring)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve([listener]))
    rounds = asyncio.create_task(office.gateway.campaigns.run())
    key = (await office.keyring.create("terminal", own_organization(), EVERYTHING))[1]
    yield Terminal(office, f"http://127.0.0.1:{listener.getsockname()[1]}", key, tmp_path)
    rounds.cancel()
    server.should_exit = True
    await asyncio.wait({serving, rounds})
    listener.close()


@pytest.fixture
async def phones(terminal: Terminal) -> AsyncIterator[None]:
    """Whatever waits ends, again and again."""

    async def end() -> None:
        while True:
            for campaign in await terminal.office.gateway.campaigns.store.page(None, None, 10):
                await end_all(terminal.office.gateway, campaign.id)
            await asyncio.sleep(0.05)

    ending = asyncio.create_task(end())
    yield
    ending.cancel()
    await asyncio.wait({ending})


async def the_campaign(terminal: Terminal) -> dict[str, Any]:
    """The newest one."""
    listed = (await terminal.office.ask("GET", "/campaigns")).json()["campaigns"]
    return dict(listed[0])


@pytest.mark.usefixtures("phones")
async def test_from_file_to_end(terminal: Terminal) -> None:
    """A good file is sent, started, watched to its end, and its result is saved."""
    status, said = await terminal.run("run", terminal.file(numbers(70)), "--timezone", "America/New_York")
    assert (status, "completed: 70 invalid_number" in said) == (0, True), said
    campaign = await the_campaign(terminal)
    assert (campaign["name"], campaign["state"]) == ("check-ups", "completed")
    to = terminal.folder / "result.csv"
    status, said = await terminal.run("result", campaign["campaign_id"], str(to))
    assert status == 0, said
    assert len(to.read_text().splitlines()) == 71


@pytest.mark.usefixtures("phones")
async def test_problems_are_shown(terminal: Terminal) -> None:
    """What is wrong is shown by row; nothing starts without consent, which `--yes` gives."""
    path = terminal.file(a_csv(number(0), "+1999", number(0), number(1)))
    options = ("run", path, "--timezone", "UTC")
    status, said = await terminal.run(*options)
    assert status == 1
    assert "row 2: phone_number" in said
    assert "row 3: phone_number is the number of row 1" in said
    assert "2 of 4 rows cannot be called: 1 with wrong values, 1 duplicates" in said
    assert (await the_campaign(terminal))["state"] == "draft"
    status, said = await terminal.run(*options, "--yes")
    assert (status, "completed: 2 invalid_number" in said) == (0, True), said


@pytest.mark.parametrize(
    ("content", "told"), [(b"Jane\n", "no header"), (b"phone_number\n", "holds no rows")]
)
async def test_a_file_that_cannot_be_read(terminal: Terminal, content: bytes, told: str) -> None:
    """The command fails, and says why."""
    status, said = await terminal.run("run", terminal.file(content))
    assert status == 1
    assert told in said


async def test_a_gateway_that_is_not_there(terminal: Terminal) -> None:
    """A command that reaches nobody says so."""
    terminal.url = "http://127.0.0.1:9"
    status, said = await terminal.run("show", "a" * 32)
    assert (status, "cannot be reached" in said) == (1, True)


async def test_a_pause_is_explained(terminal: Terminal) -> None:
    """A campaign that pauses ends the watching, with the reason and a status of its own."""
    campaign = await terminal.office.sent(numbers(3))
    await terminal.run("pause", campaign["campaign_id"])
    status, said = await terminal.run("watch", campaign["campaign_id"])
    assert status == 3
    assert "Paused: requested" in said


@pytest.mark.parametrize(("settings", "state"), [({}, "canceled"), ({"start": False}, "draft")])
async def test_what_is_not_complete_is_no_success(
    terminal: Terminal, settings: dict[str, Any], state: str
) -> None:
    """Watching a campaign that was canceled, or was never started, ends with a status that is no success."""
    campaign = await terminal.office.sent(numbers(3), settings)
    if state == "canceled":
        await terminal.run("cancel", campaign["campaign_id"])
    status, said = await terminal.run("watch", campaign["campaign_id"])
    assert (status, f"{state}: " in said) == (1, True), said


@pytest.mark.parametrize(("answer", "state"), [("p", "paused"), ("c", "canceled"), ("", "running")])
async def test_ctrl_c_asks(terminal: Terminal, answer: str, state: str) -> None:
    """Ctrl-C in a terminal asks whether to pause, cancel or leave the campaign."""
    campaign = await terminal.office.sent(numbers(3))
    ours, theirs = pty.openpty()
    ends = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    running = await terminal.start("watch", campaign["campaign_id"], **ends)
    os.close(theirs)
    await asyncio.to_thread(_read_until, ours, b"running")
    running.send_signal(signal.SIGINT)
    await asyncio.to_thread(_read_until, ours, b"eave it running?")
    os.write(ours, f"{answer}\n".encode())
    assert await running.wait() == 0
    os.close(ours)
    assert (await terminal.office.find(campaign))["state"] == state


def _read_until(end: int, word: bytes) -> None:
    said = b""
    while word not in said:
        said += os.read(end, 4096)


class Script:
    """A campaign that comes on step by step."""

    def __init__(self, *steps: dict[str, Any] | ApiError) -> None:
        self._steps = list(steps)

    async def find(self, campaign_id: str) -> dict[str, Any]:
        step = self._steps.pop(0)
        if isinstance(step, ApiError):
            raise step
        return step


def a_step(state: str, ended: int, **counts: int) -> dict[str, Any]:
    """How a campaign of ten rows stands."""
    progress = {"total": 10, "pending": 0, "waiting": 0, "going_on": 0, "ended": ended, "reasons": {}}
    return {"state": state, "ended_at": None, "report": {"rows": 10}, "progress": progress | counts}


async def watched(console: Console, *steps: dict[str, Any] | ApiError) -> dict[str, Any]:
    """Watch without waiting."""

    async def at_once(_seconds: float) -> None:
        return

    return await Watching(Script(*steps), console, pause=at_once).until_still("c")


async def test_a_bar_grows() -> None:
    """In a terminal, a bar shows how many calls have ended, and what the others do."""
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=120)
    last = await watched(console, a_step("running", 3, going_on=2, waiting=5), a_step("completed", 10))
    assert last["state"] == "completed"
    assert "10/10" in text.getvalue()


async def test_rows_that_never_became_calls_are_named() -> None:
    """At its end, a campaign tells how many rows were not called, and why; none of them is still to come."""
    text = io.StringIO()
    await watched(Console(file=text, width=120), a_step("completed", 4, expired=6))
    assert "completed: 4 of 10, 6 never called: the time was over" in text.getvalue()
    assert "to come" not in text.getvalue()


async def test_an_outage_is_waited_for() -> None:
    """A gateway that is away for a while is asked again; one that refuses is not."""
    text = io.StringIO()
    away = ApiError("the gateway cannot be reached (X)", final=False)
    await watched(Console(file=text), away, away, a_step("completed", 10))
    assert "next try in 2 s" in text.getvalue()
    with pytest.raises(ApiError):
        await watched(Console(file=text), ApiError("no", final=True))


async def test_whose_name_it_has(terminal: Terminal) -> None:
    """The campaign's name is that of the option, else that of the settings, else that of the file."""
    told = terminal.folder / "settings.json"
    names = []
    for settings, options in (('{"name": "a"}', ["--name", "b"]), ('{"name": "a"}', []), ("{}", [])):
        told.write_text(settings)
        await terminal.run("run", terminal.file(a_csv("+12")), "--settings", str(told), *options)
        names.append((await the_campaign(terminal))["name"])
    assert names == ["b", "a", "check-ups"]


async def test_a_result_is_for_its_owner_alone(terminal: Terminal) -> None:
    """Only its owner can read a result, also where it replaces a file, or a broken rest, that all could."""
    campaign = await terminal.office.sent(numbers(3), {"start": False})
    to = terminal.folder / "result.csv"
    for left in (None, to, terminal.folder / "result.csv.part"):
        if left is not None:
            left.write_text("old")
            left.chmod(0o644)
        status, said = await terminal.run("result", campaign["campaign_id"], str(to))
        assert (status, stat.S_IMODE(to.stat().st_mode)) == (0, 0o600), said
        assert len(to.read_text().splitlines()) == 4
    assert [path.name for path in terminal.folder.glob("result*")] == ["result.csv"]


async def test_a_result_that_cannot_be_saved(terminal: Terminal) -> None:
    """A folder that is not there is told in one line."""
    await terminal.run("run", terminal.file(a_csv("+12")))
    campaign_id = (await the_campaign(terminal))["campaign_id"]
    status, said = await terminal.run("result", campaign_id, str(terminal.folder / "none" / "x.csv"))
    assert (status, len(said.strip().splitlines()), "No such file" in said) == (1, 1, True), said
