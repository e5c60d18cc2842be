"""Sound in and out of a call: sources that play in real time, tracks, the virtual speaker."""

import threading
import time
import uuid
import weakref
from collections.abc import Callable

from .pacing import pacer

BYTES_PER_SAMPLE = 2
LEAD_S = 0.1
"""Sound that a device takes ahead of time, so that a busy moment of the bot is not heard as a gap."""
SLACK_S = 0.1
"""A writer may be this late and still be played without a gap."""
SPEAKER_BUFFER_S = 2

Sink = Callable[[int, bytes], None]


class AudioData:
    """Samples of one participant: 16-bit little-endian PCM."""

    __slots__ = ("audio_frames", "num_channels", "sample_rate")

    def __init__(self, audio_frames: bytes, sample_rate: int, num_channels: int = 1) -> None:
        self.audio_frames = audio_frames
        self.sample_rate = sample_rate
        self.num_channels = num_channels

    @property
    def bits_per_sample(self) -> int:
        """Always 16."""
        return 8 * BYTES_PER_SAMPLE

    @property
    def num_audio_frames(self) -> int:
        """Samples per channel."""
        return len(self.audio_frames) // (BYTES_PER_SAMPLE * self.num_channels)


class CustomAudioSource:
    """What the bot says. Writing takes as long as the sound lasts: that alone paces pipecat's output."""

    def __init__(self, sample_rate: int, channels: int, auto_silence: bool = True) -> None:
        self.sample_rate = sample_rate
        self.channels = channels
        self.auto_silence = auto_silence
        self._played_until = 0.0
        self._lock = threading.Lock()
        self._sink: Sink | None = None

    def connect(self, sink: Sink | None) -> None:
        """Send what is written to a call, or to nobody."""
        self._sink = sink

    def write_frames(self, frames: bytes, completion: Callable[[int], None] | None = None) -> int:
        """Play 16-bit PCM; calls `completion` with its length once there is room for more, or blocks."""
        count = len(frames) // (BYTES_PER_SAMPLE * self.channels)
        due = self._schedule(count)
        sink = self._sink
        if sink is not None:
            sink(self.sample_rate, mono(bytes(frames), self.channels))
        if completion is not None:
            pacer.at(due - LEAD_S, completion, count)
            return 0
        time.sleep(max(0.0, due - LEAD_S - time.monotonic()))
        return count

    def _schedule(self, count: int) -> float:
        with self._lock:
            now = time.monotonic()
            start = self._played_until if now - self._played_until < SLACK_S else now
            self._played_until = start + count / self.sample_rate
            return self._played_until


def mono(frames: bytes, channels: int) -> bytes:
    """The first channel of interleaved 16-bit PCM: a phone has one."""
    if channels == 1:
        return frames
    samples = memoryview(frames).cast("h")
    return samples[::channels].tobytes()


class CustomAudioTrack:
    """A source under an id, as the settings of `join` name it."""

    def __init__(self, audio_source: CustomAudioSource) -> None:
        self.id = str(uuid.uuid4())
        self.source = audio_source
        _tracks[self.id] = self


# Weak: a strong table would keep the whole pipeline of every finished call reachable.
_tracks: "weakref.WeakValueDictionary[str, CustomAudioTrack]" = weakref.WeakValueDictionary()


def track_source(track_id: str) -> CustomAudioSource | None:
    """The source behind a track's id, while the bot holds the track."""
    track = _tracks.get(track_id)
    return track.source if track else None


class VirtualSpeakerDevice:
    """The sound of the whole room, mixed (pipecat: `audio_in_user_tracks=False`)."""

    def __init__(self, name: str, sample_rate: int, channels: int, non_blocking: bool) -> None:
        self.name = name
        self.sample_rate = sample_rate
        self.channels = channels
        self._non_blocking = non_blocking
        self._voices: dict[str, bytearray] = {}
        self._lock = threading.Lock()

    def feed(self, participant_id: str, pcm: bytes) -> None:
        """Take what one participant said."""
        with self._lock:
            voice = self._voices.setdefault(participant_id, bytearray())
            voice += pcm
            del voice[: -BYTES_PER_SAMPLE * self.sample_rate * SPEAKER_BUFFER_S]

    def forget(self, participant_id: str) -> None:
        """A participant has left."""
        with self._lock:
            self._voices.pop(participant_id, None)

    def read_frames(self, num_frames: int, completion: Callable[[bytes], None] | None = None) -> bytes:
        """Give so many frames of the mix, or nothing when there is not enough."""
        pcm = self._take(num_frames * BYTES_PER_SAMPLE)
        if completion is not None:
            pacer.after(0.0, completion, pcm)
            return b""
        return pcm

    def _take(self, size: int) -> bytes:
        with self._lock:
            ready = [voice for voice in self._voices.values() if len(voice) >= size]
            parts = [bytes(voice[:size]) for voice in ready]
            for voice in ready:
                del voice[:size]
        return _spread(_mix(parts), self.channels) if parts else b""


def _mix(parts: list[bytes]) -> bytes:
    if len(parts) == 1:
        return parts[0]
    sums = (sum(samples) for samples in zip(*(memoryview(part).cast("h") for part in parts), strict=True))
    return b"".join(max(-32768, min(32767, s)).to_bytes(2, "little", signed=True) for s in sums)


def _spread(pcm: bytes, channels: int) -> bytes:
    """Mono to interleaved channels."""
    if channels == 1:
        return pcm
    return b"".join(pcm[i : i + 2] * channels for i in range(0, len(pcm), 2))
