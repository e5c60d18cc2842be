"""Campaigns over the real books, on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from frontdesk.campaigns import routes
from frontdesk.storage.database import Database
from tests.campaigns.campaign_office import Gateway, Office, a_gateway, an_office
from tests.databases import database, database_url

__all__ = ["database", "database_url"]


@pytest.fixture(autouse=True)
def _files_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends a file waits until it was read, however slow the machine is."""
    monkeypatch.setattr(routes, "WAIT_S", 60.0)


@pytest.fixture
async def gateway(database: Database, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with a_gateway(database, tmp_path / "spool") as running:
        yield running


@pytest.fixture
async def office(gateway: Gateway) -> AsyncIterator[Office]:
    async with an_office(gateway) as running:
        yield running
