"""Many entries in one commit: whatever shares it, the books are the same; on both databases."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from frontdesk.calls import life as calls_life
from frontdesk.calls.entries import Entry, NoOutbox, Slots, Tick, Write
from frontdesk.calls.ledger import Ledger, LedgerCall
from frontdesk.calls.models import BotFact, Fact, GatewayFact, NewCall, Source
from frontdesk.calls.orders import Patience, Told
from frontdesk.calls.rows import state_of, state_row
from frontdesk.calls.state import CallState
from frontdesk.calls.tables import attempts, call_events, calls, legs, tool_calls, turns
from frontdesk.errors import NotRecordedError
from frontdesk.storage.database import Database
from frontdesk.storage.json_text import from_text
from frontdesk.storage.spool import Spool
from tests.calls.samples import (
    NOW,
    fact,
    life,
    new_call,
    opening,
    planned_call,
    planned_life,
    started,
)
from tests.calls.slots import Freed
from tests.databases import address, opened

TABLES = (calls, attempts, legs, call_events, turns, tool_calls)
CALLS = [new_call(f"{number:032x}") for number in range(2)]
PLANNED = planned_call(f"{2:032x}")
FACTS = [part for call in CALLS for facts in ([opening(call)], *life(call)) for part in facts]
FACTS += [part for facts in planned_life(PLANNED) for part in facts]


class Heard(NoOutbox):
    """Remembers what the CRM would be told."""

    def __init__(self) -> None:
        self.batches: list[list[tuple[str, int, str]]] = []

    async def write(
        self, connection: AsyncConnection, told: Sequence[tuple[NewCall, CallState, Told]]
    ) -> None:
        self.batches.append([(call.id, one.sequence, one.type) for call, _, one in told])

    @property
    def all(self) -> list[tuple[str, int, str]]:
        return sorted(one for batch in self.batches for one in batch)


def make(
    database: Database, folder: Path, outbox: NoOutbox | None = None, slots: Slots | None = None
) -> Ledger:
    return Ledger(
        database,
        Spool(folder / "spool"),
        outbox or NoOutbox(),
        patience=Patience(),
        slots=slots,
        clock=lambda: NOW + 100,
        spool_after_s=60,
    )


async def books(database: Database) -> list[list[tuple[Any, ...]]]:
    """Everything in the ledger's tables."""
    async with database.reader() as connection:
        return [sorted(map(tuple, await connection.execute(select(table))), key=repr) for table in TABLES]


async def _empty(database: Database) -> None:
    async with database.writer() as connection:
        await connection.execute(delete(calls))


entry = st.one_of(
    st.sampled_from(CALLS).map(lambda call: Write(NOW + 100, (opening(call),), call)),
    st.just(Write(NOW + 100, (), PLANNED)),
    st.sampled_from(planned_life(PLANNED)).map(lambda facts: Write(NOW + 300, tuple(facts))),
    st.lists(st.sampled_from(FACTS), min_size=1, max_size=4).map(lambda f: Write(NOW + 100, tuple(f))),
    st.sampled_from([*CALLS, PLANNED]).map(lambda call: Tick(call.id, NOW + 100, 0.0)),
)


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_who_shares_a_commit_makes_no_difference(kind: str, *, exclusive: bool) -> None:
    """Any entries in any batches leave the same tables, and tell the CRM the same, as one by one."""
    with asyncio.Runner() as runner, tempfile.TemporaryDirectory() as folder:
        context = _database(kind, Path(folder), exclusive=exclusive)
        database = runner.run(context.__aenter__())

        @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
        @given(entries=st.lists(entry, max_size=14), cuts=st.sets(st.integers(1, 13)))
        def check(entries: list[Entry], cuts: set[int]) -> None:
            runner.run(_compare(database, entries, cuts, Path(folder)))

        try:
            check()
        finally:
            runner.run(context.__aexit__(None, None, None))


@asynccontextmanager
async def _database(kind: str, folder: Path, *, exclusive: bool) -> AsyncIterator[Database]:
    async with address(kind, folder) as url, opened(url, exclusive=exclusive) as database:
        yield database


async def _compare(database: Database, entries: list[Entry], cuts: set[int], folder: Path) -> None:
    results = []
    for places in (set(range(len(entries))), cuts):
        await _empty(database)
        heard, freed = Heard(), Freed()
        ledger = make(database, folder, heard, freed)
        edges = [0, *sorted(place for place in places if 0 < place < len(entries)), len(entries)]
        for start, end in pairwise(edges):
            if batch := entries[start:end]:
                await ledger._commit(batch)
        results.append((await books(database), heard.all, sorted(freed.over, key=repr)))
    assert results[0] == results[1]


async def test_a_poisoned_entry_harms_no_neighbor(database: Database, tmp_path: Path) -> None:
    """An entry that the database refuses is told to its caller alone; the others of its batch are kept."""
    made = [new_call() for _ in range(5)]
    poisoned = fact(made[2], BotFact.JOINED, id_="poison \ud800")
    ledger = make(database, tmp_path)
    async with ledger.running():
        await asyncio.gather(*(ledger.open(call) for call in made))
        asked = [ledger.record(poisoned if call is made[2] else started(call)) for call in made]
        results = await asyncio.gather(*asked, return_exceptions=True)
    assert [isinstance(result, NotRecordedError) for result in results] == [call is made[2] for call in made]
    assert {row[1] for row in (await books(database))[3]} == {"opened", "bot_started-1"}


async def test_calls_that_come_together_share_commits(database: Database, tmp_path: Path) -> None:
    """A hundred calls that are opened at once take a few transactions; the outbox is asked once in each."""
    heard = Heard()
    ledger = make(database, tmp_path, heard)
    async with ledger.running():
        await asyncio.gather(*(ledger.open(call, opening(call)) for call in [new_call() for _ in range(100)]))
    assert len(heard.all) == 100
    assert len(heard.batches) <= 3


async def test_gateways_that_share_a_database_agree(tmp_path: Path) -> None:
    """Two ledgers on one PostgreSQL that get the same calls and facts keep each once and tell each once."""
    async with address("postgresql", tmp_path) as url, opened(url) as one, opened(url) as two:
        heard = Heard(), Heard()
        ledgers = make(one, tmp_path / "1", heard[0]), make(two, tmp_path / "2", heard[1])
        made = [new_call() for _ in range(40)]
        async with ledgers[0].running(), ledgers[1].running():

            async def place(ledger: Ledger, call: NewCall) -> bool:
                opened_ = await ledger.open(call, opening(call))
                for facts in life(call):
                    assert not (await ledger.record(*facts)).unknown
                return opened_.created

            created = await asyncio.gather(*(place(ledger, call) for call in made for ledger in ledgers))
            claimed = await asyncio.gather(*(ledger.claim_due(NOW + 9e6, 30, 60.0) for ledger in ledgers))
        assert sum(created) == 40
        told = heard[0].all + heard[1].all
        assert len(told) == len(set(told))
        assert len(claimed[0]) + len(claimed[1]) == len({*claimed[0], *claimed[1]})
        assert len((await books(one))[3]) == 40 * 11


async def test_gateways_do_not_overwrite_each_other(tmp_path: Path) -> None:
    """Two ledgers on one PostgreSQL that get different facts of a call at the same time keep all of them."""
    told = list(BotFact)[:10]
    async with address("postgresql", tmp_path) as url, opened(url) as one, opened(url) as two:
        ledgers = make(one, tmp_path / "1"), make(two, tmp_path / "2")
        made = [new_call() for _ in range(10)]
        async with ledgers[0].running(), ledgers[1].running():
            for call in made:
                twice = await asyncio.gather(*(ledger.open(call) for ledger in ledgers))
                assert sorted(opened_.created for opened_ in twice) == [False, True]
            for kind, other in zip(told[::2], told[1::2], strict=True):
                await asyncio.gather(
                    *(
                        ledger.record(fact(call, one_of))
                        for call in made
                        for ledger, one_of in zip(ledgers, (kind, other), strict=True)
                    )
                )
            states = [loaded.state for call in made if (loaded := await ledgers[0].load(call.id))]
    assert [set(state.attempts[0].milestones) for state in states] == [set(told)] * 10


async def test_watchers_hear_of_commits(database: Database, tmp_path: Path) -> None:
    """Who watches hears of each changed call after the commit, not of copies, and harms nobody by failing."""
    heard: list[LedgerCall] = []
    ledger, call = make(database, tmp_path), new_call()

    def fail(_: LedgerCall) -> None:
        raise RuntimeError

    async with ledger.running():
        ledger.watch(fail)
        unwatch = ledger.watch(heard.append)
        await ledger.open(call, opening(call))
        for _ in range(2):
            recorded = await ledger.record(started(call))
        unwatch()
        await ledger.record(fact(call, BotFact.JOINED))
    assert [one.call for one in heard] == [call, call]
    assert heard[1].state == recorded.states[call.id]


async def test_what_comes_after_the_end_is_marked(database: Database, tmp_path: Path) -> None:
    """Facts that arrive after the end of a call are kept, marked as late, and do not move it."""
    ledger, call = make(database, tmp_path), new_call()
    async with ledger.running():
        await ledger.open(call, opening(call))
        ended = await ledger.record(fact(call, BotFact.ENDED, {"reason": "bot_hangup"}))
        late = await ledger.record(fact(call, BotFact.TURN, {"role": "user", "text": "still"}))
    assert late.states[call.id].ended_reason == ended.states[call.id].ended_reason
    async with database.reader() as connection:
        rows = await connection.execute(select(call_events.c.type, call_events.c.late))
        assert dict(map(tuple, rows))[BotFact.TURN] is True


async def test_another_program_is_noticed(tmp_path: Path) -> None:
    """What another program writes to the SQLite file is seen, although calls are kept in memory."""
    async with address("sqlite", tmp_path) as url, opened(url, exclusive=True) as ours, opened(url) as theirs:
        ledger, operator = make(ours, tmp_path / "1"), make(theirs, tmp_path / "2")
        call = new_call()
        async with ledger.running(), operator.running():
            await ledger.open(call, opening(call))
            await operator.record(
                Fact(call.id, "x", Source.GATEWAY, GatewayFact.HANG_UP, NOW + 1, data={"why": "canceled"})
            )
            seen = (await ledger.record(fact(call, BotFact.JOINED))).states[call.id]
    assert seen.hang_up
    assert {row[1] for row in (await books_of(url))[3]} >= {"x", "joined-1"}


async def books_of(url: str) -> list[list[tuple[Any, ...]]]:
    async with opened(url) as database:
        return await books(database)


@settings(deadline=None)
@given(facts=st.lists(st.sampled_from(FACTS[: len(FACTS) // 3]), max_size=12))
def test_the_fast_way_to_write_a_state_is_the_plain_one(facts: list[Fact]) -> None:
    """What the ledger writes of a state is what the state says of itself, and reading gives it back."""
    state = calls_life.opened(CALLS[0], Patience()).state
    for one in facts:
        state = calls_life.advance(state, one, NOW + 5, Patience()).state
    written = state_row(state, NOW)["life"]
    assert from_text(written) == state.to_json()
    assert state_of(SimpleNamespace(life=written)) == state
