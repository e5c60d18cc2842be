"""Unfinished work that nobody does any more: of a gateway that died for good, or lost on the way to us.

DBOS itself takes back only what a process with the same id left, and only at its start.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from dbos import DBOSClient, WorkflowStatus
from loguru import logger

from frontdesk.engine.identity import Identity
from frontdesk.engine.transact import Transact
from frontdesk.errors import EngineUnavailableError

_EVERY_S = 2.0
_STRAY_S = 20.0
"""How long a workflow that is said to run here may have no placement."""


class Takeover:
    """Gives unfinished workflows back to their queue.

    Args:
        transact: The DBOS of this process.
        identity: Ours, and whether others live.
        unfinished: Ids of the tasks that run here.
    """

    def __init__(self, transact: Transact, identity: Identity, unfinished: Callable[[], set[str]]) -> None:
        self._transact = transact
        self._identity = identity
        self._unfinished = unfinished
        self._seen: dict[str, float] = {}

    async def run(self) -> None:
        """Look for as long as this runs."""
        while True:
            try:
                await self.look()
            except EngineUnavailableError:
                pass
            except Exception as error:  # noqa: BLE001 - it must go on looking
                logger.error("unfinished work of others could not be looked for: {}", type(error).__name__)
            await asyncio.sleep(_EVERY_S)

    async def look(self) -> None:
        """Look once.

        Raises:
            EngineUnavailableError: The queue's database is away.
        """
        owned: dict[str, list[WorkflowStatus]] = defaultdict(list)
        for found in await self._transact.ask(_pending):
            owned[found.executor_id or ""].append(found)
        await self._take_strays(owned.pop(self._identity.executor_id, []))
        for executor_id in owned:
            await self._take_over(executor_id)

    async def _take_over(self, executor_id: str) -> None:
        async with self._identity.dead(executor_id) as dead:
            if dead:
                left = await self._transact.ask(lambda client: _pending(client, executor_id))
                await self.resume(left)
                logger.info("{} placements of a gateway that is gone are taken over", len(left))

    async def _take_strays(self, ours: Sequence[WorkflowStatus]) -> None:
        """Dequeued by us, and then the database went away before we knew of what."""
        now, running = time.monotonic(), self._unfinished()
        alone = {found.workflow_id: found for found in ours if found.workflow_id not in running}
        self._seen = {name: self._seen.get(name, now) for name in alone}
        strays = [alone[name] for name, since in self._seen.items() if now - since >= _STRAY_S]
        if strays:
            await self.resume(strays)
            self._seen.clear()
            logger.info("{} placements that were lost on the way are begun again", len(strays))

    async def resume(self, workflows: Iterable[WorkflowStatus]) -> None:
        """Put them back on the queue that they came from."""
        queues: dict[str | None, list[str]] = defaultdict(list)
        for found in workflows:
            queues[found.queue_name].append(found.workflow_id)
        for queue, names in queues.items():
            await self._transact.ask(_resuming(names, queue))


def _resuming(names: list[str], queue: str | None) -> Callable[[DBOSClient], object]:
    return lambda client: client.resume_workflows(names, queue_name=queue)


def _pending(client: DBOSClient, executor_id: str | None = None) -> list[WorkflowStatus]:
    return client.list_workflows(
        status="PENDING", executor_id=executor_id, load_input=False, load_output=False
    )
