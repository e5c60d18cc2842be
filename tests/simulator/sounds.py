"""Sounds for the tests of speech: what a speaker's line is when it arrives."""

from collections.abc import Callable, Sequence

import numpy as np

from frontdesk.simulator.speech.line import Samples, g711, resample
from frontdesk.simulator.speech.listener import Heard, Listener
from frontdesk.simulator.speech.phrasebook import Phrase
from frontdesk.simulator.speech.voice import say

PATIENT = ("en-us", 160)
HURRIED = ("en-us+f3", 190)

LINES = (
    "What are your opening hours?",
    "How much does a cleaning cost?",
    "I would like to book a cleaning for tomorrow morning.",
    "I need to cancel my appointment.",
    "Can I move it to Friday afternoon?",
    "No thank you, goodbye.",
    "Yes please.",
    "That is all, bye.",
    "Where are you located?",
    "My name is John Miller.",
    "Is Doctor Chen available on Monday?",
    "Hello.",
    "Could I speak to a human please?",
    "Do you take walk-in patients on Saturdays?",
)
OTHER_LINES = (
    "What are your closing times?",
    "How many dentists work there?",
    "I would like to sell you a vacuum cleaner.",
    "The weather is nice today.",
    "Please hold the line.",
    "Nothing at all",
    "Yesterday I went to the park",
    "Can you help me with my insurance claim?",
    "Hello world, this is a test of something else entirely",
)


def quiet(seconds: float) -> Samples:
    """Digital silence."""
    return np.zeros(round(8000 * seconds), np.int16)


def spoken(text: str, voice: tuple[str, int] = PATIENT) -> Samples:
    """A line as it comes out of a G.711 leg."""
    return np.frombuffer(g711(say(text, 8000, *voice)), np.int16)


def noisy(samples: Samples, snr_db: float, seed: int = 1) -> Samples:
    """White noise over everything, `snr_db` below the speech."""
    speech = samples[samples != 0].astype(float)
    level = np.sqrt(np.mean(speech**2)) * 10 ** (-snr_db / 20)
    noise = np.random.default_rng(seed).normal(0, level, len(samples))
    return np.clip(samples + noise, -32768, 32767).astype(np.int16)


def hear(
    samples: Sequence[Samples] | Samples, phrases: Callable[[], Sequence[Phrase]], rate: int = 8000
) -> list[Heard]:
    """Feed a listener in 20 ms frames, then wait for the end of the line."""
    sound = samples if isinstance(samples, np.ndarray) else np.concatenate(samples)
    pcm = resample(sound.tobytes(), 8000, rate)
    listener = Listener(rate, phrases)
    size = rate // 50 * 2
    heard = [h for start in range(0, len(pcm), size) for h in listener.feed(pcm[start : start + size])]
    last = listener.finalize()
    return [*heard, last] if last else heard


def texts(heard: Sequence[Heard]) -> str:
    """Everything understood, in one line."""
    return " ".join(h.text for h in heard if h.text)
