"""A database for a test: a SQLite file of its own, and a schema of its own on a PostgreSQL server.

The server is TEST_POSTGRES_URL, by default the one on loopback. Where none answers, tests are skipped with
the reason; with FRONTDESK_REQUIRE_POSTGRES=1, which CI sets, they fail.
"""

import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from frontdesk.migrations import upgrade
from frontdesk.storage.database import Database

DEFAULT_POSTGRES_URL = "postgresql://postgres@127.0.0.1:5432/postgres"


def postgres_url() -> str:
    """Of the server for tests."""
    return os.environ.get("TEST_POSTGRES_URL") or DEFAULT_POSTGRES_URL


def give_up(reason: str) -> None:
    """Skip the test, or fail it where a server is required."""
    if os.environ.get("FRONTDESK_REQUIRE_POSTGRES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@asynccontextmanager
async def administrator() -> AsyncIterator[asyncpg.Connection]:
    """A connection beside the product's, for making and breaking things."""
    try:
        connection = await asyncpg.connect(postgres_url(), timeout=60)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        give_up(f"no PostgreSQL server for tests answers (TEST_POSTGRES_URL): {type(error).__name__}")
        raise
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def schema() -> AsyncIterator[str]:
    """The URL of an empty PostgreSQL schema, which is dropped afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    async with administrator() as connection:
        await connection.execute(f"CREATE SCHEMA {name}")
    try:
        yield f"{postgres_url()}{'&' if '?' in postgres_url() else '?'}search_path={name}"
    finally:
        async with administrator() as connection:
            await connection.execute(f"DROP SCHEMA {name} CASCADE")
            await connection.execute(f"DROP SCHEMA IF EXISTS {name}_dbos CASCADE")


@asynccontextmanager
async def address(kind: str, folder: Path) -> AsyncIterator[str]:
    """The URL of an empty database of this kind, "sqlite" or "postgresql"."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'frontdesk.db'}"
        return
    async with schema() as url:
        yield url


@asynccontextmanager
async def opened(url: str, *, exclusive: bool = False) -> AsyncIterator[Database]:
    """The database at `url`, with all tables."""
    database = Database.open(url, exclusive=exclusive)
    try:
        await database.prepare(upgrade)
        yield database
    finally:
        await database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """An empty database, once of each kind."""
    async with address(request.param, tmp_path) as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with all tables, once of each kind."""
    async with opened(database_url) as running:
        yield running
