"""Sound that has arrived and waits to be played, cut into the 20 ms frames of a phone line."""

import numpy as np

from frontdesk.simulator.speech.line import PHONE_RATE, Resampler

FRAME_S = 0.02
FRAME_BYTES = int(PHONE_RATE * FRAME_S) * 2
SILENCE = bytes(FRAME_BYTES)
STALE_FRAMES = 3
"""Part of a frame is played, filled up with silence, when so many frames went by without the rest of it."""


class Playout:
    """The sound of one speaker for one listener: any rate in, 20 ms of 8 kHz PCM out."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._rate = PHONE_RATE
        self._resampler = Resampler(PHONE_RATE, PHONE_RATE)
        self._idle_frames = 0

    def push(self, rate: int, pcm: bytes) -> None:
        """Take what has arrived."""
        if rate != self._rate:
            self._rate, self._resampler = rate, Resampler(rate, PHONE_RATE)
        self._waiting += self._resampler.feed(pcm)

    def frame(self) -> bytes:
        """The next frame; `SILENCE` itself when there is none."""
        if len(self._waiting) >= FRAME_BYTES:
            self._idle_frames = 0
            return self._take(FRAME_BYTES)
        self._idle_frames += 1
        if self._waiting and self._idle_frames >= STALE_FRAMES:
            return self._take(len(self._waiting)).ljust(FRAME_BYTES, b"\0")
        return SILENCE

    def _take(self, size: int) -> bytes:
        piece = bytes(self._waiting[:size])
        del self._waiting[:size]
        return piece

    def clear(self) -> None:
        """Forget what waits."""
        self._waiting.clear()

    def __len__(self) -> int:
        return len(self._waiting)


def mixed(frames: list[bytes]) -> bytes:
    """Several speakers at once; `SILENCE` itself when nobody speaks."""
    voices = [frame for frame in frames if frame is not SILENCE]
    if not voices:
        return SILENCE
    if len(voices) == 1:
        return voices[0]
    total = np.sum([np.frombuffer(voice, np.int16).astype(np.int32) for voice in voices], axis=0)
    return bytes(np.clip(total, -32768, 32767).astype(np.int16).tobytes())
