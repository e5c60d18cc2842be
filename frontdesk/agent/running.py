"""A pipeline from its start to its end, which always comes: politely, at once, or by giving it up."""

import asyncio

from loguru import logger
from pipecat.frames.frames import CancelFrame, EndFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.workers.runner import WorkerRunner

LEAVE_TIMEOUT_S = 30.0
"""A pipeline that was told to leave at once and is not done after this long is left to itself."""


class Running:
    """Runs one pipeline.

    Args:
        pipeline: What was given to the worker.
        worker: Feeds the pipeline.
    """

    def __init__(self, pipeline: Pipeline, worker: PipelineWorker) -> None:
        self._pipeline = pipeline
        self._worker = worker
        self._finishing = False
        self._leaving = asyncio.Event()

    async def run(self, *, handle_sigint: bool) -> None:
        """Return once the pipeline is done or given up.

        A cancellation is taken as pipecat takes it: the pipeline leaves, and this returns. Who canceled
        still sees that on their task.
        """
        runner = WorkerRunner(handle_sigint=handle_sigint)
        await runner.add_workers(self._worker)
        task = asyncio.create_task(runner.run(), name="conversation")
        try:
            await self._done_or_overdue(task)
        except asyncio.CancelledError:
            await self.leave()
            task.cancel()
            await self._done_or_overdue(task)
        if task.done():
            task.result()
        else:
            logger.error("the pipeline did not end and is left to itself")

    async def finish(self) -> None:
        """Leave once everything that is queued was spoken."""
        self._finishing = True
        await self._worker.queue_frame(EndFrame())

    async def leave(self) -> None:
        """Leave at once, also when the way to a polite end is blocked."""
        self._leaving.set()
        await self._worker.cancel()
        if self._finishing:
            # Once an EndFrame is in the pipeline, stuck or not, the worker takes nothing more from its queue.
            await self._pipeline.queue_frame(CancelFrame())

    async def _done_or_overdue(self, task: asyncio.Task[None]) -> None:
        leaving = asyncio.create_task(self._leaving.wait(), name="leaving")
        try:
            await asyncio.wait((task, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                await asyncio.wait((task,), timeout=LEAVE_TIMEOUT_S)
        finally:
            leaving.cancel()
