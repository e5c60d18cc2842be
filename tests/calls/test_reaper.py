"""The reaper: calls that are due are looked at, what follows is carried out, and trouble stops nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from frontdesk.calls.entries import LedgerCall, Recorded
from frontdesk.calls.errands import Errands
from frontdesk.calls.models import Fact, GatewayFact, NewCall
from frontdesk.calls.orders import AskPresence, CloseLine, Enqueue, Order, Step
from frontdesk.calls.reaper import Reaper
from frontdesk.calls.state import CallState
from frontdesk.daily.presence import RoomPresence
from frontdesk.ended import EndedReason
from frontdesk.errors import DatabaseUnavailableError

CLOSE = CloseLine(1, EndedReason.LOST, "room-1")
ASK = AskPresence(1, "room-1")
ENQUEUE = Enqueue(2, 0, at=90.0, urgent=False)


def state_of(call_id: str, due_at: float | None = None) -> CallState:
    return CallState(call_id, "inbound", 0.0, 60.0, due_at=due_at)


@dataclass
class Books:
    """A ledger whose calls follow a script: `due` by id, and the orders of each look."""

    due: list[str] = field(default_factory=list)
    orders: dict[str, list[tuple[Order, ...]]] = field(default_factory=dict)
    away: int = 0
    claims: int = 0
    ticked: list[str] = field(default_factory=list)
    recorded: list[Fact] = field(default_factory=list)
    listeners: list[Callable[[LedgerCall], None]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def claim_due(self, now: float, limit: int, hold_s: float) -> list[str]:
        self.claims += 1
        self.changed.set()
        if self.away:
            self.away -= 1
            raise DatabaseUnavailableError
        claimed, self.due = self.due[:limit], self.due[limit:]
        return claimed

    async def tick(self, call_id: str, now: float, up_since: float) -> Step | None:
        self.ticked.append(call_id)
        self.changed.set()
        script = self.orders.get(call_id)
        return Step(state_of(call_id), orders=script.pop(0) if script else ())

    async def record(self, *facts: Fact) -> Recorded:
        self.recorded += facts
        self.changed.set()
        return Recorded()

    def watch(self, listener: Callable[[LedgerCall], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def commit(self, call_id: str, due_at: float) -> None:
        """A commit leaves a call due at this time."""
        self.due.append(call_id)
        call = NewCall(id=call_id, direction="inbound", organization_id="o", workflow="w", created_at=0.0)
        for listener in self.listeners:
            listener(LedgerCall(call, state_of(call_id, due_at)))

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


@dataclass
class Daily:
    """Closes lines, tells who is there and takes what waits, as scripted; `gate` holds every answer back."""

    takes: bool = True
    taken: list[Enqueue] = field(default_factory=list)
    how: str | None = "deleted"
    who: RoomPresence | None = None
    closed: list[str] = field(default_factory=list)
    under_way: int = 0
    most: int = 0
    gate: asyncio.Event | None = None
    hangs: asyncio.Event | None = None

    async def close(self, order: CloseLine) -> str | None:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        if self.gate:
            await self.gate.wait()
        self.under_way -= 1
        self.closed.append(order.room)
        return self.how

    async def ask(self, room: str) -> RoomPresence | None:
        return self.who

    async def enqueue(self, call_id: str, order: Enqueue) -> bool:
        self.taken.append(order)
        if self.hangs:
            await self.hangs.wait()
        return self.takes


@asynccontextmanager
async def running(
    books: Books, daily: Daily, *, every_s: float = 60, at_once: int = 8
) -> AsyncIterator[Reaper]:
    errands = Errands(books, daily, daily, "{}/{}".format, engine=daily, clock=lambda: 100.0)
    reaper = Reaper(books, errands, every_s=every_s, at_once=at_once, clock=lambda: 100.0)
    task = asyncio.create_task(reaper.run())
    try:
        yield reaper
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert books.listeners == []


async def test_a_line_that_is_closed_is_written_down() -> None:
    """An order to close is carried out, and that it was done becomes a fact of its attempt."""
    books, daily = Books(["call"], {"call": [(CLOSE,)]}), Daily()
    async with running(books, daily):
        await books.until(lambda: bool(books.recorded))
    (fact,) = books.recorded
    assert daily.closed == ["room-1"]
    assert (fact.call_id, fact.type, fact.attempt) == ("call", GatewayFact.CLOSED, 1)
    assert fact.data == {"how": "deleted"}


async def test_what_daily_did_not_confirm_is_not_written_down() -> None:
    """A line whose closing was not confirmed stays open in the books."""
    books, daily = Books(["call"], {"call": [(CLOSE, ASK)]}), Daily(how=None, who=None)
    async with running(books, daily) as reaper:
        await reaper.drain(60)
    assert daily.closed == ["room-1"]
    assert books.recorded == []


async def test_who_is_there_is_written_down() -> None:
    """An answer about presence becomes a fact; asking again makes another one."""
    books, daily = Books(["call"], {"call": [(ASK,)]}), Daily(who=RoomPresence(bot=True, phones=1))
    async with running(books, daily):
        await books.until(lambda: bool(books.recorded))
    assert books.recorded[0].data == {"bot": True, "phones": 1}
    assert books.recorded[0].id.startswith("presence:1:")


@pytest.mark.parametrize("takes", [True, False])
async def test_what_waits_goes_to_the_engine(*, takes: bool) -> None:
    """That the engine has an attempt is a fact of the call, if and only if the engine took it."""
    books, daily = Books(["call"], {"call": [(ENQUEUE,)]}), Daily(takes=takes)
    async with running(books, daily) as reaper:
        await reaper.drain(60)
    assert daily.taken == [ENQUEUE]
    told = [(fact.id, fact.attempt, fact.data) for fact in books.recorded]
    assert told == ([("enqueued:2:0", 0, {"attempt": 2, "turn": 0})] if takes else [])


async def test_an_engine_that_hangs_keeps_no_line_open() -> None:
    """However many calls wait for an engine that does not answer, lines are closed meanwhile."""
    waiting = [f"call-{number}" for number in range(20)]
    books = Books([*waiting, "talks"], {name: [(ENQUEUE,)] for name in waiting})
    books.orders["talks"] = [(CLOSE,)]
    daily = Daily(hangs=asyncio.Event())
    async with running(books, daily, at_once=4):
        await books.until(lambda: bool(books.recorded))
    assert daily.closed == ["room-1"]
    assert [fact.type for fact in books.recorded] == [GatewayFact.CLOSED]


async def test_a_room_that_nobody_told_of_has_a_name_all_the_same() -> None:
    """An order without a room is for the room that the attempt must have."""
    books, daily = Books(["call"], {"call": [(CloseLine(2, EndedReason.LOST, ""),)]}), Daily()
    async with running(books, daily):
        await books.until(lambda: bool(books.recorded))
    assert daily.closed == ["call/2"]


@pytest.mark.parametrize("due_at", [0.0, 100.0])
async def test_a_commit_that_leaves_something_due_wakes_it(due_at: float) -> None:
    """What is due by a commit is looked at long before the next look."""
    books = Books()
    async with running(books, Daily()):
        await books.until(lambda: books.claims == 1)
        books.commit("call", due_at)
        await books.until(lambda: books.ticked == ["call"])


async def test_it_is_quiet_while_nothing_is_due() -> None:
    """Commits that leave nothing due cause no look."""
    books = Books()
    async with running(books, Daily()):
        await books.until(lambda: books.claims == 1)
        for _ in range(20):
            books.commit("later", 100.5)
            await asyncio.sleep(0)
        await asyncio.sleep(0.2)
        assert books.claims == 1


async def test_trouble_of_the_database_is_waited_out() -> None:
    """While the database is away it tries again with growing pauses, and then goes on."""
    books = Books(["call"], away=3)
    async with running(books, Daily(), every_s=0.01):
        await books.until(lambda: books.ticked == ["call"])
    assert books.claims >= 4


async def test_a_database_that_is_away_for_a_day_is_waited_for() -> None:
    """However often it looked in vain, it goes on when the database is back."""
    books = Books(["call"], away=1100)
    async with running(books, Daily(), every_s=0):
        await books.until(lambda: books.ticked == ["call"])


async def test_one_call_that_cannot_be_looked_at_harms_no_other() -> None:
    """An order that raises what nobody foresaw is logged, and the next call is looked at."""

    class Broken(Daily):
        async def close(self, order: CloseLine) -> str | None:
            if order.room == "broken":
                raise RuntimeError
            return await super().close(order)

    broken = CloseLine(1, EndedReason.LOST, "broken")
    books, daily = Books(["one", "two"], {"one": [(broken,)], "two": [(CLOSE,)]}), Broken()
    async with running(books, daily):
        await books.until(lambda: bool(books.recorded))
    assert [fact.call_id for fact in books.recorded] == ["two"]


async def test_only_so_many_at_once() -> None:
    """However many are due, no more than its share are being carried out; in the end all are."""
    names = [f"call-{number}" for number in range(20)]
    books = Books(list(names), {name: [(CLOSE,)] for name in names})
    daily = Daily(gate=asyncio.Event())
    async with running(books, daily, every_s=0.01, at_once=3):
        await books.until(lambda: len(books.ticked) == 3)
        async with asyncio.timeout(60):
            while daily.under_way < 3:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        assert (len(books.ticked), daily.under_way) == (3, 3)
        assert daily.gate is not None
        daily.gate.set()
        await books.until(lambda: len(books.recorded) == 20)
    assert daily.most == 3


async def test_a_call_that_becomes_due_meanwhile_is_looked_at_again() -> None:
    """A cancel that comes while a line is being closed is not lost behind it."""
    books = Books(["call"], {"call": [(CLOSE,), (ASK,)]})
    daily = Daily(gate=asyncio.Event(), who=RoomPresence(bot=False, phones=0))
    async with running(books, daily):
        await books.until(lambda: books.ticked == ["call"])
        books.commit("call", 0.0)
        await books.until(lambda: books.claims >= 2)
        assert daily.gate is not None
        daily.gate.set()
        await books.until(lambda: len(books.recorded) == 2)
    assert books.ticked == ["call", "call"]


async def test_the_end_waits_for_what_is_under_way() -> None:
    """Draining carries out what is due, but gives up in time when Daily hangs."""
    books, daily = Books(["call"], {"call": [(CLOSE,)]}), Daily(gate=asyncio.Event())
    async with running(books, daily) as reaper:
        await books.until(lambda: books.ticked == ["call"])
        async with asyncio.timeout(60):
            await reaper.drain(0.1)
        assert daily.gate is not None
        daily.gate.set()
        await reaper.drain(60)
    assert daily.closed == ["room-1"]
