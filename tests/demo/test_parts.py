"""The processes of the demo: started, watched and stopped together."""

import asyncio
import sys
from pathlib import Path

import pytest

from frontdesk.demo.laptop import Ports
from frontdesk.demo.parts import House, Part, PartError
from tests.system.conftest import listens

SERVE = (
    "import http.server as h, sys; "
    "h.test(h.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind='127.0.0.1')"
)
GRANDCHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', {serve!r}, sys.argv[1]])"


def _part(name: str, code: str, port: int, path: str = "/") -> Part:
    return Part(name, (sys.executable, "-c", code, str(port)), port, path, "TEST_PORT")


@pytest.fixture
def port() -> int:
    return Ports.free().gateway


async def test_parts_are_ready_when_start_returns_and_gone_after(tmp_path: Path, port: int) -> None:
    """A part answers as soon as `start` returns, and its port is free when the house is left."""
    async with House(tmp_path) as house:
        await house.start(_part("web", SERVE, port))
        assert listens(port)
    assert not listens(port)


async def test_a_death_interrupts_the_work(tmp_path: Path, port: int) -> None:
    """When a part dies, the work beside it is cancelled and the error shows its last words."""
    began = asyncio.Event()

    async def work() -> None:
        began.set()
        await asyncio.Event().wait()

    async def kill_when_begun() -> None:
        await began.wait()
        house._running["web"].kill()

    async with House(tmp_path) as house:
        await house.start(_part("web", SERVE, port))
        killer = asyncio.create_task(kill_when_begun())
        with pytest.raises(PartError, match="The web was killed by signal 9"):
            await house.alongside(work())
        await killer


async def test_a_part_that_never_gets_ready_is_given_up_when_it_dies(tmp_path: Path, port: int) -> None:
    """A part that prints a reason and ends is reported at once, with that reason."""
    async with House(tmp_path) as house:
        with pytest.raises(PartError, match="no key, no service"):
            await house.start(_part("web", "raise SystemExit('no key, no service')", port))


async def test_what_a_part_started_is_stopped_with_it(tmp_path: Path, port: int) -> None:
    """Grandchildren go too: a part's whole process group is ended."""
    async with House(tmp_path) as house:
        await house.start(_part("web", GRANDCHILD.format(serve=SERVE), port))
    assert not listens(port)


async def test_results_of_the_work_are_returned(tmp_path: Path) -> None:
    """Work that ends while every part lives gives its result."""

    async def work() -> int:
        return 7

    async with House(tmp_path) as house:
        assert await house.alongside(work()) == 7


async def test_two_parts_cannot_share_a_port(tmp_path: Path, port: int) -> None:
    """Two parts on one port are named before anything is started."""
    async with House(tmp_path) as house:
        with pytest.raises(PartError, match="The web and the mail cannot both have port"):
            await house.start(_part("web", SERVE, port), _part("mail", SERVE, port))
    assert not listens(port)
