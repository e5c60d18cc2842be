"""What may be said in the simulated conversations: the closed set that listeners know.

A listener still has to find a phrase in the samples that reach it; the book only says which phrases exist and
with which voice and speed they are spoken.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from frontdesk.simulator.speech.voice import PERSON_VOICE

__all__ = ["PERSON_WPM", "Phrase", "Phrasebook", "Speaker"]

PERSON_WPM = 160

Speaker: TypeAlias = Literal["person", "bot"]


@dataclass(frozen=True, slots=True)
class Phrase:
    """A text in one voice at one speed (words per minute)."""

    text: str
    voice: str = PERSON_VOICE
    wpm: int = PERSON_WPM


class Phrasebook:
    """Phrases of persons and of bots, the latest last; beyond `limit` a side the oldest are forgotten."""

    def __init__(self, limit: int = 120) -> None:
        self._limit = limit
        self._phrases: dict[Speaker, dict[Phrase, None]] = {"person": {}, "bot": {}}

    def add_person_lines(
        self, lines: Iterable[str], voice: str = PERSON_VOICE, wpm: int = PERSON_WPM
    ) -> None:
        """Add lines that persons may say on the phone."""
        for line in lines:
            self._add("person", line, voice, wpm)

    def add_bot_line(self, text: str, voice: str, wpm: int) -> None:
        """Add a line that a bot has its voice speak."""
        self._add("bot", text, voice, wpm)

    def person_phrases(self) -> tuple[Phrase, ...]:
        """What a bot may hear of persons."""
        return tuple(self._phrases["person"])

    def bot_phrases(self) -> tuple[Phrase, ...]:
        """What a person may hear of bots."""
        return tuple(self._phrases["bot"])

    def _add(self, speaker: Speaker, text: str, voice: str, wpm: int) -> None:
        normal = " ".join(text.split())
        if not any(character.isalnum() for character in normal):
            return
        known = self._phrases[speaker]
        phrase = Phrase(normal, voice, wpm)
        known.pop(phrase, None)
        known[phrase] = None
        while len(known) > self._limit:
            del known[next(iter(known))]
