"""The books on both databases, with calls as the ledger has them."""

from collections.abc import AsyncIterator

import pytest

from frontdesk.retention.service import Retention
from frontdesk.storage.database import Database
from tests.databases import database, database_url
from tests.records.office import Office, an_office
from tests.retention.clock import Clock

__all__ = ["database", "database_url"]


@pytest.fixture
async def office(database: Database) -> AsyncIterator[Office]:
    async with an_office(database) as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def retention(database: Database, clock: Clock) -> Retention:
    return Retention(database, retention_days=30, clock=clock)
