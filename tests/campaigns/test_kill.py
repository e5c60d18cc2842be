"""Gateways that are killed: each row becomes one call, and no half of a file is ever called."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from frontdesk.campaigns.models import CampaignState
from frontdesk.campaigns.tables import campaign_rows
from tests.campaigns.campaign_office import (
    a_gateway,
    an_office,
    assert_each_row_once,
    count,
    numbers,
)
from tests.campaigns.campaign_process import ROWS, send
from tests.databases import opened

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]
FED = 100


@asynccontextmanager
async def process(url: str, folder: Path, campaign_id: str = "") -> AsyncIterator[asyncio.subprocess.Process]:
    """A gateway; killed at the end, if it still runs."""
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.campaigns.campaign_process", url, str(folder), campaign_id),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield started
    finally:
        with suppress(ProcessLookupError):
            started.kill()
        await started.wait()


async def words(running: asyncio.subprocess.Process, most: int) -> list[bytes]:
    """What a gateway says, until it has said so much or is done."""
    assert running.stdout is not None
    said: list[bytes] = []
    async with asyncio.timeout(120):
        while len(said) < most and b"done\n" not in said:
            said.append(await running.stdout.readline())
            assert said[-1], "it stopped by itself"
    return said


async def test_killed_while_it_feeds(database_url: str, tmp_path: Path) -> None:
    """Killed again and again between a row's call and the note of it, each row is one call at the end."""
    async with (
        opened(database_url) as database,
        a_gateway(database, tmp_path / "first") as gateway,
        an_office(gateway) as office,
    ):
        campaign_id = (await office.sent(numbers(FED)))["campaign_id"]
    dice = random.Random(7)
    kills = 0
    done = False
    while not done:
        async with process(database_url, tmp_path / "spool", campaign_id) as running:
            said = await words(running, dice.randint(1, 16))
            done = b"done\n" in said
            kills += not done
    assert kills >= 4  # no process feeds much more than `MOST_ACCEPTED` rows
    async with opened(database_url) as database, a_gateway(database, tmp_path / "last") as gateway:
        assert_each_row_once(await gateway.calls_of(campaign_id), FED)
        found = await gateway.campaigns.store.find(campaign_id)
        assert found is not None
        assert found.state is CampaignState.COMPLETED
        assert await gateway.campaigns.rows.called(campaign_id) == FED


async def test_killed_while_it_reads(database_url: str, tmp_path: Path) -> None:
    """Killed in the middle of a file, the campaign has failed; sent again with its key, it is read whole."""
    async with process(database_url, tmp_path / "spool") as running:
        await words(running, 4)
    async with opened(database_url) as database, a_gateway(database, tmp_path / "last") as gateway:
        await gateway.campaigns.rounds.once()
        (left,) = await gateway.campaigns.store.page(None, None, 5)
        assert left.state is CampaignState.FAILED
        assert 0 < await count(database, campaign_rows) < ROWS
        assert await gateway.calls_of(left.id) == []
        assert await send(gateway) == left.id
        found = await gateway.campaigns.store.find(left.id)
        assert found is not None
        assert (found.state, found.report.callable) == (CampaignState.DRAFT, ROWS)
        assert await count(database, campaign_rows) == ROWS
