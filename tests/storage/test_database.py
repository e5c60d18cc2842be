"""The database: its files, its transactions, and its absence."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import time
from asyncio.subprocess import PIPE
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import DBAPIError

from frontdesk.errors import DatabaseInUseError, DatabaseUnavailableError, DatabaseUrlError
from frontdesk.migrations import upgrade
from frontdesk.storage.database import Database
from frontdesk.storage.tables import notes
from tests.databases import opened
from tests.project.images import CHECKOUT

OPEN_AND_WAIT = (
    "import sys, asyncio\nfrom frontdesk.storage.database import Database\n"
    "database = Database.open(sys.argv[1], exclusive=True); print('open', flush=True); sys.stdin.read()"
)


async def _values(database: Database) -> list[str]:
    async with database.reader() as connection:
        return list((await connection.execute(select(notes.c.value).order_by(notes.c.name))).scalars())


async def _note(database: Database, name: str, value: str) -> None:
    async with database.writer() as connection:
        await connection.execute(insert(notes).values(name=name, value=value))


async def _fail_after(database: Database) -> None:
    async with database.writer() as connection:
        await connection.execute(insert(notes).values(name="a", value="lost"))
        raise RuntimeError


async def test_a_transaction_is_whole(database: Database) -> None:
    """What a writer wrote before it failed is not there, and the next writer finds a clean connection."""
    with pytest.raises(RuntimeError):
        await _fail_after(database)
    await _note(database, "a", "kept")
    assert await _values(database) == ["kept"]


async def test_a_writer_that_is_canceled_blocks_nobody(database: Database) -> None:
    """A task that is canceled while it writes leaves the connection to the next writer."""
    async with asyncio.timeout(60):
        for number in range(5):
            task = asyncio.create_task(_note(database, f"canceled-{number}", "x"))
            await asyncio.sleep(0.001 * number)
            task.cancel()
            await asyncio.wait({task})
        await _note(database, "next", "x")
        assert "x" in await _values(database)


async def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    """While a transaction is open, a reader sees what was committed before."""
    await _note(database, "a", "before")
    async with database.writer() as connection:
        await connection.execute(insert(notes).values(name="b", value="after"))
        assert await _values(database) == ["before"]
    assert await _values(database) == ["before", "after"]


async def test_sqlite_is_set_as_measured(tmp_path: Path) -> None:
    """The file is private and in WAL mode; commits are synced; foreign keys hold; readers cannot write."""
    async with opened(f"sqlite:///{tmp_path / 'books' / 'f.db'}") as database:
        async with database.writer() as connection:
            names = ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
            values = [(await connection.exec_driver_sql(f"PRAGMA {name}")).scalar() for name in names]
        with pytest.raises(DatabaseUnavailableError):
            async with database.reader() as connection:
                await connection.execute(insert(notes).values(name="a", value="b"))
        files = list((tmp_path / "books").iterdir())
        assert {oct(path.stat().st_mode & 0o777) for path in files} == {"0o600"}
    assert values == ["wal", 2, 1, 1]


async def test_a_checkpoint_empties_the_log(tmp_path: Path) -> None:
    """After a checkpoint the write-ahead log of SQLite has nothing in it."""
    async with opened(f"sqlite:///{tmp_path / 'f.db'}") as database:
        await _note(database, "a", "b")
        assert (tmp_path / "f.db-wal").stat().st_size > 0
        await database.checkpoint()
        assert (tmp_path / "f.db-wal").stat().st_size == 0
        await _note(database, "b", "c")


async def test_a_second_gateway_is_refused_on_sqlite(tmp_path: Path) -> None:
    """One gateway at a time; other programs may read and write; after kill -9 the next one may have it."""
    url = f"sqlite:///{tmp_path / 'f.db'}"
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OPEN_AND_WAIT, url, cwd=CHECKOUT, stdin=PIPE, stdout=PIPE
    )
    assert child.stdout
    assert await child.stdout.readline() == b"open\n"
    with pytest.raises(DatabaseInUseError, match="Another gateway"):
        Database.open(url, exclusive=True)
    async with opened(url) as database:
        await _note(database, "a", "b")
    child.kill()
    await child.wait()
    async with opened(url, exclusive=True) as database:
        assert database.is_ours


@pytest.mark.parametrize(
    "url",
    [
        *("", "mysql://secret@x/y", "sqlite://", "sqlite:///:memory:", "secret", "postgresql+psycopg://x"),
        *("postgresql://u:secret/x@h/db", "postgresql://u:p@h:secret/db", "postgresql://u:secret@[::1/db"),
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """A URL of another kind is refused with what to write instead, and is not repeated."""
    with pytest.raises(DatabaseUrlError) as refused:
        Database.open(url)
    assert "secret" not in f"{refused.value} {refused.value.detail}"
    assert "sqlite:///" in refused.value.detail


async def test_a_server_that_is_not_there_is_no_reason_to_stop() -> None:
    """Without a server the database runs, says that it is away at once, and ends when asked."""
    database = Database.open("postgresql://nobody@127.0.0.1:1/none")
    begun = time.monotonic()
    async with database.running(upgrade, patience_s=0.1):
        with pytest.raises(DatabaseUnavailableError):
            async with database.reader():
                pass
        assert not database.ready.is_set()
    assert time.monotonic() - begun < 20


async def test_a_database_that_comes_late_is_used(tmp_path: Path) -> None:
    """A database that is locked at the start is prepared as soon as it is free."""
    path = tmp_path / "f.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        async with Database.open(f"sqlite:///{path}").running(upgrade, patience_s=0.1) as database:
            assert not database.ready.is_set()
            other.execute("ROLLBACK")
            await asyncio.wait_for(database.ready.wait(), 60)
            await _note(database, "a", "b")


async def test_errors_do_not_repeat_what_was_written(database: Database) -> None:
    """The text of an error of the database has no value that was to be written."""
    await _note(database, "a", "b")
    with pytest.raises(DBAPIError) as refused:
        async with database.writer() as connection:
            await connection.execute(insert(notes).values(name="a", value="my tooth aches"))
    assert "tooth" not in str(refused.value)


@pytest.mark.parametrize(("required", "outcome"), [("1", "1 failed"), ("", "1 skipped")])
def test_tests_without_a_server_are_skipped_or_fail(tmp_path: Path, required: str, outcome: str) -> None:
    """Where no PostgreSQL answers, tests on it are skipped with the reason; where it must, they fail."""
    test = tmp_path / "test_it.py"
    test.write_text(
        "from tests.databases import address\n"
        "async def test_it(tmp_path):\n"
        "    async with address('postgresql', tmp_path): pass\n"
    )
    environment = os.environ | {
        "TEST_POSTGRES_URL": "postgresql://postgres@127.0.0.1:1/postgres",
        "FRONTDESK_REQUIRE_POSTGRES": required,
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-rsf",
        "-p",
        "no:cacheprovider",
        "-c",
        "pyproject.toml",
        str(test),
    ]
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    assert outcome in done.stdout
    assert "no PostgreSQL server" in done.stdout
