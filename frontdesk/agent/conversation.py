"""The pipeline of a call: it hears, thinks and speaks, and says fixed sentences on demand."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    ControlFrame,
    ErrorFrame,
    Frame,
    InterruptionFrame,
    LLMRunFrame,
    LLMUpdateSettingsFrame,
    TTSSpeakFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
    UserTurnStoppedMessage,
)
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.transports.base_transport import BaseTransport
from pipecat.turns.user_mute import MuteUntilFirstBotCompleteUserMuteStrategy
from pipecat.turns.user_mute.base_user_mute_strategy import BaseUserMuteStrategy

from frontdesk.agent.answering import Answering
from frontdesk.agent.models import Ears
from frontdesk.agent.running import Running
from frontdesk.agent.speech import Speech
from frontdesk.agent.tools import TOOLS, CallResources
from frontdesk.agent.transport import SAMPLE_RATE
from frontdesk.agent.witness import Witness

Notice = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Manner:
    """How a conversation is held.

    Attributes:
        sample_rate: Samples per second, both ways.
        idle_s: Silence of the person after which `person_silent` is told; 0 for never.
        rtvi: Whether to speak RTVI to a client; phones do not, the evaluation harness does.
        greeting_first: Whether the person is heard only after the bot's first sentence. On a phone line,
            noise, early media and a "hello?" would cut the greeting off.
        pipeline_idle_s: Inactivity after which pipecat gives the conversation up; None for never.
    """

    sample_rate: int = SAMPLE_RATE
    idle_s: float = 0
    rtvi: bool = False
    greeting_first: bool = True
    pipeline_idle_s: float | None = None


@dataclass(frozen=True)
class ConversationEvents:
    """What a conversation tells of itself; each is awaited outside of the audio path."""

    bot_started: Notice
    bot_stopped: Notice
    person_spoke: Notice
    person_silent: Notice
    service_failed: Callable[[str, bool], Awaitable[None]]
    """A service's name (`stt`, `llm`, `tts`) and whether it can still be used."""
    message_left: Notice
    """A message for a voicemail was spoken to its end."""


@dataclass
class _MessageSpoken(ControlFrame):
    """Stands behind a message in the pipeline, and comes out once its last sound is out."""


class _FarewellMute(BaseUserMuteStrategy):
    """Nothing that the person says cuts off a goodbye."""

    parting = False

    async def process_frame(self, frame: Frame) -> bool:
        await super().process_frame(frame)
        return self.parting


class Conversation:
    """One call's pipeline.

    Args:
        transport: The room, or the evaluation harness.
        speech: The call's services.
        ears: The call's models.
        resources: What the tools work with.
        manner: How it is held.
        answering: Finds out who has answered a call out.
    """

    def __init__(
        self,
        transport: BaseTransport,
        speech: Speech,
        ears: Ears,
        resources: CallResources,
        manner: Manner,
        answering: Answering | None = None,
    ) -> None:
        self._speech = speech
        self._answering = answering
        self._farewell = _FarewellMute()  # type: ignore[no-untyped-call]
        mutes: list[BaseUserMuteStrategy] = [self._farewell]
        if manner.greeting_first:
            mutes.append(MuteUntilFirstBotCompleteUserMuteStrategy())  # type: ignore[no-untyped-call]
        pair = LLMContextAggregatorPair(
            LLMContext(tools=list(TOOLS)),
            user_params=LLMUserAggregatorParams(
                vad_analyzer=ears.voice_activity,
                user_turn_strategies=ears.turn_strategies(),
                user_mute_strategies=mutes,
                user_idle_timeout=manner.idle_s,
            ),
        )
        self._person, self._bot = pair.user(), pair.assistant()
        self._witness = Witness(resources.report, speech)
        self._witness.listen(self._person, self._bot)
        steps = [
            transport.input(),
            speech.stt,
            *((answering.detector,) if answering else ()),
            self._person,
            *((answering.replies,) if answering else ()),
            speech.llm,
            speech.tts,
            transport.output(),
            self._bot,
        ]
        pipeline = Pipeline(steps)
        self.worker = PipelineWorker(
            pipeline,
            params=PipelineParams(
                audio_in_sample_rate=manner.sample_rate,
                audio_out_sample_rate=manner.sample_rate,
                enable_metrics=True,
            ),
            app_resources=resources,
            observers=self._witness.observers,
            enable_rtvi=manner.rtvi,
            idle_timeout_secs=manner.pipeline_idle_s,
        )
        self._running = Running(pipeline, self.worker)

    def tell(self, events: ConversationEvents) -> None:
        """Tell what happens in the conversation."""
        worker, person = self.worker, self._person
        worker.set_reached_upstream_filter((BotStartedSpeakingFrame, BotStoppedSpeakingFrame))

        async def on_frame(_: Any, frame: Frame) -> None:
            await (
                events.bot_started() if isinstance(frame, BotStartedSpeakingFrame) else events.bot_stopped()
            )

        async def on_spoken(_: Any, __: Frame) -> None:
            await events.message_left()

        async def on_error(_: Any, frame: ErrorFrame) -> None:
            await self._explain(frame, events)

        async def on_turn(_: Any, __: Any, message: UserTurnStoppedMessage) -> None:
            if message.content:
                await events.person_spoke()

        async def on_idle(_: Any) -> None:
            await events.person_silent()

        worker.add_event_handler("on_frame_reached_upstream", on_frame)
        worker.set_reached_downstream_filter((_MessageSpoken,))
        worker.add_event_handler("on_frame_reached_downstream", on_spoken)
        worker.add_event_handler("on_pipeline_error", on_error)
        person.add_event_handler("on_user_turn_stopped", on_turn)
        person.add_event_handler("on_user_turn_idle", on_idle)

    async def run(self, *, handle_sigint: bool) -> None:
        """Join the room and talk until the conversation is over or canceled."""
        try:
            await self._running.run(handle_sigint=handle_sigint)
        finally:
            self._witness.turns.over()

    async def say(self, text: str) -> None:
        """Speak a sentence after what is queued; the language model knows that it was said."""
        await self.worker.queue_frame(TTSSpeakFrame(text))

    async def interrupt(self) -> None:
        """Drop what is being thought and spoken, also what hangs, also while the person is not heard."""
        # Pushed behind the aggregator, which keeps interruptions back as long as it mutes the person.
        await self._person.push_frame(InterruptionFrame())

    async def leave_message(self, text: str) -> None:
        """Speak a message to a voicemail; nothing cuts it off. `message_left` is told at its end."""
        assert self._answering is not None, "nobody was called"  # noqa: S101
        self._farewell.parting = True
        # The detector lets nothing of the kind through once it knows a voicemail: this starts behind it.
        await self._answering.detector.push_frame(TTSSpeakFrame(text))
        await self._answering.detector.push_frame(_MessageSpoken())

    async def think_again(self) -> None:
        """Let the language model answer what was said last."""
        await self.worker.queue_frame(LLMRunFrame())

    async def instruct(self, instructions: str) -> None:
        """Give the language model other instructions from its next answer on."""
        changed = OpenAILLMService.Settings(system_instruction=instructions)
        await self.worker.queue_frame(LLMUpdateSettingsFrame(delta=changed))

    async def finish(self, farewell: str | None) -> None:
        """Say what is queued, then the farewell, then leave."""
        self._farewell.parting = True
        if farewell:
            await self.say(farewell)
        await self._running.finish()

    async def cancel(self) -> None:
        """Leave at once, also when the way to a polite end is blocked."""
        await self._running.leave()

    async def _explain(self, frame: ErrorFrame, events: ConversationEvents) -> None:
        names = {self._speech.stt: "stt", self._speech.llm: "llm", self._speech.tts: "tts"}
        name = names.get(frame.processor) if frame.processor else None  # type: ignore[call-overload]
        if name and frame.processor:
            await events.service_failed(name, frame.processor.is_usable)
