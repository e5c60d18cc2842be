"""Who has answered a call out: a person, a voicemail or a call screener. pipecat's own detector listens.

It listens beside the conversation. pipecat's gate, which holds the bot's first words until there is a
verdict, is left out: a person hears the greeting at once, and what is said into a mailbox's greeting is not
recorded. What a machine says gets no answer, as far as it is known for one.

Whatever is not certain is a person: no answer of the language model in time, an odd one, or one without
confidence.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from pipecat.classifiers.base_classifier import (
    BaseClassifier,
    ChoiceQuestion,
    ChoiceResult,
    ClassifierImage,
    ClassifierQuestion,
    ClassifierResult,
)
from pipecat.classifiers.llm.classifier import LLMClassifier
from pipecat.extensions.voicemail.voicemail_detector import VoicemailDetector
from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    LLMContextFrame,
    TranscriptionFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.llm_service import LLMService
from pipecat.utils.asyncio.task_manager import BaseTaskManager

SURE = 0.8
"""A machine is one only with this confidence; language models give theirs generously."""
DECISION_S = 1.5
"""Silence after which the latest judgment holds. Greetings have pauses; nobody waits for the verdict."""
JUDGE_TIMEOUT_S = 4.0


class Kind(StrEnum):
    """Who has answered."""

    PERSON = "person"
    VOICEMAIL = "voicemail"
    SCREENING = "screening"


QUESTION = ChoiceQuestion(
    instructions=(
        "A bot has placed an outbound phone call. This is what was heard after the call connected, as far as "
        "speech recognition understood it. Decide who answered. If in doubt, it is a person."
    ),
    options={
        Kind.PERSON.value: (
            "a live person: a greeting such as 'hello?', 'yeah?', 'John speaking' or a company's name; a "
            "long greeting that ends by asking what the caller wants; a question to the caller; anything "
            "that expects a reply right now"
        ),
        Kind.VOICEMAIL.value: (
            "a recording that takes a message or none: 'you have reached', 'leave a message after the tone', "
            "'I am not available right now', 'the mailbox is full', 'the number is not in service'"
        ),
        Kind.SCREENING.value: (
            "an automated assistant that screens calls before a person comes to the phone: it asks the "
            "caller to say their name or why they are calling"
        ),
    },
)
_NAME = "answered"

Decided = Callable[[Kind], Awaitable[None]]
Heard = Callable[[], None]


class Judge(BaseClassifier):
    """Answers the detector's question: a voicemail, or not. `latest` is the judgment of all that was heard.

    Args:
        asked: Who judges.
    """

    def __init__(self, asked: BaseClassifier) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._asked = asked
        self.latest = Kind.PERSON

    async def setup(self, task_manager: BaseTaskManager) -> None:
        """Set up who judges, too."""
        await super().setup(task_manager)
        await self._asked.setup(task_manager)

    async def cleanup(self) -> None:
        """Clean up who judges, too."""
        await super().cleanup()  # type: ignore[no-untyped-call]
        await self._asked.cleanup()  # type: ignore[no-untyped-call]

    async def _ask(
        self,
        state: str | dict[str, Any] | list[Any],
        questions: Mapping[str, ClassifierQuestion],
        images: Sequence[ClassifierImage] = (),  # noqa: ARG002 - there are none on the phone
    ) -> tuple[dict[str, ClassifierResult], None]:
        self.latest = await self._judge(state)
        choice = "voicemail" if self.latest is Kind.VOICEMAIL else "conversation"
        result = ChoiceResult(choice=choice, probabilities={choice: 1.0}, confidence=1.0)
        return dict.fromkeys(questions, result), None

    async def _judge(self, state: str | dict[str, Any] | list[Any]) -> Kind:
        try:
            found = (await self._asked.choice(state, {_NAME: QUESTION}))[_NAME]
        except Exception:  # noqa: BLE001 - pipecat's own text would quote what was said
            return Kind.PERSON
        return Kind(found.choice) if found.confidence >= SURE else Kind.PERSON


class _Detector(VoicemailDetector):
    """pipecat's detector, by words instead of turns: there are no turns while the greeting mutes a person.

    Args:
        judge: Judges what was heard.
    """

    def __init__(self, judge: Judge) -> None:
        super().__init__(classifier=judge, voicemail_response_delay=0.0, decision_timeout=DECISION_S)
        self.heard: Heard = lambda: None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, UserStartedSpeakingFrame | UserStoppedSpeakingFrame):
            await FrameProcessor.process_frame(self, frame, direction)
            await self.push_frame(frame, direction)
            return
        if isinstance(frame, InterimTranscriptionFrame | TranscriptionFrame) and frame.text.strip():
            self.heard()
            waits = self._decision_task is not None and not self._decision
            if waits and isinstance(frame, InterimTranscriptionFrame):
                await self._restart_decision_timer()  # type: ignore[no-untyped-call]
        await super().process_frame(frame, direction)


class _Replies(FrameProcessor):
    """Stands before the language model: what a machine said is not answered, unless it is a person after all.

    Args:
        held: Whether answers are held back now.
    """

    def __init__(self, held: Callable[[], bool]) -> None:
        super().__init__()
        self._held = held
        self._waiting: LLMContextFrame | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame) and self._held():
            self._waiting = frame
        else:
            await self.push_frame(frame, direction)

    async def release(self) -> None:
        """Have the last thing that was said answered after all."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            await self.push_frame(waiting)


class Answering:
    """Finds out who has answered; its two processors belong into the pipeline.

    Args:
        llm: Judges what was heard.
    """

    def __init__(self, llm: LLMService[Any]) -> None:
        self._judge = Judge(LLMClassifier(llm=llm, timeout=JUDGE_TIMEOUT_S))
        self._decided: Decided | None = None
        self.kind: Kind | None = None
        self.detector = _Detector(self._judge)
        self.replies = _Replies(lambda: self.machine)
        self.detector.add_event_handler("on_conversation_detected", self._on_conversation)
        self.detector.add_event_handler("on_voicemail_detected", self._on_voicemail)

    @property
    def likely(self) -> Kind:
        """Who has answered: by the verdict, and before that by the latest judgment."""
        return self.kind or self._judge.latest

    @property
    def machine(self) -> bool:
        """Whether what is heard comes from a machine that talks by itself, as far as is known."""
        return self.likely is Kind.VOICEMAIL or (self.kind is None and self.likely is Kind.SCREENING)

    def tell(self, decided: Decided, heard: Heard) -> None:
        """Tell once who has answered, and of every piece of speech that was understood."""
        self._decided = decided
        self.detector.heard = heard

    async def _on_voicemail(self, _: Any) -> None:
        await self._settle(Kind.VOICEMAIL)

    async def _on_conversation(self, _: Any) -> None:
        screened = self._judge.latest is Kind.SCREENING
        await self._settle(Kind.SCREENING if screened else Kind.PERSON)
        if not screened:
            await self.replies.release()

    async def _settle(self, kind: Kind) -> None:
        self.kind = kind
        if self._decided is not None:
            await self._decided(kind)
