"""Finds where speech begins and ends on a line: pieces of speech with a little quiet around them."""

from collections import deque
from dataclasses import dataclass

import numpy as np

from frontdesk.simulator.speech.features import FRAME_S, HOP
from frontdesk.simulator.speech.line import PHONE_RATE, Samples

__all__ = ["Endpointer", "Segment"]

_AUDIBLE_RMS = 60.0
_SPEECH_OVER_NOISE = 2.0
_NOISE_MEMORY_FRAMES = 150
_NOISE_KNOWN_FRAMES = 25
_LEAD_FRAMES = 10
_LONGEST_FRAMES = 1000
_SHORTEST_SPEECH_FRAMES = 4


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of speech: 8 kHz samples, and where it begins, in seconds since the line was opened."""

    samples: Samples
    start_s: float

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / PHONE_RATE


class Endpointer:
    """Cuts 8 kHz samples into segments: speech ends when `end_silence_s` of quiet follow it.

    What is quiet is measured against the noise of the line in the last three seconds.
    """

    def __init__(self, end_silence_s: float) -> None:
        self._end_frames = max(1, round(end_silence_s / FRAME_S))
        self._rest = np.zeros(0, np.int16)
        self._frames: list[Samples] = []
        self._lead: deque[Samples] = deque(maxlen=_LEAD_FRAMES)
        self._levels: deque[float] = deque(maxlen=_NOISE_MEMORY_FRAMES)
        self._taken = self._quiet = self._spoken = 0

    @property
    def position_s(self) -> float:
        """How much of the line has been taken, in seconds."""
        return self._taken * FRAME_S

    @property
    def speaking(self) -> bool:
        """Whether a piece of speech is open."""
        return bool(self._frames)

    def push(self, samples: Samples) -> list[Segment]:
        """Take samples; give the segments that have ended."""
        ready = np.concatenate([self._rest, samples])
        count = len(ready) // HOP
        self._rest = ready[count * HOP :]
        ended = [self._take(ready[i * HOP : (i + 1) * HOP]) for i in range(count)]
        return [segment for segment in ended if segment]

    def cut(self) -> Segment | None:
        """End the open piece of speech now, if there is one."""
        if not self._frames:
            return None
        segment = self.open_segment()
        speech = self._spoken >= _SHORTEST_SPEECH_FRAMES and _varies(segment.samples)
        # The next word may have begun already: its segment gets these frames too.
        self._lead.extend(self._frames[-_LEAD_FRAMES:])
        self._frames, self._quiet, self._spoken = [], 0, 0
        return segment if speech else None

    def open_segment(self) -> Segment:
        """The open piece of speech so far; it stays open."""
        start = self._taken - len(self._frames)
        return Segment(np.concatenate([np.zeros(0, np.int16), *self._frames]), start * FRAME_S)

    def _take(self, frame: Samples) -> Segment | None:
        self._taken += 1
        speech = self._is_speech(frame)
        if not self._frames:
            self._lead.append(frame)
            if speech:
                self._frames, self._spoken = list(self._lead), 1
                self._lead.clear()
            return None
        self._frames.append(frame)
        self._spoken += speech
        self._quiet = 0 if speech else self._quiet + 1
        ended = self._quiet >= self._end_frames or len(self._frames) >= _LONGEST_FRAMES
        return self.cut() if ended else None

    def _is_speech(self, frame: Samples) -> bool:
        samples = frame.astype(np.float32)
        level = float(np.sqrt(np.dot(samples, samples) / len(samples)))
        self._levels.append(level)
        if level <= _AUDIBLE_RMS:
            return False
        known = len(self._levels) >= _NOISE_KNOWN_FRAMES
        noise = sorted(self._levels)[len(self._levels) // 10] if known else 0.0
        return level > _SPEECH_OVER_NOISE * noise


def _varies(samples: Samples) -> bool:
    """Speech rises and falls; a steady noise does not."""
    frames = samples[: len(samples) // HOP * HOP].reshape(-1, HOP).astype(np.float32)
    quiet, loud = np.percentile(np.sqrt(np.mean(frames**2, axis=1)) + 1, [10, 95])
    return bool(loud > _SPEECH_OVER_NOISE * quiet)
