"""A counter where calls out are accepted, over real books of both kinds."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from frontdesk.storage.database import Database
from tests.databases import database, database_url
from tests.dialout.counter import Counter, open_counter

__all__ = ["database", "database_url"]


@pytest.fixture
async def counter(database: Database, tmp_path: Path) -> AsyncIterator[Counter]:
    async with open_counter(database, tmp_path / "spool") as running:
        yield running


@pytest.fixture
async def hasty(database: Database, tmp_path: Path) -> AsyncIterator[Counter]:
    """One whose ledger does not wait for a database that stalls."""
    async with open_counter(database, tmp_path / "spool", spool_after_s=0.1) as running:
        yield running
