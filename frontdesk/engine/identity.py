"""Who this gateway is to the queue: a number that nobody else has while it lives.

DBOS takes unfinished work of a process with the same id for its own, at start and at once. So a process
holds its number by a lock that ends with it: of a file beside SQLite, of a session in PostgreSQL. A pooler
between it and PostgreSQL must not share sessions.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Self

import asyncpg
from loguru import logger

from frontdesk.engine.address import Address
from frontdesk.errors import EngineUnavailableError
from frontdesk.storage.lock_file import LockFile

MOST = 64
"""Gateways that may share one database."""
_PREFIX = "gateway-"
_TIMEOUT_S = 5
_EVERY_S = 1.0
_LONGEST_PAUSE_S = 5.0
_SETTINGS = {
    "application_name": "frontdesk identity",
    # A machine that lost its power says no goodbye: https://www.postgresql.org/docs/current/runtime-config-connection.html
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
_TROUBLE = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


class FileIdentity:
    """The only gateway that works on a SQLite file."""

    executor_id = f"{_PREFIX}0"

    def __init__(self, lock: LockFile) -> None:
        self._lock = lock
        self.lost = asyncio.Event()

    @asynccontextmanager
    async def dead(self, _executor_id: str) -> AsyncIterator[bool]:
        """Every other one is."""
        yield True

    async def hold(self) -> None:
        """The lock holds itself."""

    async def close(self) -> None:
        """Let go."""
        self._lock.release()


class SessionIdentity:
    """One of the gateways that share a PostgreSQL database; `take` makes one."""

    def __init__(self, address: Address, connection: asyncpg.Connection, number: int) -> None:
        self._address = address
        self._connection = connection
        self._number = number
        self._turn = asyncio.Lock()
        self.executor_id = f"{_PREFIX}{number}"
        self.lost = asyncio.Event()

    @classmethod
    async def take(cls, address: Address) -> Self:
        """The lowest number that is free.

        Raises:
            EngineUnavailableError: The database is away, or as many gateways as possible share it.
        """
        try:
            connection = await _connect(address)
        except _TROUBLE as error:
            raise EngineUnavailableError from error
        with suppress(*_TROUBLE):
            for number in range(MOST):
                if await _lock(connection, address, number):
                    return cls(address, connection, number)
        connection.terminate()
        raise EngineUnavailableError

    async def hold(self) -> None:
        """Keep the session; `lost` is set when another gateway has taken the number meanwhile."""
        while not self.lost.is_set():
            await asyncio.sleep(_EVERY_S)
            try:
                async with self._turn:
                    await self._connection.fetchval("SELECT 1", timeout=_TIMEOUT_S)
            except _TROUBLE as error:
                logger.warning("the queue's database is away: {}", type(error).__name__)
                await self._regain()

    @asynccontextmanager
    async def dead(self, executor_id: str) -> AsyncIterator[bool]:
        """Whether nobody has this number; nobody can take it inside."""
        number = _number(executor_id)
        if number is None or number == self._number:
            yield False
            return
        async with self._turn:
            try:
                free = await _lock(self._connection, self._address, number)
            except _TROUBLE as error:
                raise EngineUnavailableError from error
            try:
                yield free
            finally:
                if free:
                    await self._unlock(number)

    async def close(self) -> None:
        """Let go; PostgreSQL frees the number with the session."""
        try:
            await self._connection.close(timeout=1)
        except _TROUBLE:
            self._connection.terminate()

    async def _regain(self) -> None:
        pause_s = 0.1
        self._connection.terminate()
        while not self.lost.is_set():
            try:
                self._connection = await _connect(self._address)
                regained = await _lock(self._connection, self._address, self._number)
            except _TROUBLE:
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
                continue
            if regained:
                logger.info("the queue's database is back")
                return
            self.lost.set()

    async def _unlock(self, number: int) -> None:
        with suppress(*_TROUBLE):
            await self._connection.fetchval(
                "SELECT pg_advisory_unlock($1, $2)", _space(self._address), number, timeout=_TIMEOUT_S
            )


Identity = FileIdentity | SessionIdentity


@asynccontextmanager
async def identity(address: Address) -> AsyncIterator[Identity]:
    """Who this gateway is, for as long as it is needed.

    Raises:
        EngineUnavailableError: The database is away, or everybody is somebody else.
    """
    taken = await SessionIdentity.take(address) if address.file is None else _take_file(address)
    holding = asyncio.create_task(taken.hold())
    try:
        yield taken
    finally:
        holding.cancel()
        await asyncio.gather(holding, return_exceptions=True)
        await taken.close()


def _take_file(address: Address) -> FileIdentity:
    path = address.file
    if path is None:
        raise EngineUnavailableError
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        lock = LockFile.take(path.with_name(f"{path.name}.lock"))
    except OSError as error:
        raise EngineUnavailableError from error
    if lock is None:
        raise EngineUnavailableError
    return FileIdentity(lock)


async def _connect(address: Address) -> asyncpg.Connection:
    return await asyncpg.connect(address.dsn, timeout=_TIMEOUT_S, server_settings=_SETTINGS)


async def _lock(connection: asyncpg.Connection, address: Address, number: int) -> bool:
    query = "SELECT pg_try_advisory_lock($1, $2)"
    return bool(await connection.fetchval(query, _space(address), number, timeout=_TIMEOUT_S))


def _space(address: Address) -> int:
    """Each schema has numbers of its own: the first key of an advisory lock, 32 bits with a sign."""
    digest = hashlib.sha256(f"frontdesk engine {address.schema}".encode()).digest()
    return int.from_bytes(digest[:4], "big", signed=True)


def _number(executor_id: str) -> int | None:
    text = executor_id.removeprefix(_PREFIX)
    return int(text) if text.isdigit() and int(text) < MOST else None
