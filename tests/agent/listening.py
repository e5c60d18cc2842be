"""A callee who talks to pipecat's detector, on a clock that stands until somebody pauses."""

import asyncio
from types import SimpleNamespace

import pytest
from pipecat.extensions.voicemail import voicemail_detector
from pipecat.frames.frames import EndFrame, Frame, LLMContextFrame, WorkerFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.workers.runner import WorkerRunner

from frontdesk.agent.answering import DECISION_S, Answering, Kind
from frontdesk.agent.speech import speech_services
from frontdesk.settings import BotSettings
from tests.agent.fakes import ManualTime

DEADLINE_S = 60.0


class Pause:
    """Nobody speaks for some seconds.

    Args:
        seconds: How long.
        decides: Wait for the verdict that must follow.
    """

    def __init__(self, seconds: float, *, decides: bool = False) -> None:
        self.seconds = seconds
        self.decides = decides


PAUSE = Pause(DECISION_S * 2 / 3)
"""Too short for a verdict; two of them are not."""
SILENCE = Pause(DECISION_S, decides=True)
NOTHING = Pause(DECISION_S * 10)
"""Long enough for any verdict, where none must come."""

Step = Frame | Pause


class Listening:
    """What the bot learned of a callee, and what came out behind the detector."""

    def __init__(self) -> None:
        self.heard = 0
        self.out: list[Frame] = []
        self.decided: list[Kind] = []
        self.verdict = asyncio.Event()

    async def known(self, kind: Kind) -> None:
        self.decided.append(kind)
        self.verdict.set()

    def words(self) -> None:
        self.heard += 1

    def answers(self) -> int:
        """How often the language model was to answer."""
        return sum(isinstance(frame, LLMContextFrame) for frame in self.out)


class _Mark(WorkerFrame):
    """Comes out once all that was sent before it was taken; a machine's verdict lets it pass."""

    def __init__(self) -> None:
        super().__init__()
        self.out = asyncio.Event()


class _End(FrameProcessor):
    """The end of the pipeline."""

    def __init__(self, told: Listening) -> None:
        super().__init__()
        self._told = told

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, _Mark):
            frame.out.set()
        else:
            self._told.out.append(frame)
        await self.push_frame(frame, direction)


async def listen(settings: BotSettings, *steps: Step) -> Listening:
    """Let the callee speak and pause, and the pipeline carry on; what was said is judged before a pause."""
    time, told = ManualTime(), Listening()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(voicemail_detector, "asyncio", SimpleNamespace(Queue=asyncio.Queue, sleep=time.sleep))
        speech = await speech_services(settings, language="en", instructions="Call a patient.")
        asked = Answering(speech.llm)
        asked.tell(told.known, told.words)
        pipeline = Pipeline([asked.detector, asked.replies, _End(told)])
        async with asyncio.timeout(DEADLINE_S):
            await _Talk(asked, told, time, PipelineWorker(pipeline, cancel_on_idle_timeout=False)).run(*steps)
    return told


class _Talk:
    def __init__(self, asked: Answering, told: Listening, time: ManualTime, worker: PipelineWorker) -> None:
        self._asked = asked
        self._told = told
        self._time = time
        self._worker = worker
        self._begun = asyncio.Event()
        worker.add_event_handler("on_pipeline_started", self._on_begun)

    async def run(self, *steps: Step) -> None:
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(self._worker)
        async with asyncio.TaskGroup() as group:
            group.create_task(runner.run())
            group.create_task(self._talk(*steps))

    async def _on_begun(self, *_: object) -> None:
        self._begun.set()

    async def _talk(self, *steps: Step) -> None:
        await self._begun.wait()
        for step in steps:
            if isinstance(step, Pause):
                await self._judged()
                await self._pause(step)
            else:
                await self._worker.queue_frame(step)
        await self._judged()
        await self._worker.queue_frame(EndFrame())

    async def _judged(self) -> None:
        mark = _Mark()
        await self._worker.queue_frame(mark)
        await mark.out.wait()
        await self._asked.detector._segments.join()

    async def _pause(self, pause: Pause) -> None:
        await self._time.pass_by(pause.seconds)
        while pause.decides and not self._told.verdict.is_set():
            await self._time.pass_by(0)
