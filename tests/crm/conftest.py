"""A receiver and a database of both kinds."""

from collections.abc import AsyncIterator

import pytest

from tests.crm.receiver import Receiver
from tests.databases import database, database_url

__all__ = ["database", "database_url", "receiver"]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as running:
        yield running
