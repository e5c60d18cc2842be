"""Templates of phrases: their frames one after another, and where a speaker may begin and break off."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from frontdesk.simulator.speech.features import FRAME_S, Bands, band_levels, reference_level
from frontdesk.simulator.speech.line import PHONE_RATE, g711
from frontdesk.simulator.speech.phrasebook import Phrase
from frontdesk.simulator.speech.voice import SpokenWord, render, say

__all__ = ["Lexicon", "Template", "lexicon", "template"]

_AUDIBLE_DB = -38.0
_SILENT_DB = -25.0
_CLAUSE_ENDS = (",", ".", ";", ":", "!", "?", "…")


@dataclass(frozen=True, slots=True)
class Template:
    """One phrase as it arrives over G.711, from its first audible frame to its last.

    `levels` are dB below the loud frames; the times of `words` count from the first frame.
    """

    phrase: Phrase
    levels: Bands
    words: tuple[SpokenWord, ...]


@lru_cache(maxsize=2048)
def template(phrase: Phrase) -> Template:
    """Render a phrase and measure its band levels."""
    samples = np.frombuffer(g711(say(phrase.text, PHONE_RATE, phrase.voice, phrase.wpm)), "<i2")
    levels = band_levels(samples)
    relative = levels - reference_level(levels)
    audible = np.flatnonzero(relative.max(axis=1) > _AUDIBLE_DB)
    first, last = (int(audible[0]), int(audible[-1])) if len(audible) else (0, 0)
    words = render(phrase.text, phrase.voice, phrase.wpm).words
    begin = first * FRAME_S
    moved = tuple(SpokenWord(w.text, w.start_s - begin, w.end_s - begin) for w in words)
    return Template(phrase, relative[first : last + 1], moved)


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The templates of several phrases in one array of states, one state a frame.

    `starts` and `ends` hold the first and the last state of each template; `word_starts` is true in states
    where a word begins, `clause_starts` where one begins after a comma or its like, `silent` between clauses.
    """

    templates: tuple[Template, ...]
    levels: Bands
    starts: npt.NDArray[np.intp]
    ends: npt.NDArray[np.intp]
    word_starts: npt.NDArray[np.bool_]
    clause_starts: npt.NDArray[np.bool_]
    silent: npt.NDArray[np.bool_]

    def template_at(self, state: int) -> tuple[Template, int]:
        """Which template a state belongs to, and which of its frames it is."""
        index = int(np.searchsorted(self.starts, state, side="right")) - 1
        return self.templates[index], state - int(self.starts[index])


@lru_cache(maxsize=16)
def _of(phrases: tuple[Phrase, ...]) -> Lexicon:
    templates = tuple(template(phrase) for phrase in phrases)
    lengths = np.array([len(t.levels) for t in templates], np.intp)
    ends = np.cumsum(lengths) - 1
    starts = ends - lengths + 1
    levels = np.concatenate([t.levels for t in templates])
    word_starts, clause_starts = np.zeros((2, len(levels)), np.bool_)
    for start, one in zip(starts, templates, strict=True):
        states = start + _first_frames(one)
        word_starts[states] = True
        clause_starts[states[1:][[w.text.endswith(_CLAUSE_ENDS) for w in one.words[:-1]]]] = True
    silent = levels.max(axis=1) < _SILENT_DB
    return Lexicon(templates, levels, starts, ends, word_starts, clause_starts, silent)


def _first_frames(one: Template) -> npt.NDArray[np.intp]:
    """The frame in which each word of a template begins."""
    frames = np.array([round(word.start_s / FRAME_S) for word in one.words], np.intp)
    return np.clip(frames, 0, len(one.levels) - 1)


def lexicon(phrases: Sequence[Phrase]) -> Lexicon | None:
    """The lexicon of these phrases, or None when there are none."""
    return _of(tuple(phrases)) if phrases else None
