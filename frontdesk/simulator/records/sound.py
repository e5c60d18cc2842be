"""The sound of a call: both sides as PCM, and the file that it is written to."""

import wave
from pathlib import Path

import numpy as np

from frontdesk.simulator.speech.line import PHONE_RATE


class Sound:
    """Both sides of a call as 16-bit mono PCM at 8 kHz, aligned with the timeline."""

    def __init__(self) -> None:
        self.person = bytearray()
        self.bot = bytearray()

    def begin_at(self, ms: float) -> None:
        """Fill with silence up to a moment of the timeline, unless the sound is that long already."""
        missing = int(ms * PHONE_RATE / 1000) * 2 - len(self.person)
        if missing > 0:
            self.person.extend(bytes(missing))
            self.bot.extend(bytes(missing))

    def add(self, person: bytes, bot: bytes) -> None:
        """Append one frame of each side; both have the same length."""
        self.person += person
        self.bot += bot

    def take(self) -> bytes:
        """Both sides interleaved, left the person; forgets them."""
        sides = [np.frombuffer(bytes(side), np.int16) for side in (self.person, self.bot)]
        self.person, self.bot = bytearray(), bytearray()
        return np.stack(sides, axis=1).tobytes()


def write_wav(path: Path, stereo: bytes) -> None:
    """Write 8 kHz 16-bit stereo PCM."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(PHONE_RATE)
        file.writeframes(stereo)
