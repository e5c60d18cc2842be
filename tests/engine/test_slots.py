"""What becomes of slots, in real books on both databases."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from frontdesk.calls.entries import Over
from frontdesk.calls.tables import attempts, calls
from frontdesk.engine.slots import KEPT_S
from frontdesk.engine.tables import dial_slots
from frontdesk.errors import DatabaseUnavailableError
from frontdesk.storage.database import Database
from tests.engine.waiting import NOW, Books, books, call_out, wanted


@pytest.fixture
async def desk(database: Database, tmp_path: Path) -> AsyncIterator[Books]:
    async with books(database, tmp_path) as made:
        yield made


async def taken(desk: Books, *numbers: int) -> str:
    """A call with slots for some attempts."""
    call = call_out()
    await desk.ledger.open(call)
    for number in numbers:
        desk.clock.now += 1
        await desk.admission.take(wanted(call, number))
    return call.id


async def release(desk: Books, database: Database, *over: Over) -> None:
    """What the ledger does in its transaction."""
    async with database.writer() as connection:
        await desk.keeper.release(connection, over)


async def rows(database: Database) -> dict[int, tuple[float | None, bool | None, bool | None]]:
    """By attempt: when it was released, whether the phone rang, whether it failed."""
    query = select(dial_slots.c.attempt, dial_slots.c.released_at, dial_slots.c.rang, dial_slots.c.failed)
    async with database.reader() as connection:
        found = await connection.execute(query)
        return {row.attempt: (row.released_at, row.rang, row.failed) for row in found}


async def test_an_attempts_end_releases_its_slot_alone(desk: Books, database: Database) -> None:
    """The slot of the other attempt stays, with nothing known of it yet."""
    call_id = await taken(desk, 1, 2)
    await release(desk, database, Over(call_id, NOW + 9, attempt=1, rang=True, failed=True))
    found = await rows(database)
    assert found[1] == (NOW + 9, True, True)
    assert found[2] == (None, None, None)


async def test_a_calls_end_releases_what_it_still_has(desk: Books, database: Database) -> None:
    """What was released before keeps its time and what is known of it."""
    call_id = await taken(desk, 1, 2)
    await release(desk, database, Over(call_id, NOW + 9, attempt=1, rang=True))
    await release(desk, database, Over(call_id, NOW + 20))
    found = await rows(database)
    assert found[1] == (NOW + 9, True, False)
    assert found[2] == (NOW + 20, False, False)


async def test_that_a_phone_rang_may_become_known_later_and_stays_known(
    desk: Books, database: Database
) -> None:
    """A late sign of ringing counts; that somebody else saw none does not undo it, nor move the release."""
    call_id = await taken(desk, 1)
    await release(desk, database, Over(call_id, NOW + 9, attempt=1))
    await release(desk, database, Over(call_id, NOW + 20, attempt=1, rang=True))
    await release(desk, database, Over(call_id, NOW + 30, attempt=1, failed=True))
    assert (await rows(database))[1] == (NOW + 9, True, False)


async def test_a_release_that_is_rolled_back_is_none(desk: Books, database: Database) -> None:
    """A gateway that dies before its commit has released nothing."""
    call_id = await taken(desk, 1)

    async def die_before_the_commit() -> None:
        async with database.writer() as connection:
            await desk.keeper.release(connection, [Over(call_id, NOW, attempt=1)])
            raise ConnectionAbortedError

    with pytest.raises(DatabaseUnavailableError):
        await die_before_the_commit()
    assert await desk.admission.holds(call_id, 1)


async def test_slots_left_behind_are_found(desk: Books, database: Database) -> None:
    """Of a call or an attempt that ended, and of an attempt that nobody opened for minutes; of no other."""
    woken = []
    desk.keeper.wake = lambda: woken.append(1)
    ended, over, forgotten = [await taken(desk, 1) for _ in range(3)]
    await attempt_of(database, over, opened_at=NOW, ended_at=NOW + 1)
    async with database.writer() as connection:
        await connection.execute(update(calls).where(calls.c.id == ended).values(ended_at=NOW))
    talking = await taken(desk, 1)
    await attempt_of(database, talking, opened_at=NOW)
    desk.clock.now += 301
    fresh = await taken(desk, 1)
    await desk.keeper.clear_away()
    holding = [
        call for call in (ended, over, forgotten, talking, fresh) if await desk.admission.holds(call, 1)
    ]
    assert holding == [talking, fresh]
    assert woken


async def test_released_slots_are_kept_for_a_week_of_counting(desk: Books, database: Database) -> None:
    """Eight days after the release a slot is forgotten, not before."""
    call_id = await taken(desk, 1, 2)
    await release(desk, database, Over(call_id, NOW, attempt=1), Over(call_id, NOW + 100, attempt=2))
    desk.clock.now = NOW + KEPT_S + 50
    await desk.keeper.clear_away()
    assert set(await rows(database)) == {2}


async def test_looking_after_slots_goes_on_when_the_database_fails(
    desk: Books, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look that fails is followed by another one."""
    looks = []
    enough = asyncio.Event()

    async def fail() -> None:
        looks.append(1)
        if len(looks) == 3:
            enough.set()
        raise OSError

    monkeypatch.setattr(desk.keeper, "clear_away", fail)
    monkeypatch.setattr(desk.keeper, "_every_s", 0)
    running = asyncio.create_task(desk.keeper.run())
    await enough.wait()
    running.cancel()


async def attempt_of(
    database: Database, call_id: str, *, opened_at: float, ended_at: float | None = None
) -> None:
    """The row of a first attempt."""
    row = {"call_id": call_id, "number": 1, "opened_at": opened_at, "ended_at": ended_at, "dials": []}
    async with database.writer() as connection:
        await connection.execute(insert(attempts).values(row))
