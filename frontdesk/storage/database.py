"""The database: one that writes, several that read; away for a while without harm."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self, cast

from loguru import logger
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from frontdesk.errors import DatabaseInUseError, DatabaseUnavailableError
from frontdesk.storage import engines
from frontdesk.storage.addresses import sqlite_path
from frontdesk.storage.lock_file import LockFile
from frontdesk.storage.trouble import is_away

if TYPE_CHECKING:
    import aiosqlite

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0
CHECKPOINT_MS = 100
"""How long a checkpoint waits for readers: nobody writes meanwhile."""
Migrate = Callable[["Database"], Awaitable[None]]


class Database:
    """SQLite or PostgreSQL; `Database.open` makes one, without a connection yet.

    Until `prepare` has succeeded, and whenever it cannot be reached, `writer` and `reader` raise
    `DatabaseUnavailableError`.
    """

    def __init__(
        self, url: str, writing: AsyncEngine, reading: AsyncEngine, lock: LockFile | None = None
    ) -> None:
        self.url = url
        self.ready = asyncio.Event()
        self._writing = writing
        self._reading = reading
        self._lock = lock

    @classmethod
    def open(cls, url: str, *, exclusive: bool = False) -> Self:
        """The database at `url`, which begins with sqlite:///, postgresql:// or postgres://.

        Args:
            url: Parameters of a PostgreSQL URL that libpq does not know become server settings.
            exclusive: For the gateway: refuses a SQLite file that another gateway uses.

        Raises:
            DatabaseUrlError: The URL names neither.
            DatabaseInUseError: Another gateway holds the SQLite file.
        """
        path = sqlite_path(url)
        if path is None:
            engine = engines.postgres(url)
            return cls(url, engine, engine)
        _make_private(path)
        lock = _lock(path) if exclusive else None
        return cls(url, engines.sqlite_writer(path), engines.sqlite_reader(path), lock)

    @property
    def dialect(self) -> Dialect:
        """Of the engine, to compile statements for."""
        return self._writing.dialect

    @property
    def is_postgres(self) -> bool:
        """Whether several gateways may share it."""
        return self.dialect.name == "postgresql"

    @property
    def is_ours(self) -> bool:
        """Whether no other gateway can write to it."""
        return self._lock is not None

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction that commits at the end, or is rolled back by an exception.

        Raises:
            DatabaseUnavailableError: The database is away; nothing was written, or it is not known whether.
        """
        async with self._transaction(self._writing) as connection:
            yield connection

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction that only reads.

        Raises:
            DatabaseUnavailableError: The database is away.
        """
        async with self._transaction(self._reading) as connection:
            yield connection

    @asynccontextmanager
    async def migrating(self) -> AsyncIterator[AsyncConnection]:
        """A writer before the tables are ready."""
        async with self._translated(), self._writing.begin() as connection:
            yield connection

    async def prepare(self, migrate: Migrate) -> None:
        """Bring the tables up to date; tries until the database can be reached.

        Raises:
            Exception: Whatever `migrate` raises that waiting cannot cure.
        """
        pause = FIRST_PAUSE_S
        while True:
            try:
                await migrate(self)
            except DatabaseUnavailableError as error:
                logger.warning("Database cannot be reached ({}); next try in {} s", _kind(error), pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_S)
            else:
                self.ready.set()
                return

    @asynccontextmanager
    async def running(self, migrate: Migrate, *, patience_s: float = 5.0) -> AsyncIterator[Self]:
        """Prepared if that can be done within `patience_s`, else later, in the background; closed at the end.

        Raises:
            Exception: Whatever `migrate` raises that waiting cannot cure, if it comes within `patience_s`.
        """
        preparing = asyncio.create_task(self.prepare(migrate), name="prepare database")
        try:
            await asyncio.wait({preparing}, timeout=patience_s)
            if preparing.done():
                preparing.result()
            preparing.add_done_callback(_tell_failure)
            yield self
        finally:
            preparing.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await preparing
            await self.close()

    async def checkpoint(self) -> bool:
        """Have SQLite move its log into the file and empty it, so that nothing erased is left there.

        Returns:
            Whether it is empty; False while somebody still reads from it.

        Raises:
            DatabaseUnavailableError: The database is away.
        """
        if self.is_postgres:
            return True
        async with self._translated(), self._writing.connect() as connection:
            raw = await connection.get_raw_connection()
            driver = cast("aiosqlite.Connection", raw.driver_connection)
            await driver.execute_fetchall(f"PRAGMA busy_timeout={CHECKPOINT_MS}")
            try:
                (busy, *_), *_ = await driver.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                await driver.execute_fetchall(f"PRAGMA busy_timeout={engines.BUSY_S * 1000}")
            return not busy

    async def close(self) -> None:
        """Close the connections and let go of the file."""
        await self._writing.dispose()
        await self._reading.dispose()
        if self._lock:
            self._lock.release()
            self._lock = None

    @asynccontextmanager
    async def _transaction(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        if not self.ready.is_set():
            raise DatabaseUnavailableError
        async with self._translated(), engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def _translated(self) -> AsyncIterator[None]:
        try:
            yield
        except Exception as error:
            if is_away(error):
                raise DatabaseUnavailableError from error
            raise


def _kind(error: BaseException) -> str:
    cause = getattr(error.__cause__, "orig", None) or error.__cause__ or error
    return type(cause).__name__


def _tell_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        logger.critical("The tables could not be brought up to date: {}", _kind(error))


def _make_private(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)


def _lock(path: Path) -> LockFile:
    lock = LockFile.take(path.with_name(f"{path.name}.lock"))
    if lock is None:
        raise DatabaseInUseError
    return lock
