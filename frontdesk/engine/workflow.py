"""The workflow of DBOS that an attempt's turn is.

What is registered here must be able to run what an older edition of it has enqueued: arguments are only ever
added at the end, with a default, and steps are never changed in number, name or order. Whoever must do so
registers another workflow, under another name, beside this one.
"""

import asyncio
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from dbos import DBOS, EnqueueOptions, SetEnqueueOptions, SetWorkflowID

from frontdesk.engine.placements import Placements
from frontdesk.engine.queue import Task

VERSION: Final = "frontdesk-1"
"""For DBOS, which takes a digest of the source by default: then every edit strands what waits."""
NAME: Final = "frontdesk"
SINGLES: Final = "singles"
CAMPAIGNS: Final = "campaigns"
_ATTEMPT: Final = "attempt"


@dataclass(slots=True)
class Bridge:
    """From DBOS's own loop to the gateway's: only `place` runs there."""

    loop: asyncio.AbstractEventLoop
    placements: Placements

    async def run(self, task: Task) -> Task | None:
        """See to a task on the gateway's loop."""
        running = asyncio.run_coroutine_threadsafe(self.placements.run(task), self.loop)
        return await asyncio.wrap_future(running)


@dataclass(slots=True)
class _Process:
    bridge: Bridge | None = None


_process = _Process()


def connect(bridge: Bridge | None) -> None:
    """Say where workflows of this process go: DBOS knows only functions of modules."""
    _process.bridge = bridge


@DBOS.step(name="place")
async def _place(task: Task) -> tuple[float, int] | None:
    """When the attempt is to be looked at again, and after how many failures; None when it is done."""
    bridge = _process.bridge
    if bridge is None:  # it is stopping: the task is begun again by whoever comes next
        raise asyncio.CancelledError
    following = await bridge.run(task)
    return None if following is None else (following.at, following.failures)


@DBOS.workflow(name=_ATTEMPT, max_recovery_attempts=None)
async def _attempt(
    call_id: str, attempt: int, turn: int, urgent: bool, partition: str, failures: int = 0
) -> None:
    task = Task(
        call_id=call_id, attempt=attempt, turn=turn, urgent=urgent, partition=partition, failures=failures
    )
    again = await _place(task)
    if again is not None:
        await follow(task.later(again[0], failures=again[1]))


async def follow(task: Task) -> None:
    """Enqueue the next turn, from within a workflow."""
    with ExitStack() as stack:
        stack.enter_context(SetWorkflowID(task.id))
        stack.enter_context(
            SetEnqueueOptions(
                delay_seconds=_delay_s(task),
                priority=task.rank,
                queue_partition_key=task.partition or NAME,
            )
        )
        await DBOS.enqueue_workflow_async(queue_of(task), _attempt, *arguments(task))


def queue_of(task: Task) -> str:
    """The name of the queue that a task is put on."""
    return SINGLES if task.urgent else CAMPAIGNS


def arguments(task: Task) -> tuple[str, int, int, bool, str, int]:
    """What is kept of a task: ids and numbers, in plain text."""
    return task.call_id, task.attempt, task.turn, task.urgent, task.partition, task.failures


def options(task: Task) -> EnqueueOptions:
    """How a task is put from outside of a workflow."""
    chosen = EnqueueOptions(
        workflow_name=_ATTEMPT,
        queue_name=queue_of(task),
        workflow_id=task.id,
        app_version=VERSION,
        priority=task.rank,
        queue_partition_key=task.partition or NAME,
    )
    delay_s = _delay_s(task)
    if delay_s is not None:
        chosen["delay_seconds"] = delay_s
    return chosen


def _delay_s(task: Task) -> float | None:
    delay_s = task.at - time.time()
    return delay_s if delay_s > 0 else None
