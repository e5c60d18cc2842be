"""A conversation whose pipeline hangs somewhere still ends."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from pipecat.frames.frames import CancelFrame, EndFrame, Frame, LLMTextFrame, StartFrame, TTSSpeakFrame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.transports.base_transport import BaseTransport
from pipecat.turns.user_turn_strategies import UserTurnStrategies

from frontdesk.agent import running
from frontdesk.agent.conversation import Conversation, Manner
from frontdesk.agent.tools import CallResources
from frontdesk.organizations import load_organizations
from tests.agent.fakes import NotedReport, settle
from tests.agent.stage import ROOT

DEADLINE_S = 60.0


class Passing(FrameProcessor):
    """Lets everything through and remembers what was said."""

    def __init__(self, **names: Any) -> None:
        super().__init__(**names)
        self.said: list[str] = []
        self.started = asyncio.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSSpeakFrame):
            self.said.append(frame.text)
        await self.push_frame(frame, direction)
        if isinstance(frame, StartFrame):
            self.started.set()


class Hanging(Passing):
    """A language model that never gives back frames of some kinds."""

    def __init__(self, *kinds: type[Frame]) -> None:
        super().__init__()
        self._kinds = kinds
        self.hangs = asyncio.Event()
        self.released = asyncio.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, self._kinds):
            await FrameProcessor.process_frame(self, frame, direction)
            self.hangs.set()
            await self.released.wait()
            await self.push_frame(frame, direction)
        else:
            await super().process_frame(frame, direction)


class Room(BaseTransport):
    """A room without sound."""

    def __init__(self) -> None:
        super().__init__()
        self.ear, self.mouth = Passing(), Passing()

    def input(self) -> FrameProcessor:
        return self.ear

    def output(self) -> FrameProcessor:
        return self.mouth


class Talk:
    """A conversation under way whose language model hangs on some frames."""

    def __init__(self, *kinds: type[Frame]) -> None:
        self.room = Room()
        self.model = Hanging(*kinds)
        organization = load_organizations(ROOT / "clinics").by_number(None)
        services: Any = SimpleNamespace(stt=Passing(name="stt"), llm=self.model, tts=Passing(name="tts"))
        ears: Any = SimpleNamespace(
            voice_activity=None, turn_strategies=lambda: UserTurnStrategies(start=[], stop=[])
        )
        resources = CallResources(organization, lambda: datetime.now(UTC), NotedReport(), self._hang_up)
        self.conversation = Conversation(self.room, services, ears, resources, Manner(greeting_first=False))
        self.running = asyncio.create_task(self.conversation.run(handle_sigint=False))

    async def _hang_up(self) -> None:
        """No tool is called."""

    async def hung(self, frame: Frame) -> None:
        """Have the model hang on this frame."""
        await self.conversation.worker.queue_frame(frame)
        await self.model.hangs.wait()

    async def over(self) -> None:
        """Wait until nothing runs any more."""
        async with asyncio.timeout(DEADLINE_S):
            await asyncio.wait((self.running,))
        await self.running


@pytest.fixture
async def talks() -> AsyncIterator[list[Talk]]:
    made: list[Talk] = []
    yield made
    for talk in made:
        talk.model.released.set()
        talk.running.cancel()
    left = [task for task in asyncio.all_tasks() if task.get_name() == "conversation"]
    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(*left, *(talk.running for talk in made), return_exceptions=True)


async def begin(talks: list[Talk], *kinds: type[Frame]) -> Talk:
    talk = Talk(*kinds)
    talks.append(talk)
    async with asyncio.timeout(DEADLINE_S):
        await talk.room.mouth.started.wait()
    return talk


async def test_what_hangs_is_dropped_also_once_nobody_may_cut_in(talks: list[Talk]) -> None:
    """An apology is heard although the model hangs and the person is muted already."""
    talk = await begin(talks, LLMTextFrame)
    await talk.hung(LLMTextFrame("What are your opening hours?"))
    talk.conversation._farewell.parting = True
    await talk.conversation.say("One moment.")
    async with asyncio.timeout(DEADLINE_S):
        while not talk.conversation._person._user_is_muted:
            await settle()
    await talk.conversation.interrupt()
    await talk.conversation.finish("Something is wrong.")
    await talk.over()
    assert talk.room.mouth.said == ["Something is wrong."]


async def test_a_goodbye_that_is_stuck_does_not_keep_the_line(talks: list[Talk]) -> None:
    """Leaving at once works although a polite end is blocked somewhere in the pipeline."""
    talk = await begin(talks, EndFrame)
    await talk.conversation.finish("Goodbye.")
    await talk.model.hangs.wait()
    await talk.conversation.cancel()
    await talk.over()


async def test_a_host_stops_a_conversation_whose_goodbye_is_stuck(talks: list[Talk]) -> None:
    """A canceled task ends as well, and still knows that it was canceled."""
    talk = await begin(talks, EndFrame)
    await talk.conversation.finish("Goodbye.")
    await talk.model.hangs.wait()
    talk.running.cancel()
    await talk.over()
    assert talk.running.cancelling() == 1


@pytest.mark.parametrize("politely", [True, False])
async def test_a_pipeline_that_never_ends_is_left_to_itself(
    talks: list[Talk], monkeypatch: pytest.MonkeyPatch, politely: bool
) -> None:
    """Whoever waits for the end of a call learns of it even when nothing moves in the pipeline."""
    monkeypatch.setattr(running, "LEAVE_TIMEOUT_S", 0.2)
    talk = await begin(talks, CancelFrame, EndFrame)
    if politely:
        await talk.conversation.finish("Goodbye.")
        await talk.model.hangs.wait()
    await talk.conversation.cancel()
    await talk.over()
