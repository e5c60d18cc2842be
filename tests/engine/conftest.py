"""Databases of both kinds, and a queue of each kind."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from frontdesk.engine.dbos_queue import DbosQueue
from frontdesk.engine.memory_queue import MemoryQueue
from frontdesk.engine.queue import Queue
from tests.databases import database, database_url
from tests.engine.servers import drop_queue_places, engine_address

__all__ = ["database", "database_url"]


@pytest.fixture(scope="session", autouse=True)
def _nothing_left() -> Iterator[None]:
    yield
    asyncio.run(drop_queue_places())


@pytest.fixture(params=["sqlite", "postgresql"])
async def engine_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """An empty place for a durable queue, once of each kind."""
    async with engine_address(request.param, tmp_path) as url:
        yield url


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def queue(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Queue]:
    """An empty queue, once of each kind."""
    if request.param == "memory":
        yield MemoryQueue()
        return
    async with engine_address(request.param, tmp_path) as url:
        yield DbosQueue(url)
