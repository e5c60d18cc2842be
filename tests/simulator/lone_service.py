"""One of pipecat's own services, alone in a pipeline, until it has done what is waited for."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import cast

from pipecat.frames.frames import Frame
from pipecat.observers.base_observer import BaseObserver, FramePushed
from pipecat.pipeline.worker import PipelineParams
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.tests.utils import SleepFrame, run_test

Step = Frame | type[Frame] | Callable[[], bool]
PATIENCE_S = 60.0
_PAUSE_S = 0.05


class _Seen(BaseObserver):
    """How many frames of each kind the service has pushed."""

    def __init__(self, service: FrameProcessor) -> None:
        super().__init__()
        self.kinds: Counter[type[Frame]] = Counter()
        self._service = service

    async def on_push_frame(self, data: FramePushed) -> None:
        if data.source is self._service:
            self.kinds[type(data.frame)] += 1


async def served(
    service: FrameProcessor, *steps: Step, params: PipelineParams | None = None
) -> tuple[Sequence[Frame], Sequence[Frame]]:
    """Send frames, and wait where a step says so.

    Args:
        service: Which is served.
        steps: A kind of frame waits until the service has pushed one more of it, a condition until it holds.
        params: Of the pipeline.

    Returns:
        What came out downstream, and upstream. What was waited for in vain is not among it.
    """
    seen = _Seen(service)
    return await run_test(
        service,
        frames_to_send=cast("Sequence[Frame]", _frames(seen, steps)),  # which is only iterated over
        observers=[seen],
        pipeline_params=params,
        start_timeout=PATIENCE_S,
    )


def _frames(seen: _Seen, steps: Sequence[Step]) -> Iterator[Frame]:
    awaited: Counter[type[Frame]] = Counter()
    for step in steps:
        if isinstance(step, Frame):
            yield step
        elif isinstance(step, type):
            awaited[step] += 1
            yield from _pauses(lambda kind=step: seen.kinds[kind] >= awaited[kind])  # type: ignore[misc]
        else:
            yield from _pauses(step)


def _pauses(over: Callable[[], bool]) -> Iterator[Frame]:
    for _ in range(round(PATIENCE_S / _PAUSE_S)):
        if over():
            return
        yield SleepFrame(sleep=_PAUSE_S)
