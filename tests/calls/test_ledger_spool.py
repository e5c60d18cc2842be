"""The ledger when the database is stalled, away or coming back; with real files, servers and processes."""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from frontdesk.calls.ledger import Ledger, NoOutbox
from frontdesk.calls.models import BotFact, NewCall
from frontdesk.calls.orders import Patience
from frontdesk.calls.tables import call_events, calls
from frontdesk.errors import DatabaseUnavailableError
from frontdesk.migrations import upgrade
from frontdesk.storage import backlog
from frontdesk.storage.database import Database
from frontdesk.storage.spool import Spool
from tests.calls.blocked import blocked, wait_long_for_locks
from tests.calls.samples import fact, new_call, opening, started
from tests.databases import administrator
from tests.databases import opened as opened_database
from tests.project.images import CHECKOUT

DEADLINE_S = 60.0
IN_TIME_S = 20.0
"""Of a database that is blocked, the lock is waited for three times as long."""
Make = Callable[..., Ledger]


@pytest.fixture
def make(database: Database, tmp_path: Path) -> Make:
    def make(**changes: Any) -> Ledger:
        return Ledger(
            changes.pop("database", database),
            Spool(tmp_path / "spool"),
            NoOutbox(),
            patience=Patience(),
            **changes,
        )

    return make


async def until(holds: Callable[[], Any]) -> None:
    """Wait until the condition holds, as a coroutine that answers."""
    deadline = time.monotonic() + DEADLINE_S
    while not await holds():
        assert time.monotonic() < deadline, "not in time"
        await asyncio.sleep(0.02)


async def counted(database: Database) -> tuple[int, int]:
    """How many calls and facts are in the books."""
    async with database.reader() as connection:
        query = select(
            select(func.count()).select_from(calls).scalar_subquery(), func.count(call_events.c.id)
        )
        row = (await connection.execute(query)).one()
    return row[0], row[1]


def entered(database: Database, expected: tuple[int, int]) -> Callable[[], Any]:
    async def holds() -> bool:
        return await counted(database) == expected

    return holds


def left(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "spool").rglob("*") if path.is_file()]


async def test_a_stalled_database_delays_nobody(
    make: Make, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another holds the lock, an entry is answered in time; it is in the books afterwards."""
    wait_long_for_locks(monkeypatch)
    call = new_call()
    async with (
        opened_database(database.url) as waiting,
        make(database=waiting, spool_after_s=0.1).running() as ledger,
    ):
        async with blocked(database.url):
            begun = time.monotonic()
            opened = await ledger.open(call, opening(call))
            copy = await ledger.open(call, opening(call))
            recorded = await ledger.record(started(call))
            taken_s = time.monotonic() - begun
        assert (opened.created, opened.spooled, copy.created, recorded.spooled) == (True, True, False, True)
        assert taken_s < IN_TIME_S
        await until(entered(database, (1, 3)))
        await until(lambda: _is_empty(tmp_path))
    assert left(tmp_path) == []


async def _is_empty(tmp_path: Path) -> bool:
    return not [path for path in left(tmp_path) if path.suffix == ".jsonl"]


@pytest.mark.parametrize("stalled", [True, False])
async def test_a_killed_gateway_loses_nothing(
    make: Make, database: Database, tmp_path: Path, *, stalled: bool
) -> None:
    """Whatever a process was promised is in the books after kill -9 and a new start, once."""
    async with blocked(database.url) if stalled else nullcontext():
        after_s = "0.1" if stalled else "60"  # a busy machine may take a while without a stall
        arguments = ("-m", "tests.calls.doomed", database.url, str(tmp_path / "spool"), "20", after_s)
        child = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, cwd=CHECKOUT, stdout=asyncio.subprocess.PIPE
        )
        assert child.stdout
        promised = json.loads(await asyncio.wait_for(child.stdout.readline(), DEADLINE_S))
        child.kill()
        await child.wait()
    assert promised["spooled"] == [stalled] * 40
    assert promised["opened_s"] < IN_TIME_S
    async with make().running():
        await until(entered(database, (20, 60)))
        await until(lambda: _is_empty(tmp_path))
    async with make().running() as again:
        assert all([await again.load(call_id) for call_id in promised["calls"]])
    assert await counted(database) == (20, 60)


async def test_a_database_that_was_never_there_stops_no_call(
    make: Make, database_url: str, tmp_path: Path
) -> None:
    """A gateway that starts without a database takes calls, and enters them when the database comes."""
    late = Database.open(database_url)
    ledger, call = make(database=late), new_call()
    async with ledger.running():
        begun = time.monotonic()
        opened = await ledger.open(call, opening(call))
        recorded = await ledger.record(started(call))
        assert time.monotonic() - begun < IN_TIME_S
        assert (opened.created, opened.spooled, recorded.spooled) == (True, True, True)
        with pytest.raises(DatabaseUnavailableError):
            await ledger.load(call.id)
        await late.prepare(upgrade)
        await until(entered(late, (1, 3)))
        assert not (await ledger.record(fact(call, BotFact.JOINED))).spooled or await _settles(late)
    await late.close()


async def _settles(database: Database) -> bool:
    await until(entered(database, (1, 4)))
    return True


@contextmanager
def nothing_replayed() -> Iterator[None]:
    """Recorders that begin inside leave the files of their spool as they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backlog, "FIRST_PAUSE_S", 3600.0)
        yield


async def test_facts_wait_for_their_call(make: Make, database: Database, tmp_path: Path) -> None:
    """Facts that a dead process left without their call are entered when the call comes; nothing is lost."""
    call = new_call()
    strangers = make(spool_after_s=0.0)
    with nothing_replayed():
        async with strangers.running(), blocked(database.url):
            assert (await strangers.record(started(call))).spooled
    assert [path.suffix for path in left(tmp_path) if path.suffix] == [".jsonl"]
    ledger = make(spool_after_s=10.0)
    async with ledger.running():
        await ledger.open(call, opening(call))
        await until(entered(database, (1, 3)))
        await until(lambda: _is_empty(tmp_path))


async def test_damaged_records_are_put_aside(make: Make, database: Database, tmp_path: Path) -> None:
    """A damaged record and one that is no entry are kept for people; what is around them is entered."""
    spool, call, other = Spool(tmp_path / "spool"), new_call(), new_call()
    ledger = Ledger(Database.open(database.url), spool, NoOutbox(), patience=Patience())
    with nothing_replayed():
        async with ledger.running():
            await ledger.open(call)
            await spool.append(b'{"no":"entry"}')
            await ledger.open(other)
    (path,) = (path for path in left(tmp_path) if path.suffix == ".jsonl")
    path.write_bytes(path.read_bytes().replace(b"reception", b"deception", 1))
    async with make().running():
        await until(entered(database, (1, 1)))
        await until(lambda: _is_rejected(tmp_path))
    (rejected,) = left(tmp_path)
    assert [b"deception" in line for line in rejected.read_bytes().splitlines()] == [True, False]


async def _is_rejected(tmp_path: Path) -> bool:
    return [path.parent.name for path in left(tmp_path) if path.suffix] == ["rejected"]


async def test_connections_that_break_lose_nothing(make: Make, database: Database, tmp_path: Path) -> None:
    """A PostgreSQL server that ends all connections again and again under load loses no fact."""
    if not database.is_postgres:
        pytest.skip("SQLite has no server")
    ledger, made = make(spool_after_s=0.5), [new_call() for _ in range(150)]

    async def placed(call: NewCall) -> None:
        await ledger.open(call, opening(call))
        await ledger.record(started(call))

    async with ledger.running(), administrator() as other:
        work = asyncio.gather(*(_later(placed, call, number * 0.01) for number, call in enumerate(made)))
        while not work.done():
            await other.execute(
                "SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation"
                " WHERE l.pid <> pg_backend_pid() AND c.relnamespace = $1::regnamespace",
                database.url.rsplit("search_path=", 1)[1],
            )
            await asyncio.sleep(0.02)
        await work
        await until(entered(database, (150, 450)))


async def _later(placed: Callable[[NewCall], Any], call: NewCall, after_s: float) -> None:
    await asyncio.sleep(after_s)
    await placed(call)
