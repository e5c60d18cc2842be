"""The record over the real books, on both databases."""

from collections.abc import AsyncIterator

import pytest

from frontdesk.storage.database import Database
from tests.databases import database, database_url
from tests.records.office import Office, an_office

__all__ = ["database", "database_url"]


@pytest.fixture
async def office(database: Database) -> AsyncIterator[Office]:
    async with an_office(database) as running:
        yield running
