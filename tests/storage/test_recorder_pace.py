"""When the recorder goes on with the database, and when it gives it up for the spool."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from frontdesk.errors import DatabaseUnavailableError
from frontdesk.storage.group_commit import GroupCommit
from frontdesk.storage.recorder import Recorder
from frontdesk.storage.spool import Spool
from tests.storage.tables import Numbers, Tables

SPOOL_AFTER_S = 3.0
COMMIT_S = 1.75
"""So much less that a machine which stands still for a second makes no stall of it."""


class Orderless(Numbers):
    """Numbers that nothing has to wait for."""

    def blocked(self, item: int) -> frozenset[str]:
        return frozenset()


class Busy(Tables):
    """Takes its time for every commit."""

    async def commit(self, items: Sequence[int]) -> list[int]:
        await asyncio.sleep(COMMIT_S)
        return await super().commit(items)


def recorder(tables: Tables, folder: Path, handling: Numbers) -> Recorder[int, int]:
    return Recorder(tables.commit, Spool(folder), handling, name="test", spool_after_s=SPOOL_AFTER_S)


async def entered(tables: Tables, items: set[int]) -> None:
    async with asyncio.timeout(60):
        while set(tables.all) != items:
            await asyncio.sleep(0.01)


async def test_a_busy_database_is_not_given_up(tmp_path: Path) -> None:
    """Items that wait for two commits, each of them in time, are not spooled; in a stall they are."""
    tables = Busy()
    async with recorder(tables, tmp_path, Orderless()).running() as busy:
        puts = []
        for number in range(20):
            puts.append(asyncio.create_task(busy.put(number)))
            await asyncio.sleep(COMMIT_S / 8)
        assert await asyncio.gather(*puts) == [number * 10 for number in range(20)]
        tables.free.clear()
        begun = time.monotonic()
        assert set(await asyncio.gather(busy.put(20), busy.put(21))) == {None}
        assert time.monotonic() - begun < 15 * SPOOL_AFTER_S
        tables.free.set()
        await entered(tables, set(range(22)))


async def test_who_was_in_the_spool_returns_to_the_database(tmp_path: Path) -> None:
    """What nothing must wait for keeps nothing else on the way through the spool."""
    tables = Tables()
    async with recorder(tables, tmp_path, Orderless()).running() as orderless:
        tables.free.clear()
        assert await orderless.put(1) is None
        tables.free.set()
        assert await orderless.put(11) == 110
        await entered(tables, {1, 11})


async def test_who_stops_waiting_for_the_spool_loses_nothing(tmp_path: Path) -> None:
    """An item on its way into the spool gets there, also when its caller is canceled."""
    tables = Tables()
    async with recorder(tables, tmp_path, Numbers()).running() as away:
        tables.away = True
        assert await away.put(1) is None
        impatient = asyncio.create_task(away.put(2))
        await asyncio.sleep(0)
        impatient.cancel()
        await asyncio.wait({impatient})
        tables.away = False
        await entered(tables, {1, 2})


async def test_a_record_that_nobody_foresaw_stops_no_other(tmp_path: Path) -> None:
    """A record of the spool that breaks its reader is put aside; start and replay go on."""

    class Strange(Numbers):
        def decode(self, record: bytes) -> int:
            if record == b"1":
                raise KeyError(record)
            return super().decode(record)

    tables = Tables()
    tables.away = True
    async with recorder(tables, tmp_path, Numbers()).running() as before:
        assert await before.put(1) is None
    async with recorder(tables, tmp_path, Strange()).running() as strange:
        assert await strange.put(2) is None
        tables.away = False
        await entered(tables, {2})
    (aside,) = (tmp_path / "rejected").iterdir()
    assert aside.read_bytes().endswith(b" 1\n")


async def test_contention_condemns_no_item() -> None:
    """A transaction that collides again and again is a matter of time, not of what is in it."""

    class DeadlockError(Exception):
        sqlstate = "40P01"

    async def commit(items: Sequence[int]) -> list[int]:
        raise DeadlockError

    group: GroupCommit[int, int] = GroupCommit(commit, name="test")
    results = [group.submit(1), group.submit(2)]
    await group.drain()
    for result in results:
        with pytest.raises(DatabaseUnavailableError):
            await result
