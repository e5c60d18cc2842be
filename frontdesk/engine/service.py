"""The engine: has attempts of calls out placed when their time comes, whatever dies in between.

It decides nothing: the ledger says what waits, the queue brings it up, `place` sees to it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Protocol

from loguru import logger

from frontdesk.calls import queue_facts
from frontdesk.calls.entries import LedgerCall, Recorded
from frontdesk.calls.models import Fact, NewCall
from frontdesk.calls.orders import Enqueue
from frontdesk.engine.queue import Place, Queue, Task
from frontdesk.engine.reconciler import Reconciler
from frontdesk.errors import EngineUnavailableError, FrontdeskError
from frontdesk.logs import call_context
from frontdesk.storage.database import Database
from frontdesk.tasks import InFlight

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0
_LAST_S = 2.0
_GATHER_S = 0.5
"""Well before the life of an accepted call orders it again."""
_ANEW_S = 30.0
"""How long placements may take to finish when the queue must begin anew."""


class Books(Protocol):
    """The part of the ledger that the engine needs."""

    async def load(self, call_id: str) -> LedgerCall | None:
        """A call as it is in the database."""

    async def record(self, *facts: Fact) -> Recorded:
        """Write facts down."""


class Engine:
    """The durable queue of calls out, running beside the gateway and never in its way.

    Args:
        queue: `DbosQueue`, or `MemoryQueue` for gateways that share a process.
        books: The ledger.
        database: The books', to look for calls that the queue has lost.
        every_s: How often they are looked for, in seconds.
        clock: UTC seconds.
    """

    def __init__(
        self,
        queue: Queue,
        books: Books,
        database: Database,
        *,
        every_s: float = 600.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._queue = queue
        self._books = books
        self._database = database
        self._every_s = every_s
        self._clock = clock
        self._reconciler = Reconciler(queue, books, database, self._enter)
        self._in_flight = InFlight()
        self._taken: list[Fact] = []
        self._away = True
        self._told = False

    @property
    def is_running(self) -> bool:
        """Whether the queue takes tasks and brings them up; the ledger keeps what waits meanwhile."""
        return not self._away

    @asynccontextmanager
    async def running(
        self, place: Place, *, stop_s: Callable[[], float] = lambda: 5.0
    ) -> AsyncIterator[None]:
        """Start in the background, and again whenever the queue's database comes back; stop at the end.

        Never waits for the queue's database: until it is there, calls out wait in the ledger.

        Args:
            place: Sees to an attempt.
            stop_s: How long running placements may take to finish at the end, in seconds.
        """
        stopping = asyncio.Event()
        keeping = asyncio.create_task(self._keep(place, stop_s, stopping), name="engine")
        try:
            yield
        finally:
            stopping.set()
            await self._in_flight.drain(_LAST_S)
            if self._away:
                keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping

    def accepted(self, call: NewCall, order: Enqueue) -> None:
        """Put a call that was just accepted, in the background, and record `enqueued`.

        Failure is logged by its code: the life of the call orders it again.
        """
        self._in_flight.start(self._accept(call, order))

    async def enqueue(self, call_id: str, order: Enqueue) -> bool:
        """Put what the life of a call orders; whether the queue has it now."""
        if self._away:
            return False
        try:
            found = await self._books.load(call_id)
            if found is not None:
                await self._queue.put(_task(found.call, order))
        except FrontdeskError as error:
            logger.warning("the call could not be given to the queue: {}", error.code)
            return False
        return found is not None

    async def reconcile(self) -> int:
        """Bring to the queue what waits in the ledger and is unknown there; how many calls that were.

        Raises:
            DatabaseUnavailableError: The ledger is away.
            EngineUnavailableError: The queue is away.
        """
        return await self._reconciler.look()

    async def _accept(self, call: NewCall, order: Enqueue) -> None:
        with call_context(call.id):
            try:
                await self._queue.put(_task(call, order))
            except EngineUnavailableError as error:
                if not self._away:
                    logger.warning("the call could not be given to the queue yet: {}", error.code)
                return
        self._taken.append(queue_facts.enqueued(call.id, order.attempt, order.turn, self._clock()))
        if len(self._taken) == 1:
            self._in_flight.start(self._tell_taken())

    async def _tell_taken(self) -> None:
        """Record `enqueued` of all calls of a moment in one commit; none that is being accepted waits."""
        await asyncio.sleep(_GATHER_S)
        taken, self._taken = self._taken, []
        try:
            await self._books.record(*taken)
        except FrontdeskError as error:
            logger.warning("it could not be recorded what the queue has: {}", error.code, calls=len(taken))

    async def _enter(self, found: LedgerCall, order: Enqueue, anew: bool) -> None:
        await self._queue.put(_task(found.call, order), anew=anew)
        await self._enqueued(found.call.id, order)

    async def _enqueued(self, call_id: str, order: Enqueue) -> None:
        await self._books.record(queue_facts.enqueued(call_id, order.attempt, order.turn, self._clock()))

    async def _keep(self, place: Place, stop_s: Callable[[], float], stopping: asyncio.Event) -> None:
        """Run the queue whenever it can be run."""

        def left_s() -> float:
            # Whoever is asked at the end may count from then on: not for a queue that only begins anew.
            return stop_s() if stopping.is_set() else _ANEW_S

        pause_s = _FIRST_PAUSE_S
        while not stopping.is_set():
            try:
                async with self._queue.running(place, stop_s=left_s) as lost:
                    pause_s = _FIRST_PAUSE_S
                    self._away = self._told = False
                    await self._run(lost, stopping)
            except EngineUnavailableError as error:
                self._tell(error)
            except Exception as error:  # noqa: BLE001 - calls in must not be harmed by it
                logger.error("the engine failed, and is started again: {}", type(error).__name__)
            self._away = True
            if not stopping.is_set():
                await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _run(self, lost: asyncio.Event, stopping: asyncio.Event) -> None:
        reconciling = asyncio.create_task(self._reconcile())
        ends = [asyncio.create_task(event.wait()) for event in (lost, stopping)]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (reconciling, *ends):
                task.cancel()
            await asyncio.gather(reconciling, *ends, return_exceptions=True)

    async def _reconcile(self) -> None:
        while True:
            pause_s = self._every_s
            try:
                await self.reconcile()
            except FrontdeskError:
                pause_s = min(_LONGEST_PAUSE_S, self._every_s)
            except Exception as error:  # noqa: BLE001 - it must go on
                logger.error("ledger and queue could not be compared: {}", type(error).__name__)
            await asyncio.sleep(pause_s)

    def _tell(self, error: EngineUnavailableError) -> None:
        cause, told = type(error.__cause__ or error).__name__, self._told
        self._told = True
        if not told:
            logger.warning("calls out wait: the queue cannot be started: {} ({})", error.code, cause)


def partition_of(call: NewCall) -> str:
    """Whose calls do not hold up others': the campaign's, or the organization's single ones."""
    return call.campaign_id or call.organization_id


def _task(call: NewCall, order: Enqueue) -> Task:
    return Task(
        call_id=call.id,
        attempt=order.attempt,
        turn=order.turn,
        at=order.at,
        urgent=order.urgent,
        partition=partition_of(call),
    )
