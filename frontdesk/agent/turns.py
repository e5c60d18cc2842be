"""Who said what, when, and how long the answers took: put together from what pipecat observes.

A turn's text comes when pipecat has written it into the conversation, its times and latencies come from
pipecat's observers, a little before or after that.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from pipecat.observers.speaking_observer import SpeechEvent, SpeechEventKind
from pipecat.observers.user_bot_latency_observer import LatencyBreakdown, MeasuredFrom

from frontdesk.agent.report import Turn

_NAMES = {"stt": "stt", "llm": "llm_first_token", "tts": "tts_first_sound"}


class Turns:
    """Puts turns together.

    Args:
        tell: Told of each turn when it is complete.
        services: Which processor of the pipeline, by its name, is `stt`, `llm` or `tts`.
    """

    def __init__(self, tell: Callable[[Turn], None], services: Mapping[str, str]) -> None:
        self._tell = tell
        self._services = services
        self._listening = False
        self._person: tuple[float | None, float | None] = (None, None)
        self._bot: tuple[float | None, float | None] = (None, None)
        self._unfinished: Turn | None = None
        self._latency: dict[str, float] = {}

    def speech(self, event: SpeechEvent) -> None:
        """Somebody began or stopped to speak."""
        match event.kind:
            case SpeechEventKind.USER_SPEECH_STARTED if not self._listening:
                self._person = (event.timestamp, None)
            case SpeechEventKind.USER_SPEECH_STOPPED:
                self._person = (self._person[0], event.timestamp)
            case SpeechEventKind.USER_TURN_STARTED:
                self._listening = True
            case SpeechEventKind.BOT_SPEECH_STARTED:
                self._bot = (event.timestamp, None)
            case SpeechEventKind.BOT_SPEECH_STOPPED:
                self._bot = (self._bot[0], event.timestamp)
                self._finish(event.timestamp)

    def person(self, text: str, began: str) -> None:
        """The person's turn is over; `began` is when, in ISO 8601."""
        started_at, ended_at = self._person
        self._listening = False
        self._person = (None, None)
        if text:
            self._tell(Turn("user", text, started_at or _seconds(began), ended_at))

    def bot(self, text: str, began: str, *, interrupted: bool) -> None:
        """The bot's turn is over, though its last sound may still be on its way."""
        if not text:
            return
        self._finish(None)
        began_at = _seconds(began)
        started_at, ended_at = self._bot
        if ended_at is not None and began_at is not None and ended_at < began_at:
            started_at, ended_at = None, None
        self._unfinished = Turn("bot", text, started_at or began_at, ended_at, interrupted, self._latency)
        self._latency = {}
        speaking = self._bot[0] is not None and self._bot[1] is None
        if not speaking:
            self._finish(ended_at)

    def latency(self, breakdown: LatencyBreakdown) -> None:
        """How long the answer that begins now took; belongs to the bot's next turn."""
        if breakdown.measured_from is not MeasuredFrom.USER_SILENCE:
            return
        parts = {part.key: 0.0 for part in breakdown.contributions}
        for part in breakdown.contributions:
            parts[part.key] += part.duration_secs
        for first in reversed(breakdown.ttfb):
            service = self._services.get(first.processor)
            if service is not None:
                parts[_NAMES[service]] = first.duration_secs
        self._latency = {
            name: round(seconds * 1000, 1)
            for name, seconds in ({"total": breakdown.total_secs} | parts).items()
        }

    def over(self) -> None:
        """Nothing more comes."""
        self._finish(None)

    def _finish(self, ended_at: float | None) -> None:
        turn, self._unfinished = self._unfinished, None
        if turn is not None:
            self._tell(replace(turn, ended_at=turn.ended_at or ended_at))


def _seconds(moment: str) -> float | None:
    try:
        return datetime.fromisoformat(moment).timestamp()
    except ValueError:
        return None
