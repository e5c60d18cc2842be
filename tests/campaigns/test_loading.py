"""Reading a file beside everything else."""

import asyncio
import io

import pytest

from frontdesk.campaigns import loading
from frontdesk.campaigns.files import open_file

EMPTY = 200_000


@pytest.mark.parametrize(
    "file",
    [
        b"phone_number,a\n+12125550100,x\n" + b",\n" * EMPTY,
        b"phone_number,a\n+12125550100,x\n" + b"\n" * EMPTY,
        b'{"phone_number":"+12125550100"}\n' + b"\n" * EMPTY,
    ],
)
async def test_the_loop_turns_however_much_is_empty(monkeypatch: pytest.MonkeyPatch, file: bytes) -> None:
    """Where a file holds no row for long, others get their turn again and again meanwhile."""
    monkeypatch.setattr(loading, "_SLICE_S", 0.0)
    monkeypatch.setattr(loading, "_PAUSE_S", 0.0)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    working = asyncio.create_task(others())
    batches = [batch async for batch in loading._batches(open_file(io.BytesIO(file)).rows())]
    working.cancel()
    assert [row.number for batch in batches for row in batch] == [1]
    assert turns > 90
