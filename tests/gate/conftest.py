"""Books of both kinds, and the routes in front of them."""

from collections.abc import AsyncIterator

import pytest

from frontdesk.storage.database import Database
from tests.databases import database, database_url
from tests.gate.desk import Desk, a_desk

__all__ = ["database", "database_url"]


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    async with a_desk(database) as running:
        yield running
