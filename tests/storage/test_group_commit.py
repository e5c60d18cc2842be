"""The group commit and the recorder, with a database that does as it is told."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from frontdesk.errors import NotRecordedError
from frontdesk.storage.group_commit import GroupCommit
from frontdesk.storage.recorder import Recorder
from frontdesk.storage.spool import Spool
from tests.storage.tables import Numbers, Tables


@pytest.fixture
async def tables() -> Tables:
    return Tables()


@pytest.fixture
async def recorder(tables: Tables, tmp_path: Path) -> AsyncIterator[Recorder[int, int]]:
    made = Recorder(tables.commit, Spool(tmp_path / "spool"), Numbers(), name="test", spool_after_s=0.05)
    async with made.running():
        yield made


async def entered(tables: Tables, items: set[int]) -> None:
    async with asyncio.timeout(60):
        while set(tables.all) != items:
            await asyncio.sleep(0.01)


async def test_what_waits_shares_the_next_commit(tables: Tables) -> None:
    """While one commit is in flight all others queue, and then go together, in order."""
    group: GroupCommit[int, int] = GroupCommit(tables.commit, name="test")
    running = asyncio.create_task(group.run())
    tables.free.clear()
    first = group.submit(0)
    await asyncio.sleep(0)
    others = [group.submit(number) for number in range(1, 6)]
    await asyncio.sleep(0)
    withdrawn = group.submit(99)
    withdrawn.cancel()
    tables.free.set()
    assert await asyncio.gather(first, *others) == [0, 10, 20, 30, 40, 50]
    assert tables.batches == [[0], [1, 2, 3, 4, 5]]
    group.stop()
    await running


async def test_one_that_is_refused_harms_no_neighbor(tables: Tables, tmp_path: Path) -> None:
    """A batch with an item that the database refuses is committed without it, and only its caller learns."""
    spool = Spool(tmp_path / "spool")
    async with Recorder(tables.commit, spool, Numbers(), name="test", spool_after_s=60).running() as patient:
        results = await asyncio.gather(*(patient.put(item) for item in (1, -2, 3)), return_exceptions=True)
    assert [isinstance(result, NotRecordedError) for result in results] == [False, True, False]
    assert tables.all == [1, 3]


async def test_a_stall_sends_items_to_the_spool(recorder: Recorder[int, int], tables: Tables) -> None:
    """Items that wait too long are spooled; what follows them about the same thing does not overtake."""
    tables.free.clear()
    assert await recorder.put(1) is None
    assert await recorder.put(2) is None
    tables.free.set()
    assert await recorder.put(11) is None
    assert await recorder.put(5) in {50, None}
    await entered(tables, {1, 2, 5, 11})
    assert tables.all.index(11) > tables.all.index(1)


async def test_an_absent_database_is_asked_by_the_replay_alone(
    recorder: Recorder[int, int], tables: Tables
) -> None:
    """Once the database is known to be away, items go to the spool without waiting, until it is back."""
    tables.away = True
    assert await recorder.put(1) is None
    tables.free.clear()
    assert await asyncio.wait_for(recorder.put(2), 60) is None
    tables.away = False
    tables.free.set()
    await entered(tables, {1, 2})
    async with asyncio.timeout(60):
        while await recorder.put(3) is None:
            await asyncio.sleep(0.01)


async def test_who_stops_waiting_loses_nothing(recorder: Recorder[int, int], tables: Tables) -> None:
    """An item whose caller is canceled is committed or spooled all the same."""
    tables.free.clear()
    waiting = asyncio.create_task(recorder.put(1))
    await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.wait({waiting})
    tables.away = True
    tables.free.set()
    await asyncio.sleep(0.1)
    tables.away = False
    await entered(tables, {1})


async def test_nothing_is_promised_when_both_fail(
    recorder: Recorder[int, int], tables: Tables, tmp_path: Path
) -> None:
    """Without database and spool the caller gets an error; with a slow database alone, its result."""
    (tmp_path / "spool").write_text("no folder")
    tables.free.clear()
    slow = asyncio.create_task(recorder.put(1))
    await asyncio.sleep(0.2)
    tables.free.set()
    assert await slow == 10
    tables.away = True
    with pytest.raises(NotRecordedError):
        await recorder.put(2)
    (tmp_path / "spool").unlink()


async def test_the_end_keeps_what_is_queued(tables: Tables, tmp_path: Path) -> None:
    """What is queued when the recorder ends is committed, or in the spool for the next one."""
    spool = tmp_path / "spool"
    first = Recorder(tables.commit, Spool(spool), Numbers(), name="test", spool_after_s=60)
    async with first.running():
        waiting = [asyncio.create_task(first.put(number)) for number in (1, 2)]
        await asyncio.sleep(0)
    assert await asyncio.gather(*waiting) == [10, 20]
    tables.away = True
    second = Recorder(tables.commit, Spool(spool), Numbers(), name="test", spool_after_s=60)
    async with second.running():
        late = asyncio.create_task(second.put(3))
        await asyncio.sleep(0)
    assert await late is None
    tables.away = False
    third = Recorder(tables.commit, Spool(spool), Numbers(), name="test", spool_after_s=60)
    async with third.running():
        await entered(tables, {1, 2, 3})


async def test_a_stalled_end_leaves_items_in_the_spool(
    tables: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the database is stalled at the end, what it was at and what waits are in the spool."""
    monkeypatch.setattr("frontdesk.storage.recorder.CLOSING_S", 0.05)
    tables.free.clear()
    stalled = Recorder(tables.commit, Spool(tmp_path / "spool"), Numbers(), name="test", spool_after_s=60)
    async with stalled.running():
        waiting = [asyncio.create_task(stalled.put(1))]
        await asyncio.sleep(0.01)
        waiting.append(asyncio.create_task(stalled.put(2)))
        await asyncio.sleep(0.01)
    assert await asyncio.wait_for(asyncio.gather(*waiting), 60) == [None, None]
    tables.free.set()
    again = Recorder(tables.commit, Spool(tmp_path / "spool"), Numbers(), name="test", spool_after_s=60)
    async with again.running():
        await entered(tables, {1, 2})


async def test_a_collision_is_tried_again(tables: Tables) -> None:
    """A transaction that PostgreSQL ends because of a deadlock is begun again, whole."""

    class DeadlockError(Exception):
        sqlstate = "40P01"

    tried: list[list[int]] = []

    async def commit(items: Sequence[int]) -> list[int]:
        tried.append(list(items))
        if len(tried) < 3:
            raise DeadlockError
        return list(items)

    group: GroupCommit[int, int] = GroupCommit(commit, name="test")
    results = [group.submit(1), group.submit(2)]
    await group.drain()
    assert await asyncio.gather(*results) == [1, 2]
    assert tried == [[1, 2]] * 3
