"""The engine beside a gateway: what the ledger says waits is placed, whatever the queue does."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from frontdesk.calls import queue_facts
from frontdesk.calls.ledger import Ledger
from frontdesk.calls.models import Fact, GatewayFact, NewCall, Source
from frontdesk.calls.orders import Enqueue
from frontdesk.calls.plan import Plan
from frontdesk.calls.state import CallState
from frontdesk.engine.dbos_queue import DbosQueue
from frontdesk.engine.memory_queue import MemoryQueue
from frontdesk.engine.queue import Place, Task
from frontdesk.engine.service import Engine
from frontdesk.errors import EngineUnavailableError
from frontdesk.storage.database import Database
from tests.engine.clerk import Clerk
from tests.engine.waiting import NOW, Clock, books, call_out

ORDER = Enqueue(attempt=1, turn=0, at=NOW, urgent=True)


class Fitful(MemoryQueue):
    """A queue whose database is there when the test says so, and which ends when it says so."""

    def __init__(self) -> None:
        super().__init__(clock=Clock())
        self.is_there = True
        self.starts = 0
        self.lost = asyncio.Event()
        self.puts: list[Task] = []

    @asynccontextmanager
    async def running(self, place: Place, *, stop_s: Callable[[], float]) -> AsyncIterator[asyncio.Event]:
        self.starts += 1
        self._check()
        async with super().running(place, stop_s=stop_s):
            yield self.lost

    async def put(self, task: Task, *, anew: bool = False) -> None:
        self._check()
        self.puts.append(task)
        await super().put(task, anew=anew)

    def _check(self) -> None:
        if not self.is_there:
            raise EngineUnavailableError


@pytest.fixture
async def ledger(database: Database, tmp_path: Path) -> AsyncIterator[Ledger]:
    async with books(database, tmp_path) as running:
        yield running.ledger


async def accepted(ledger: Ledger) -> NewCall:
    """A call out that waits in the ledger."""
    call = call_out()
    await ledger.open(call)
    return call


async def state_of(ledger: Ledger, call: NewCall) -> CallState:
    found = await ledger.load(call.id)
    assert found is not None
    return found.state


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.01)


async def until_enqueued(ledger: Ledger, call: NewCall) -> None:
    """Wait until the ledger knows that the queue has the call."""
    async with asyncio.timeout(60):
        while not ((waiting := (await state_of(ledger, call)).waiting) and waiting.enqueued):
            await asyncio.sleep(0.01)


async def test_a_call_that_is_accepted_is_placed(database: Database, ledger: Ledger) -> None:
    """The queue gets it at once, the ledger learns of that, and it is placed."""
    clerk, queue = Clerk(), Fitful()
    engine = Engine(queue, ledger, database)
    async with engine.running(clerk.place):
        await until(lambda: engine.is_running)
        call = await accepted(ledger)
        engine.accepted(call, ORDER)
        await clerk.until_done((call.id, 1, 0))
        await until_enqueued(ledger, call)
    assert queue.puts[0].partition == call.organization_id


async def test_what_the_life_of_a_call_orders_is_put(database: Database, ledger: Ledger) -> None:
    """An order of the life is carried out as often as it is given, and placed once."""
    clerk, queue = Clerk(), Fitful()
    engine = Engine(queue, ledger, database)
    call = call_out(campaign_id="campaign")
    async with engine.running(clerk.place):
        await until(lambda: engine.is_running)
        await ledger.open(call)
        for _ in range(3):
            assert await engine.enqueue(call.id, ORDER)
        await clerk.until_done((call.id, 1, 0))
        assert not await engine.enqueue("0" * 32, ORDER)
    assert clerk.begun == [(call.id, 1, 0)]
    assert queue.puts[0].partition == "campaign"


async def test_a_queue_that_is_away_stops_nobody(database: Database, ledger: Ledger) -> None:
    """The gateway starts, accepts and stops without it; once it is there all that waits is placed."""
    clerk, queue = Clerk(), Fitful()
    queue.is_there = False
    engine = Engine(queue, ledger, database)
    async with engine.running(clerk.place):
        calls = [await accepted(ledger) for _ in range(3)]
        engine.accepted(calls[0], ORDER)
        assert not await engine.enqueue(calls[1].id, ORDER)
        await until(lambda: queue.starts > 1)
        assert not engine.is_running
        queue.is_there = True
        await clerk.until_done(*((call.id, 1, 0) for call in calls))
        for call in calls:
            await until_enqueued(ledger, call)
    queue.is_there = False
    async with engine.running(clerk.place):
        await until(lambda: queue.starts > 3)


async def test_a_queue_that_cannot_go_on_is_started_again(database: Database, ledger: Ledger) -> None:
    """When it says that it is lost, it is left and entered again."""
    clerk, queue = Clerk(), Fitful()
    engine = Engine(queue, ledger, database)
    async with engine.running(clerk.place):
        await until(lambda: engine.is_running)
        queue.lost.set()
        queue.lost = asyncio.Event()
        await until(lambda: queue.starts == 2 and engine.is_running)
        call = await accepted(ledger)
        engine.accepted(call, ORDER)
        await clerk.until_done((call.id, 1, 0))


async def test_a_queue_that_begins_anew_does_not_begin_the_end_of_the_gateway(
    database: Database, ledger: Ledger
) -> None:
    """How long the gateway's end may take is asked at its end alone: it counts from then."""
    queue, clerk, asked = Fitful(), Clerk(), 0

    def left_s() -> float:
        nonlocal asked
        asked += 1
        return 5.0

    engine = Engine(queue, ledger, database)
    async with engine.running(clerk.place, stop_s=left_s):
        await until(lambda: engine.is_running)
        queue.lost.set()
        queue.lost = asyncio.Event()
        await until(lambda: queue.starts == 2 and engine.is_running)
        assert asked == 0
    assert asked == 1


async def test_a_queue_that_lost_its_database_gets_everything_again(
    database: Database, ledger: Ledger
) -> None:
    """Calls that it should have and knows nothing of are put again, under a turn that it never had."""
    call, other = await accepted(ledger), await accepted(ledger)
    for each in (call, other):
        await ledger.record(queue_facts.enqueued(each.id, 1, 0, NOW))
    clerk, queue = Clerk(), Fitful()
    await queue.put(Task(call_id=other.id, at=NOW + 3600))
    engine = Engine(queue, ledger, database)
    async with engine.running(clerk.place):
        await clerk.until_done((call.id, 1, 0))
        assert await engine.reconcile() in {0, 1}
    assert [task.call_id for task in queue.puts].count(other.id) == 1


async def test_what_the_queue_has_done_and_the_ledger_still_awaits_is_put_anew(
    database: Database, ledger: Ledger
) -> None:
    """A turn that is over for the queue does not keep the call from being placed."""
    clerk, queue = Clerk(), Fitful()
    engine = Engine(queue, ledger, database, every_s=0.05)
    call = await accepted(ledger)
    async with engine.running(clerk.place):
        await until(lambda: engine.is_running)
        engine.accepted(call, ORDER)
        await clerk.until_done((call.id, 1, 0), (call.id, 1, 1))


async def test_calls_that_do_not_wait_are_left_alone(database: Database, ledger: Ledger) -> None:
    """A call that has ended, and one that is under way, are not given to the queue."""
    canceled, opened = await accepted(ledger), await accepted(ledger)
    await ledger.record(
        queue_facts.enqueued(opened.id, 1, 0, NOW),
        _fact(opened, GatewayFact.ATTEMPT_OPENED, 1, {"room": "r", "owner": "o"}),
        _fact(canceled, GatewayFact.HANG_UP, 0, {"why": "canceled"}),
    )
    queue = Fitful()
    assert await Engine(queue, ledger, database).reconcile() == 0
    assert queue.puts == []


def _fact(call: NewCall, kind: GatewayFact, attempt: int, data: dict[str, str]) -> Fact:
    return Fact(call.id, f"{kind}:{attempt}", Source.GATEWAY, kind, NOW, attempt, {**data})


async def test_the_engine_runs_on_the_durable_queue(
    database: Database, ledger: Ledger, engine_url: str
) -> None:
    """On DBOS too a call is placed that was accepted before the engine ran."""
    clerk, now = Clerk(), time.time()
    call = call_out(plan=Plan(earliest_at=now, latest_at=now + 3600))
    await ledger.open(call)
    async with Engine(DbosQueue(engine_url), ledger, database).running(clerk.place):
        await clerk.until_done((call.id, 1, 0))
        await until_enqueued(ledger, call)
