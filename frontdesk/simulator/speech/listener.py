"""A listener for a closed set of phrases: it understands from samples, and from nothing else."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from frontdesk.simulator.speech.alignment import Match, explain
from frontdesk.simulator.speech.endpoint import Endpointer, Segment
from frontdesk.simulator.speech.features import FRAME_S, HOP, Bands, band_levels, loudness, reference_level
from frontdesk.simulator.speech.lexicon import lexicon
from frontdesk.simulator.speech.line import PHONE_RATE, Resampler
from frontdesk.simulator.speech.phrasebook import Phrase
from frontdesk.simulator.speech.voice import SpokenWord

__all__ = ["BackgroundListener", "Heard", "Listener", "Segment"]

_LOWEST_FLOOR_DB = -30.0
_NOISE_MARGIN_DB = 4.0
_QUIET_PERCENTILE = 12
_SHORTEST_PART_S = 0.3
_WORD_SHARE = 0.6
_WORST_STRETCH = 9.0


@dataclass(frozen=True, slots=True)
class Heard:
    """What was understood of one piece of speech; times in seconds since the line was opened.

    `text` is empty, or the listener's `unclear`, when nothing was understood. `complete` is false when a
    speaker broke off, or when only a part of what was said was understood.
    """

    text: str
    start_s: float
    duration_s: float
    words: tuple[SpokenWord, ...] = ()
    complete: bool = True

    @property
    def marked(self) -> str:
        """The text for a transcript: an ellipsis marks what was cut off or not understood."""
        return self.text if self.complete else f"{self.text} …"


class Listener:
    """Listens to one line of 16-bit mono PCM at `rate` Hz for the phrases that `phrases()` names.

    Speech is understood when `end_silence_s` of quiet follow it, or at `finalize`. `unclear` stands for
    speech in which no known phrase was found. `push`, `cut` and `understand` are the steps of `feed` and
    `finalize`: the first two cost microseconds, `understand` some ten milliseconds, and may run in a thread.
    """

    def __init__(
        self,
        rate: int,
        phrases: Callable[[], Sequence[Phrase]],
        *,
        end_silence_s: float = 0.5,
        unclear: str = "",
    ) -> None:
        self._phrases = phrases
        self._unclear = unclear
        self._resampler = Resampler(rate, PHONE_RATE)
        self._endpointer = Endpointer(end_silence_s)

    @property
    def position_s(self) -> float:
        """How much of the line has been taken, in seconds."""
        return self._endpointer.position_s

    @property
    def hears_speech(self) -> bool:
        """Whether a piece of speech is going on."""
        return self._endpointer.speaking

    def feed(self, pcm: bytes) -> list[Heard]:
        """Take PCM; give what was understood of the pieces of speech that ended in it."""
        return [self.understand(segment) for segment in self.push(pcm)]

    def finalize(self) -> Heard | None:
        """Understand what was said so far without waiting for quiet; None when nobody speaks."""
        segment = self.cut()
        return self.understand(segment) if segment else None

    def push(self, pcm: bytes) -> list[Segment]:
        """Take PCM; give the pieces of speech that ended in it, not yet understood."""
        return self._endpointer.push(np.frombuffer(self._resampler.feed(pcm), "<i2"))

    def cut(self) -> Segment | None:
        """End the open piece of speech now."""
        return self._endpointer.cut()

    def open_segment(self) -> Segment | None:
        """The piece of speech that is going on, up to now."""
        return self._endpointer.open_segment() if self._endpointer.speaking else None

    def understand(self, segment: Segment) -> Heard:
        """Find the known phrases in a piece of speech. Safe in a thread."""
        known = lexicon(self._phrases())
        nothing = Heard(self._unclear, segment.start_s, segment.duration_s, complete=False)
        if known is None:
            return nothing
        levels = np.stack([band_levels(segment.samples), band_levels(np.roll(segment.samples, -HOP // 2))])
        relative = levels - reference_level(levels[0])
        found = explain(relative, _floor(relative[0]), known)
        parts = [part for match in found.matches if (part := _part(match))]
        if not parts:
            return nothing
        whole = all(complete for _, complete in parts) and found.unknown_frames * FRAME_S < _SHORTEST_PART_S
        words = tuple(_at(word, segment.start_s) for words, _ in parts for word in words)
        start, end = words[0].start_s, words[-1].end_s
        return Heard(" ".join(word.text for word in words), start, end - start, words, whole)


class BackgroundListener:
    """A listener whose thinking runs beside the event loop, in the order in which the pieces were said."""

    def __init__(self, listener: Listener, on_heard: Callable[[Heard], None]) -> None:
        self._listener = listener
        self._on_heard = on_heard
        self._last: asyncio.Task[None] | None = None

    def feed(self, pcm: bytes) -> None:
        """Take PCM; `on_heard` is called later, on the loop, for each piece of speech that ended."""
        for segment in self._listener.push(pcm):
            self._understand(segment)

    async def finalize(self) -> None:
        """Understand what was said so far and wait until everything has been reported."""
        if segment := self._listener.cut():
            self._understand(segment)
        if self._last:
            await self._last

    def _understand(self, segment: Segment) -> None:
        self._last = asyncio.create_task(self._report(segment, self._last))

    async def _report(self, segment: Segment, before: asyncio.Task[None] | None) -> None:
        heard = await asyncio.to_thread(self._listener.understand, segment)
        if before:
            await before
        self._on_heard(heard)


def _floor(relative: Bands) -> npt.NDArray[np.float32]:
    """Noise of the line in each band, measured in the quiet frames of a piece, never below a fixed depth."""
    levels = loudness(relative)
    quiet = relative[levels <= np.percentile(levels, _QUIET_PERCENTILE)]
    noise = 10 * np.log10(np.mean(10 ** (quiet / 10), axis=0)) + _NOISE_MARGIN_DB
    return np.asarray(np.maximum(noise, _LOWEST_FLOOR_DB), np.float32)


def _part(match: Match) -> tuple[list[SpokenWord], bool] | None:
    """The words of a phrase that were heard, timed from the start of the piece, and whether these are all."""
    if match.worst > _WORST_STRETCH:
        return None
    first, last = match.template_first * FRAME_S, (match.template_last + 1) * FRAME_S
    shift = match.first_frame * FRAME_S - first
    words = match.template.words
    heard = [word for word in words if _share(word, first, last) >= _WORD_SHARE]
    complete = len(heard) == len(words)
    if not heard or (not complete and last - first < _SHORTEST_PART_S):
        return None
    return [_at(word, shift) for word in heard], complete


def _share(word: SpokenWord, first: float, last: float) -> float:
    overlap = min(word.end_s, last) - max(word.start_s, first)
    return overlap / max(word.end_s - word.start_s, FRAME_S)


def _at(word: SpokenWord, shift: float) -> SpokenWord:
    return SpokenWord(word.text, word.start_s + shift, word.end_s + shift)
