"""Voices of simulated persons and bots: espeak-ng, called in this process through ctypes."""

import ctypes
import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from types import ModuleType

import numpy as np
import numpy.typing as npt

from frontdesk.simulator.speech.line import Samples, resampled

__all__ = ["PERSON_VOICE", "Rendering", "SpokenWord", "VoiceUnavailable", "render", "say"]

PERSON_VOICE = "en-us"

_AUDIO_OUTPUT_SYNCHRONOUS = 2
_PARAMETER_RATE = 1
_POSITION_CHARACTER = 1
_CHARS_UTF8 = 1
_EVENT_END_OF_LIST = 0
_EVENT_WORD = 1


class VoiceUnavailable(RuntimeError):  # noqa: N818
    """The voice engine is not installed, or refused a voice or a text."""


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """One word of a text (with its punctuation) and when it sounds, in seconds from the start."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Rendering:
    """A text as one voice speaks it: 16-bit mono samples at `rate`, and the times of its words."""

    samples: npt.NDArray[np.int16]
    rate: int
    words: tuple[SpokenWord, ...]

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.rate


class _Event(ctypes.Structure):
    """`espeak_EVENT` of espeak-ng's speak_lib.h."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_void_p),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class _Espeak:
    """The library, loaded and initialized at first use; one text at a time."""

    def __init__(self) -> None:
        loader = _loader()
        self._lock = Lock()
        self._chunks: list[npt.NDArray[np.int16]] = []
        self._marks: list[tuple[int, int]] = []
        self._callback = _Callback(self._receive)
        self._library = ctypes.CDLL(loader.get_library_path())
        data = str(loader.get_data_path()).encode()
        self.rate = int(self._library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, data, 0))
        if self.rate <= 0:
            raise VoiceUnavailable("espeak-ng could not be initialized: its data files are missing")
        self._library.espeak_SetSynthCallback(self._callback)
        self._library.espeak_Synth.argtypes = [
            ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int,
            ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p,
        ]  # fmt: skip

    def render(self, text: str, voice: str, wpm: int) -> Rendering:
        with self._lock:
            self._chunks.clear()
            self._marks.clear()
            self._speak(text, voice, wpm)
            silence = np.zeros(0, np.int16)
            samples = np.concatenate([silence, *self._chunks])
            return Rendering(samples, self.rate, _words(text, self._marks, len(samples), self.rate))

    def _speak(self, text: str, voice: str, wpm: int) -> None:
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise VoiceUnavailable(f"espeak-ng has no voice {voice!r}")
        self._library.espeak_SetParameter(_PARAMETER_RATE, wpm, 0)
        raw = text.encode() + b"\0"
        status = self._library.espeak_Synth(raw, len(raw), 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None)
        if status != 0:
            raise VoiceUnavailable(f"espeak-ng could not speak the text (status {status})")
        self._library.espeak_Synchronize()

    def _receive(
        self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, events: Sequence[_Event]
    ) -> int:
        if samples and count > 0:
            self._chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        position = 0
        while (event := events[position]).type != _EVENT_END_OF_LIST:
            if event.type == _EVENT_WORD:
                self._marks.append((event.text_position - 1, event.sample))
            position += 1
        return 0


def _loader() -> ModuleType:
    try:
        return importlib.import_module("espeakng_loader")
    except ImportError as error:
        raise VoiceUnavailable(
            "the simulator's voices need the package espeakng-loader: pip install 'frontdesk[simulator]'"
        ) from error


def _words(text: str, marks: list[tuple[int, int]], length: int, rate: int) -> tuple[SpokenWord, ...]:
    """Give each whitespace-separated token the time of espeak's marks in it.

    espeak joins small words ("of the"): a token without a mark of its own shares the span of its neighbors.
    """
    tokens = _tokens(text)
    starts: list[float | None] = [None] * (len(tokens) + 1)
    starts[-1] = length / rate
    for position, sample in reversed(marks):
        index = next((i for i, (_, begin, end) in enumerate(tokens) if begin <= position < end), None)
        if index is not None:
            starts[index] = sample / rate
    times = _interpolated(starts)
    return tuple(
        SpokenWord(word, begin, end)
        for (word, _, _), begin, end in zip(tokens, times, times[1:], strict=False)
    )


def _tokens(text: str) -> list[tuple[str, int, int]]:
    found, position = [], 0
    for word in text.split():
        begin = text.index(word, position)
        position = begin + len(word)
        found.append((word, begin, position))
    return found


def _interpolated(starts: list[float | None]) -> list[float]:
    known = [(i, s) for i, s in enumerate(starts) if s is not None]
    if known[0][0] != 0:
        known.insert(0, (0, 0.0))
    indexes, values = zip(*known, strict=True)
    return [float(s) for s in np.interp(np.arange(len(starts)), indexes, np.maximum.accumulate(values))]


@lru_cache(maxsize=1)
def _espeak() -> _Espeak:
    return _Espeak()


_first_use = Lock()


@lru_cache(maxsize=256)
def render(text: str, voice: str = PERSON_VOICE, wpm: int = 160) -> Rendering:
    """Speak a text at the engine's own rate (22050 Hz).

    `voice` is an espeak voice with an optional variant ("en-us", "en-gb+f3"), `wpm` words per minute.
    Raises VoiceUnavailable when the extra `simulator` is not installed or the voice is unknown.
    """
    with _first_use:
        engine = _espeak()
    return engine.render(text, voice, wpm)


@lru_cache(maxsize=512)
def say(text: str, rate: int = 8000, voice: str = PERSON_VOICE, wpm: int = 160) -> bytes:
    """Speak a text as 16-bit little-endian mono PCM at `rate` Hz; the same text is spoken once and kept."""
    rendering = render(text, voice, wpm)
    samples: Samples = rendering.samples
    return resampled(samples, rendering.rate, rate).tobytes()
