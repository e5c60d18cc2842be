"""A database that takes no writes for a while, on both kinds."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import pytest

from frontdesk.storage import engines
from frontdesk.storage.addresses import sqlite_path
from tests.databases import administrator


def wait_long_for_locks(patch: pytest.MonkeyPatch) -> None:
    """Have databases that are opened from now on wait a minute for a lock."""
    patch.setattr(engines, "BUSY_S", 60)
    for name in ("lock_timeout", "statement_timeout"):
        patch.setitem(engines.POSTGRES_SETTINGS, name, "60s")


@asynccontextmanager
async def blocked(url: str) -> AsyncIterator[None]:
    """Somebody else holds the lock that every write needs."""
    if path := sqlite_path(url):
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
        return
    async with administrator() as other, other.transaction():
        await other.execute(f"LOCK TABLE {url.rsplit('search_path=', 1)[1]}.calls")
        yield
