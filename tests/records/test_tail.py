"""`frontdesk calls tail`: live calls in a terminal, numbers hidden, through outages."""

import asyncio
import io
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from rich.console import Console

from frontdesk.calls.board import Board
from frontdesk.calls.client import ApiError, CallsClient
from frontdesk.calls.tables import calls
from frontdesk.calls.tail import Tail
from tests.gateway.conftest import Configure, configure, far
from tests.gateway.gate import KEY, Gateway, serving
from tests.records.office import _ENDED as ENDED
from tests.records.office import LIVE, NOW

__all__ = ["configure", "far"]

CHECKOUT = Path(__file__).resolve().parents[2]


def shown(**changes: Any) -> dict[str, Any]:
    """A call as the API shows it."""
    call: dict[str, Any] = {
        "call_id": "0" * 31 + "1",
        "direction": "inbound",
        "from": "+12025550123",
        "to": "+14155550100",
        "state": "in_progress",
        "canceling": False,
        "created_at": "2027-01-15T08:00:00.000Z",
        "ended_at": None,
        "ended_reason": None,
    }
    return call | changes


ENDED_CALL = {"state": "ended", "ended_at": "2027-01-15T08:00:42.000Z", "ended_reason": "caller_hangup"}


class Script:
    """Answers one after the other, then no more."""

    def __init__(self, *answers: list[dict[str, Any]] | ApiError) -> None:
        self._answers = list(answers)
        self.pauses: list[float] = []

    async def latest(self) -> list[dict[str, Any]]:
        if not self._answers:
            raise asyncio.CancelledError
        answer = self._answers.pop(0)
        if isinstance(answer, ApiError):
            raise answer
        return answer

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


async def watched(script: Script, *, terminal: bool = False, numbers: bool = False) -> str:
    """What a tail shows until the script is over."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=110, height=20)
    tail = Tail(script, console, Board(numbers=numbers), pause=script.pause, clock=lambda: NOW + 7)
    with suppress(asyncio.CancelledError):
        await tail.run()
    return out.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
async def test_numbers_are_hidden(terminal: bool) -> None:
    """All but the last two digits are hidden, unless they are asked for."""
    calls = [shown(), shown(call_id="2" * 32, **{"from": None})]
    hidden = await watched(Script(calls), terminal=terminal)
    whole = await watched(Script(calls), terminal=terminal, numbers=True)
    assert "2025550123" not in hidden
    assert "…23" in hidden
    assert "+12025550123" in whole


async def test_lines_tell_changes() -> None:
    """Without a terminal each change of a call's state is one line."""
    script = Script(
        [shown()], [shown()], [shown(canceling=True)], [shown(**ENDED_CALL)], [shown(**ENDED_CALL)]
    )
    lines = [line.split(maxsplit=1)[1] for line in (await watched(script)).splitlines()]
    call_id = "0" * 31 + "1"
    assert lines == [
        f"in …23 …00 in_progress 7 {call_id}",
        f"in …23 …00 canceling 7 {call_id}",
        f"in …23 …00 ended 42 caller_hangup {call_id}",
    ]


async def test_it_comes_back_after_an_outage() -> None:
    """While the gateway is away it says so and asks again, more and more slowly; then it goes on."""
    away = ApiError("the gateway cannot be reached (X)", final=False)
    script = Script(away, away, away, away, away, [shown()], [shown(**ENDED_CALL)], away)
    told = await watched(script)
    assert script.pauses == [1, 2, 4, 8, 10, 1, 1, 1]
    assert told.count("cannot be reached") == 6
    assert "caller_hangup" in told


async def test_a_refusal_ends_it() -> None:
    """What would be refused again is told at once."""
    with pytest.raises(ApiError, match="not valid"):
        await watched(Script(ApiError("The API key is not valid.", final=True)))


async def test_a_table_fits_the_screen() -> None:
    """However many calls there are, the table is no higher than the terminal, with the newest calls in it."""
    many = [shown(call_id=f"{n:032x}") for n in range(300)]
    table = await watched(Script(many), terminal=True)
    assert f"{0:032x}" in table
    assert "in_progress" in table
    assert f"{299:032x}" not in table


async def seen_by(gateway: Gateway, *rows: dict[str, Any]) -> None:
    async with gateway.app.state.call_queries._database.writer() as connection:
        await connection.execute(calls.insert(), [ENDED | row for row in rows])


def of_default(gateway: Gateway) -> str:
    return str(gateway.app.state.keyring._operator_organization_id)


async def test_it_asks_a_gateway(configure: Configure) -> None:
    """What goes on is listed, however old; a refusal is told in the gateway's words."""
    async with serving(configure()) as gateway, aiohttp.ClientSession() as http:
        own = {"organization_id": of_default(gateway)}
        old = {**own, **LIVE, "due_at": 4e9, "id": "a" * 32, "created_at": NOW - 9000, "ended_by": None}
        ended = [{**own, "due_at": None, "id": f"{n:032x}", "created_at": NOW + n} for n in range(55)]
        await seen_by(gateway, old, *ended)
        latest = await CallsClient(http, gateway.url + "/", KEY).latest()
        assert [call["call_id"] for call in latest][:2] == [f"{54:032x}", f"{53:032x}"]
        assert latest[-1]["call_id"] == "a" * 32
        with pytest.raises(ApiError, match="not valid") as caught:
            await CallsClient(http, gateway.url, "wrong").latest()
        assert caught.value.final
        url = gateway.url
    async with aiohttp.ClientSession() as http:
        with pytest.raises(ApiError, match="cannot be reached") as away:
            await CallsClient(http, url, KEY).latest()
        assert not away.value.final


# A shell starts background jobs with SIGINT ignored, and children inherit that.
_IN_A_TERMINAL = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from frontdesk.cli import app; app()"
)


async def test_ctrl_c_ends_it_cleanly(configure: Configure) -> None:
    """Ctrl-C ends the command with status 0 and without a traceback."""
    async with serving(configure()) as gateway:
        own = {"organization_id": of_default(gateway)}
        await seen_by(gateway, {**own, "id": "b" * 32})
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _IN_A_TERMINAL, "calls", "tail", "--url", gateway.url),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=CHECKOUT,
            env=os.environ | {"FRONTDESK_API_KEY": KEY, "PYTHONUNBUFFERED": "1"},
        )
        assert process.stdout is not None
        async with asyncio.timeout(60):
            line = await process.stdout.readline()
            process.send_signal(signal.SIGINT)
            _, told = await process.communicate()
    assert b"b" * 32 in line
    assert (process.returncode, told) == (0, b"")
