"""Places for a durable queue; PostgreSQL's is a database of its own, not only a schema.

DBOS builds indexes concurrently, which waits for every transaction of the database: also for other tests'.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from tests.databases import administrator, postgres_url


@asynccontextmanager
async def own_database() -> AsyncIterator[str]:
    """The URL of an empty PostgreSQL database, which is dropped afterwards: that takes a while."""
    name = f"test_{uuid.uuid4().hex}"
    async with administrator() as connection:
        await connection.execute(f"CREATE DATABASE {name}")
    try:
        yield urlunsplit(urlsplit(postgres_url())._replace(path=f"/{name}"))
    finally:
        async with administrator() as connection:
            await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


_DATABASE = f"test_engine_{uuid.uuid4().hex}"
_made: set[str] = set()


@asynccontextmanager
async def queue_place() -> AsyncIterator[str]:
    """The URL of an empty place for a queue, in a database that only this process's tests use."""
    if _DATABASE not in _made:
        async with administrator() as connection:
            await connection.execute(f"CREATE DATABASE {_DATABASE}")
        _made.add(_DATABASE)
    name = f"test_{uuid.uuid4().hex}"
    url = urlunsplit(urlsplit(postgres_url())._replace(path=f"/{_DATABASE}", query=""))
    try:
        yield f"{url}?search_path={name}"
    finally:
        connection = await asyncpg.connect(url)
        await connection.execute(f"DROP SCHEMA IF EXISTS {name}_dbos CASCADE")
        await connection.close()


async def drop_queue_places() -> None:
    """At the very end: it takes PostgreSQL a while."""
    if _DATABASE in _made:
        async with administrator() as connection:
            await connection.execute(f"DROP DATABASE {_DATABASE} WITH (FORCE)")


@asynccontextmanager
async def engine_address(kind: str, folder: Path) -> AsyncIterator[str]:
    """The URL of an empty place of this kind, "sqlite" or "postgresql"."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'engine.db'}"
        return
    async with queue_place() as url:
        yield url


class Line:
    """A way to a server that can be cut: `async with line(...)` makes one."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._open: set[asyncio.StreamWriter] = set()
        self.is_cut = False

    def cut(self) -> None:
        """Nothing passes any more, and nothing new is let in."""
        self.is_cut = True
        for writer in tuple(self._open):
            writer.transport.abort()

    def mend(self) -> None:
        """What comes from now on passes."""
        self.is_cut = False

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Join a client with the server."""
        if self.is_cut:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
        if self.is_cut:  # meanwhile
            writer.transport.abort()
            far_writer.transport.abort()
            return
        self._open |= {writer, far_writer}
        await asyncio.gather(_pour(reader, far_writer), _pour(far_reader, writer))
        self._open -= {writer, far_writer}


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()


@asynccontextmanager
async def line(url: str) -> AsyncIterator[tuple[Line, str]]:
    """A line to the server of `url`, and the URL of its near end."""
    parts = urlsplit(url)
    joined = Line(parts.hostname or "127.0.0.1", parts.port or 5432)
    server = await asyncio.start_server(joined.connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    user = f"{parts.username}:{parts.password}@" if parts.password else f"{parts.username}@"
    try:
        yield joined, urlunsplit(parts._replace(netloc=f"{user if parts.username else ''}127.0.0.1:{port}"))
    finally:
        joined.cut()
        server.close()
