"""The list itself: what comes on it stays, is its organization's own, and is found."""

import asyncio

import pytest
from sqlalchemy import Insert, func, insert, select, text

from frontdesk.errors import NumberNotListedError
from frontdesk.gate.do_not_call import DoNotCall, Listed, Wish
from frontdesk.gate.tables import do_not_call
from frontdesk.storage.database import Database
from tests.gate.clinic import NUMBER
from tests.gate.desk import OUR_ID, THEIR_ID

OTHER = "+12025550199"


def a_list(database: Database, now: float = 100.0) -> DoNotCall:
    return DoNotCall(database, clock=lambda: now)


async def test_what_is_listed_is_found(database: Database) -> None:
    """A number is on the list of the organization that put it there, with how, when and why."""
    wishes = a_list(database)
    made = await wishes.add(OUR_ID, NUMBER, reason="by letter")
    assert made == Listed(NUMBER, Wish.API, 100.0, "by letter")
    assert await wishes.find(OUR_ID, NUMBER) == made
    assert await wishes.has(OUR_ID, NUMBER)
    assert not await wishes.has(THEIR_ID, NUMBER)
    assert not await wishes.has(OUR_ID, OTHER)


async def test_a_wish_is_kept_as_it_came_first(database: Database) -> None:
    """To list a number again keeps since when it is there; a reason that is told later is added."""
    await a_list(database).asked_in_call(OUR_ID, NUMBER, "c-1")
    again = await a_list(database, 200.0).add(OUR_ID, NUMBER, reason="by letter")
    assert again == Listed(NUMBER, Wish.CALL, 100.0, "by letter", "c-1")
    last = await a_list(database, 300.0).asked_in_call(OUR_ID, NUMBER, "c-2")
    assert last == again
    assert NUMBER not in repr(last)


async def test_a_number_is_taken_off(database: Database) -> None:
    """What was taken off the list may be called again; to take it off twice is told."""
    wishes = a_list(database)
    await wishes.add(OUR_ID, NUMBER)
    await wishes.add(THEIR_ID, NUMBER)
    await wishes.remove(OUR_ID, NUMBER)
    assert not await wishes.has(OUR_ID, NUMBER)
    assert await wishes.has(THEIR_ID, NUMBER)
    with pytest.raises(NumberNotListedError):
        await wishes.remove(OUR_ID, NUMBER)


async def test_many_at_once(database: Database) -> None:
    """Thousands of numbers are listed and looked up in one go, each counted once."""
    wishes = a_list(database)
    numbers = [f"+1202555{n:04}" for n in range(1600)]
    assert await wishes.add_many(OUR_ID, [(number, None) for number in numbers]) == 1600
    assert await wishes.add_many(OUR_ID, [(number, "again") for number in [*numbers[:5], OTHER]]) == 0
    assert await wishes.add_many(OUR_ID, [("+13105550100", None), ("+13105550100", None)]) == 1
    found = await wishes.among(OUR_ID, [*numbers, "+13105550111", *numbers])
    assert found == set(numbers)
    assert await wishes.among(THEIR_ID, numbers) == set()
    assert await wishes.among(OUR_ID, []) == set()
    page = await wishes.page(OUR_ID, after=numbers[9], limit=3)
    assert [entry.number for entry in page] == numbers[10:13]


async def test_two_at_the_same_moment(database: Database) -> None:
    """Two who list the same numbers in opposite orders at the same moment both succeed."""
    wishes = a_list(database)
    rows: list[tuple[str, str | None]] = [(f"+1202555{n:04}", None) for n in range(900)]
    await asyncio.gather(*(wishes.add_many(OUR_ID, some) for some in (rows, rows[::-1], rows)))
    assert len(await wishes.among(OUR_ID, [number for number, _ in rows])) == 900


async def test_who_waits_holds_nothing_that_the_other_wants(database: Database) -> None:
    """Numbers are written in their order, so that two imports cannot wait for each other."""
    if not database.is_postgres:
        pytest.skip("SQLite has one writer")
    first, last = "+12025550101", "+12025550199"
    async with database.writer() as held:
        await held.execute(_row(first))
        own = (await held.execute(select(func.pg_backend_pid()))).scalar_one()
        importing = asyncio.create_task(a_list(database).add_many(OUR_ID, [(last, None), (first, None)]))
        async with asyncio.timeout(60):
            while not await _waits_for(database, own):
                await asyncio.sleep(0.01)
        await held.execute(_row(last))
    await importing
    assert await a_list(database).among(OUR_ID, [first, last]) == {first, last}


def _row(number: str) -> Insert:
    fields = {"organization_id": OUR_ID, "number": number, "source": Wish.API, "added_at": 1.0}
    return insert(do_not_call).values(fields)


async def _waits_for(database: Database, pid: int) -> bool:
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE :pid = ANY(pg_blocking_pids(pid))")
    async with database.reader() as connection:
        return bool((await connection.execute(waiting, {"pid": pid})).scalar_one())
