"""What only the durable queue has: a database that goes away, an identity, old work that is deleted."""

import asyncio
import logging
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from frontdesk.engine import dbos_queue, takeover
from frontdesk.engine.address import Address, engine_url
from frontdesk.engine.dbos_log import Sparing
from frontdesk.engine.dbos_queue import DbosQueue
from frontdesk.engine.identity import Identity, SessionIdentity, identity
from frontdesk.engine.queue import Again
from frontdesk.errors import DatabaseUrlError, EngineUnavailableError
from tests.engine.clerk import Clerk, forgotten, single
from tests.engine.servers import line, queue_place


async def test_a_database_that_is_away_says_so(tmp_path: Path) -> None:
    """Where no database answers, the queue does not start, and does when one does."""
    clerk = Clerk()
    async with queue_place() as url, line(url) as (way, near):
        queue = DbosQueue(near)
        way.cut()
        with pytest.raises(EngineUnavailableError):
            await clerk.works(queue).__aenter__()
        way.mend()
        async with clerk.works(queue):
            await queue.put(single("a"))
            await clerk.until_done(("a", 1, 0))


async def test_a_database_that_goes_away_loses_nothing() -> None:
    """What is being placed when the database goes away comes to its end when it is back."""
    held = asyncio.Event()
    clerk = Clerk(held={"a": held}, answers={"a": lambda _, turn: Again(0.0) if turn < 1 else None})
    async with queue_place() as url, line(url) as (way, near):
        queue = DbosQueue(near)
        async with clerk.works(queue):
            await queue.put(single("a"))
            await clerk.until(lambda: len(clerk.begun) == 1)
            way.cut()
            with pytest.raises(EngineUnavailableError):
                await queue.put(single("b"))
            held.set()
            await clerk.until_done(("a", 1, 0))
            way.mend()
            await clerk.until_done(("a", 1, 1))
            await queue.put(single("b"))
            await clerk.until_done(("b", 1, 0))


async def test_a_stop_does_not_wait_for_a_database_that_is_away() -> None:
    """With the database away the queue can be left; the work is begun again when it is back."""
    clerk = Clerk(held={"a": asyncio.Event()})
    async with queue_place() as url, line(url) as (way, near):
        queue = DbosQueue(near)
        async with asyncio.timeout(60):
            async with clerk.works(queue, stop_s=0.1):
                await queue.put(single("a"))
                await clerk.until(lambda: len(clerk.begun) == 1)
                way.cut()
        way.mend()
        clerk.held.clear()
        async with asyncio.timeout(90):
            while not clerk.done:
                try:
                    async with clerk.works(queue):
                        await clerk.until_done(("a", 1, 0))
                except EngineUnavailableError:  # the first one is still stopping
                    await asyncio.sleep(0.1)


async def test_a_session_that_ends_is_taken_up_again() -> None:
    """When PostgreSQL ends the session of the identity, it is regained, and the queue goes on."""
    async with queue_place() as url, identity(Address.of(url)) as ours:
        assert isinstance(ours, SessionIdentity)
        old = ours._connection.get_server_pid()
        async with ours._turn:
            await _end_sessions(url)
        async with asyncio.timeout(60):
            while await _holder(url) in {None, old}:
                await asyncio.sleep(0.05)
        async with identity(Address.of(url)) as other:
            assert other.executor_id == "gateway-1"
        assert not ours.lost.is_set()


async def test_an_identity_that_somebody_else_took_is_lost() -> None:
    """When another gateway has the number by the time that PostgreSQL is back, this one says so."""
    async with queue_place() as url, line(url) as (way, near), identity(Address.of(near)) as ours:
        way.cut()
        await _end_sessions(url)
        async with identity(Address.of(url)) as other:
            assert other.executor_id == ours.executor_id
            way.mend()
            async with asyncio.timeout(60):
                await ours.lost.wait()


async def test_a_number_is_dead_only_when_nobody_has_it() -> None:
    """A gateway that lives is never taken for dead; one that is gone is, and its number stays free."""
    async with queue_place() as url, identity(Address.of(url)) as ours:
        async with identity(Address.of(url)) as other, ours.dead(other.executor_id) as dead:
            assert not dead
        async with asyncio.timeout(60):
            while not await _is_dead(ours, other.executor_id):  # its session may end a moment later
                await asyncio.sleep(0.05)
        async with ours.dead(ours.executor_id) as dead:
            assert not dead
        async with identity(Address.of(url)) as again:
            assert again.executor_id == other.executor_id


async def _is_dead(ours: Identity, executor_id: str) -> bool:
    async with ours.dead(executor_id) as dead:
        return dead


async def _end_sessions(url: str) -> None:
    """End the sessions of identities; when this returns, their locks are free."""
    connection = await asyncpg.connect(url)
    ended = await connection.fetch(
        "SELECT pg_terminate_backend(pid, 60000) AS ended FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name = 'frontdesk identity'"
    )
    await connection.close()
    assert all(row["ended"] for row in ended)


async def _holder(url: str) -> int | None:
    """The session that holds the number of the only identity."""
    connection = await asyncpg.connect(url)
    pid: int | None = await connection.fetchval(
        "SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted "
        "AND datname = current_database() AND application_name = 'frontdesk identity'"
    )
    await connection.close()
    return pid


async def test_a_process_has_one_durable_queue(tmp_path: Path) -> None:
    """A second durable queue in one process does not start while the first one runs."""
    clerk = Clerk()
    async with clerk.works(DbosQueue(f"sqlite:///{tmp_path / 'one.db'}")):
        second = DbosQueue(f"sqlite:///{tmp_path / 'two.db'}")
        with pytest.raises(EngineUnavailableError):
            await clerk.works(second).__aenter__()
    async with clerk.works(second):
        await second.put(single("a"))
        await clerk.until_done(("a", 1, 0))


async def test_what_is_lost_on_the_way_is_begun_again(
    engine_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A workflow that is said to run here, and has no placement, goes back to its queue."""
    monkeypatch.setattr(takeover, "_EVERY_S", 3600.0)  # the queue itself looks for none meanwhile
    clerk, queue = Clerk(held={"a": asyncio.Event()}), DbosQueue(engine_url)
    async with clerk.works(queue):
        await queue.put(single("a"))
        await clerk.until(lambda: len(clerk.begun) == 1)
        monkeypatch.setattr(takeover, "_STRAY_S", 0.0)
        transact = queue._transact
        assert transact is not None
        ours = FakeIdentity()
        await takeover.Takeover(transact, ours, set).look()  # type: ignore[arg-type]
        clerk.held["a"].set()
        await clerk.until(lambda: clerk.done == [("a", 1, 0)] * 2)
        await forgotten(queue, "a")


class FakeIdentity:
    """The one that a test's queue has."""

    executor_id = "gateway-0"


async def test_finished_work_is_deleted(engine_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was finished a while ago leaves the database; what waits stays."""
    clerk, queue = Clerk(), DbosQueue(engine_url)
    async with clerk.works(queue):
        await queue.put(single("a"))
        await queue.put(single("late", at=4_000_000_000.0))
        await clerk.until_done(("a", 1, 0))
        await forgotten(queue, "a")
    monkeypatch.setattr(dbos_queue, "_KEPT", timedelta(seconds=-60))
    async with clerk.works(queue):
        transact = queue._transact
        assert transact is not None
        async with asyncio.timeout(90):
            while {each.workflow_id for each in await transact.ask(lambda db: db.list_workflows())} != {
                "late-1-0"
            }:
                await asyncio.sleep(0.05)


async def test_the_queue_keeps_ids_alone(tmp_path: Path) -> None:
    """What is kept of a task is plain text with ids and numbers; nothing in it can run code."""
    clerk, path = Clerk(), tmp_path / "engine.db"
    queue = DbosQueue(f"sqlite:///{path}")
    async with clerk.works(queue):
        await queue.put(single("a" * 32, at=4_000_000_000.0))
        transact = queue._transact
        assert transact is not None
        (kept,) = await transact.ask(lambda db: db.list_workflows())
    assert kept.input == {"args": ("a" * 32, 1, 0, True, "organization", 0), "kwargs": {}}


async def test_starting_and_stopping_is_quiet(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """DBOS writes no line of its own when it starts and stops, and none to stderr."""
    caplog.set_level(logging.INFO, "dbos")
    clerk, queue = Clerk(held={"a": asyncio.Event()}), DbosQueue(f"sqlite:///{tmp_path / 'engine.db'}")
    async with clerk.works(queue, stop_s=0.0):
        await queue.put(single("a"))
        await clerk.until(lambda: len(clerk.begun) == 1)
    assert [record.msg for record in caplog.records if record.name.startswith("dbos")] == []
    assert [type(handler) for handler in logging.getLogger("dbos").handlers] == [logging.NullHandler]


def test_a_complaint_is_logged_once_a_minute() -> None:
    """Of lines of the same kind one passes each minute, without what follows its first line."""
    sparing = Sparing()

    def record(at: float, number: int) -> logging.LogRecord:
        made = logging.LogRecord("dbos", logging.WARNING, "/a.py", number, "away\n%s", ("SELECT",), None)
        made.created = at
        return made

    first, second, other, later = record(100, 1), record(159, 1), record(159, 2), record(161, 1)
    assert [sparing.filter(each) for each in (first, second, other, later)] == [True, False, True, True]
    assert first.getMessage() == "away"
    small = record(300, 3)
    small.levelno = logging.INFO
    assert not sparing.filter(small)


@pytest.mark.parametrize(
    ("books", "own", "url"),
    [
        ("sqlite:////var/books.db", None, "sqlite:////var/engine.db"),
        ("postgresql://u@h/d", None, "postgresql://u@h/d"),
        ("postgresql://u@h/d", "sqlite:////var/queue.db", "sqlite:////var/queue.db"),
    ],
)
def test_the_queue_is_beside_the_books(books: str, own: str | None, url: str) -> None:
    """Without an address of its own the queue is a file beside the books' own, or in their PostgreSQL."""
    assert engine_url(books, own) == url


def test_each_installation_in_a_database_has_its_own_schema() -> None:
    """Books in a schema of their own have a queue of their own; other parameters stay server settings."""
    address = Address.of("postgresql://u@h/d?search_path=clinic&work_mem=8MB&sslmode=require")
    assert address.schema == "clinic_dbos"
    assert address.url.query["sslmode"] == "require"
    assert "-c work_mem=8MB" in str(address.url.query["options"])
    assert "search_path" not in str(address.url)
    assert Address.of("postgresql://u@h/d").schema == "dbos"


def test_an_address_that_names_no_database_is_refused() -> None:
    """The error is the one of DATABASE_URL, and repeats nothing."""
    with pytest.raises(DatabaseUrlError):
        DbosQueue("mysql://u:secret@h/d")
