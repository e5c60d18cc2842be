"""Real processes that are killed, restarted, replaced by a peer, or by a newer edition."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from frontdesk.engine.dbos_queue import DbosQueue
from frontdesk.errors import EngineUnavailableError
from tests.engine.clerk import Clerk, forgotten, single
from tests.engine.servers import queue_place

ROOT = Path(__file__).resolve().parents[2]
Lines = list[str]


class Process:
    """A process of `tests/engine` that writes what it does into the diary."""

    def __init__(self, process: asyncio.subprocess.Process, diary: Path) -> None:
        self._process = process
        self._diary = diary

    async def until(self, holds: Callable[[Lines], bool]) -> None:
        """Wait until the diary says something."""
        async with asyncio.timeout(90):
            while not holds(lines(self._diary)):
                assert self._process.returncode is None
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """End it without a last word."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


def lines(diary: Path) -> Lines:
    """What all processes did so far."""
    return diary.read_text().splitlines() if diary.exists() else []


@asynccontextmanager
async def started(
    module: str, url: str, diary: Path, name: str, *words: str, hold: bool = False
) -> AsyncIterator[Process]:
    """A process that runs inside, unless it is killed before."""
    environment = {"PATH": os.environ["PATH"], "NAME": name} | ({"HOLD": "1"} if hold else {})
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"tests.engine.{module}", url, str(diary), *words, cwd=ROOT, env=environment
    )
    running = Process(process, diary)
    try:
        yield running
    finally:
        await running.kill()


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    """What the processes of a test did."""
    return tmp_path / "diary"


async def test_a_killed_process_finishes_what_it_had_begun(engine_url: str, diary: Path) -> None:
    """After kill -9 in a placement, and before those that wait, a restart places each of them."""
    async with started("worker", engine_url, diary, "first", "held", "held-late@6", hold=True) as process:
        await process.until(lambda said: {"first held 1 0", "first ready"} <= set(said))
        await process.kill()
    async with started("worker", engine_url, diary, "second", "twice") as process:
        await process.until(
            lambda said: {"second held 1 0", "second held-late 1 0", "second twice 1 1"} <= set(said)
        )
    assert len(lines(diary)) == len(set(lines(diary)))


async def test_a_peer_takes_over_from_one_that_never_comes_back(diary: Path) -> None:
    """What a killed gateway had begun is placed by the other one, which was there when it died."""
    names = [f"held{number}" for number in range(20)]
    async with (
        queue_place() as url,
        started("worker", url, diary, "dead", *names, hold=True) as dead,
    ):
        await dead.until(lambda said: {f"dead {name} 1 0" for name in names} <= set(said))
        async with started("worker", url, diary, "peer") as peer:
            await peer.until(lambda said: "peer ready" in said)
            assert not [line for line in lines(diary) if line.startswith("peer held")]
            await dead.kill()
            await peer.until(lambda said: {f"peer {name} 1 0" for name in names} <= set(said))


async def test_two_gateways_never_place_the_same_task(diary: Path) -> None:
    """Gateways that share a database share its tasks: each is placed by one of them."""
    names = [f"call{number}" for number in range(60)]
    async with (
        queue_place() as url,
        started("worker", url, diary, "one", *names[:30]) as one,
        started("worker", url, diary, "other", *names[30:]) as other,
    ):
        for process, name in ((one, "one"), (other, "other")):
            await process.until(lambda said, name=name: f"{name} ready" in said)  # type: ignore[misc]
        await one.until(lambda said: {line.split()[1] for line in said} >= set(names))
    placed = [line.split()[1] for line in lines(diary) if "ready" not in line]
    assert sorted(placed) == sorted(names)


async def test_what_an_older_edition_left_is_placed(engine_url: str, diary: Path) -> None:
    """Attempts that an older edition had begun, queued and scheduled run on the code of this one."""
    async with started("old_worker", engine_url, diary, "old", "4") as process:
        await process.until(lambda said: {"old half 1 0", "old ready"} <= set(said))
        await process.kill()
    async with started("worker", engine_url, diary, "new") as process:
        await process.until(lambda said: {"new half 1 0", "new waiting 1 0", "new late 1 0"} <= set(said))


async def test_a_sqlite_file_belongs_to_one_process(tmp_path: Path, diary: Path) -> None:
    """A second process cannot run the queue of a file, and may when the first has died."""
    url, clerk = f"sqlite:///{tmp_path / 'engine.db'}", Clerk()
    async with started("worker", url, diary, "first", "held", hold=True) as process:
        await process.until(lambda said: "first held 1 0" in said)
        with pytest.raises(EngineUnavailableError):
            await clerk.works(DbosQueue(url)).__aenter__()
        await process.kill()
    queue = DbosQueue(url)
    async with clerk.works(queue):
        await queue.put(single("mine"))
        await clerk.until_done(("held", 1, 0), ("mine", 1, 0))
        await forgotten(queue, "held")
