"""The durable queue on DBOS Transact: a SQLite file beside the books', or a schema in PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from dbos import DBOSClient
from loguru import logger

from frontdesk.engine import workflow
from frontdesk.engine.address import Address
from frontdesk.engine.identity import identity
from frontdesk.engine.placements import Placements
from frontdesk.engine.queue import Place, Task
from frontdesk.engine.takeover import Takeover
from frontdesk.engine.transact import Transact
from frontdesk.errors import EngineUnavailableError

Result = TypeVar("Result")
_ACTIVE = ["ENQUEUED", "DELAYED", "PENDING"]
_OVER = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
_KEPT = timedelta(hours=1)
_PRUNE_EVERY_S = 60.0
_PRUNED_AT_ONCE = 500
_SETTLE_S = 2.0
_LOOKS = 100
_DESTROY_S = 5.0


class DbosQueue:
    """Tasks as workflows of DBOS; see `Transact` for how many may run in a process.

    Args:
        url: As DATABASE_URL is written; see `frontdesk.engine.address.engine_url`.

    Raises:
        DatabaseUrlError: The URL names neither SQLite nor PostgreSQL.
    """

    def __init__(self, url: str) -> None:
        self._address = Address.of(url)
        self._transact: Transact | None = None

    @asynccontextmanager
    async def running(self, place: Place, *, stop_s: Callable[[], float]) -> AsyncIterator[asyncio.Event]:
        """See `Queue.running`."""
        async with AsyncExitStack() as stack:
            ours = await stack.enter_async_context(identity(self._address))
            placements = Placements(place)
            transact = Transact(self._address)
            await transact.start(ours.executor_id, workflow.Bridge(asyncio.get_running_loop(), placements))
            stack.push_async_callback(transact.stop, _DESTROY_S)
            stack.push_async_callback(self._settle, transact, ours.executor_id, placements)
            takeover = Takeover(transact, ours, lambda: placements.unfinished)
            await stack.enter_async_context(_beside(takeover.run(), _prune(transact)))
            self._transact = transact
            try:
                yield ours.lost
            finally:
                self._transact = None
                await placements.stop(stop_s())

    async def put(self, task: Task, *, anew: bool = False) -> None:
        """See `Queue.put`."""
        await self._ask(lambda client: _put(client, _unused(client, task) if anew else task))

    async def known(self) -> set[str]:
        """See `Queue.known`."""
        return await self._ask(_known)

    async def _ask(self, work: Callable[[DBOSClient], Result]) -> Result:
        if self._transact is None:
            raise EngineUnavailableError
        return await self._transact.ask(work)

    async def _settle(self, transact: Transact, executor_id: str, placements: Placements) -> None:
        """Let what has finished be written down: otherwise it would be begun again."""
        with suppress(TimeoutError, EngineUnavailableError):
            async with asyncio.timeout(_SETTLE_S):
                for _ in range(_LOOKS):
                    running = await transact.ask(lambda client: _running(client, executor_id))
                    if running <= placements.unfinished:
                        return
                    await asyncio.sleep(_SETTLE_S / _LOOKS)


@asynccontextmanager
async def _beside(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _prune(transact: Transact) -> None:
    """Delete what was finished a while ago, again and again."""
    while True:
        more = False
        try:
            more = await transact.ask(_delete_some)
        except EngineUnavailableError:
            pass
        except Exception as error:  # noqa: BLE001 - it must go on
            logger.error("finished work could not be deleted: {}", type(error).__name__)
        await asyncio.sleep(_SETTLE_S if more else _PRUNE_EVERY_S)


def _delete_some(client: DBOSClient) -> bool:
    """Whether there may be more."""
    before = (datetime.now(UTC) - _KEPT).isoformat()
    over = client.list_workflows(
        status=_OVER, completed_before=before, limit=_PRUNED_AT_ONCE, load_input=False, load_output=False
    )
    if over:
        client.delete_workflows([found.workflow_id for found in over])
    return len(over) == _PRUNED_AT_ONCE


def _put(client: DBOSClient, task: Task) -> None:
    client.enqueue(workflow.options(task), *workflow.arguments(task))


def _unused(client: DBOSClient, task: Task) -> Task:
    """The task under its first turn that no workflow ever had."""
    found = client.list_workflows(
        workflow_id_prefix=f"{task.call_id}-{task.attempt}-", load_input=False, load_output=False
    )
    used = {each.workflow_id for each in found}
    while task.id in used:
        task = task.later(task.at)
    return task


def _known(client: DBOSClient) -> set[str]:
    found = client.list_workflows(status=_ACTIVE, load_input=False, load_output=False)
    return {each.workflow_id.rsplit("-", 2)[0] for each in found}


def _running(client: DBOSClient, executor_id: str) -> set[str]:
    found = client.list_workflows(
        status="PENDING", executor_id=executor_id, load_input=False, load_output=False
    )
    return {each.workflow_id for each in found}
