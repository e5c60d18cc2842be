"""Explains a piece of speech as phrases, pauses and unknown sounds: a Viterbi search over phrase templates.

The search is honest about what it does not know. A phrase may follow another phrase or a pause. Only next to
a pause or at an edge of the piece may a phrase begin at an inner word (its beginning was cut off before) or
break off (the speaker was interrupted). Everything else is unknown, at a fixed price a frame.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from frontdesk.simulator.speech.features import Bands
from frontdesk.simulator.speech.lexicon import Lexicon, Template

__all__ = ["Explanation", "Match", "explain"]

# Prices in squared dB: a frame of the right phrase costs about 7, of a wrong one about 90.
_UNKNOWN = np.float32(14)
_WORST = np.float32(120)
_UNKNOWN_BEGINS = np.float32(80)
_BEGIN = np.float32(40)
_BEGIN_CLAUSE = np.float32(60)
_BEGIN_INSIDE = np.float32(180)
_END_CLAUSE = np.float32(60)
_BREAK_OFF = np.float32(180)
_CLIPPED_FRAME = np.float32(15)
_HOLD = np.float32(10)
_SKIP = np.float32(10)
_NEVER = np.float32(1e9)

_PAUSE_STRICTNESS = np.float32(4)
_PAUSE_FRAMES = 15
_CLIPPABLE_FRAMES = 4
_WINDOW_FRAMES = 10
_START = -1

_Prices = npt.NDArray[np.float32]
_States = npt.NDArray[np.intp]
_ADVANCE, _HOLDS, _SKIPS, _AFTER_PAUSE, _AFTER_PHRASE = range(5)


@dataclass(frozen=True, slots=True)
class Match:
    """A phrase or a part of it: frames of the piece and frames of the template, first and last inclusive.

    `worst` is the mean price of its worst fifth of a second.
    """

    template: Template
    first_frame: int
    last_frame: int
    template_first: int
    template_last: int
    worst: float = 0.0


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was found, in order, and how many frames stayed unknown."""

    matches: tuple[Match, ...]
    unknown_frames: int


def explain(levels: Bands, floor: npt.NDArray[np.float32], words: Lexicon) -> Explanation:
    """Find the cheapest explanation of a piece of speech.

    `levels` has the shape (2, frames, bands), the second row half a frame later than the first; `floor` has
    (bands). Both are in dB relative to the loud frames of the piece. What is below the floor is noise, in the
    piece as in the templates.
    """
    search = _Search(levels, floor, words)
    for frame in range(levels.shape[1]):
        search.advance(frame)
    return search.explanation()


class _Search:
    """Prices of all states after each frame: the templates', then the pause chain and `unknown`."""

    def __init__(self, levels: Bands, floor: npt.NDArray[np.float32], words: Lexicon) -> None:
        heard, later = np.maximum(levels, floor)
        self._words = words
        self._count = len(words.levels)
        known = np.maximum(words.levels, floor)
        self._distances = np.minimum(_squared_distances(heard, known), _squared_distances(later, known))
        self._silence = np.minimum(((heard - floor) ** 2).mean(axis=1), _WORST)
        self._begin = _beginnings(words)
        self._break_off = np.where(words.silent, _END_CLAUSE, _BREAK_OFF)
        self._exits, self._exit_prices = _exits(words)
        self._no_skip = np.union1d(words.starts, words.starts + 1)
        self._prices = np.full(self._count, _NEVER)
        self._special = np.full(_PAUSE_FRAMES + 1, _NEVER)
        self._ready = np.float32(0)
        self._choices: list[npt.NDArray[np.int8]] = []
        self._finished: list[int] = []
        self._special_from: list[_States] = []

    def advance(self, frame: int) -> None:
        """Take one more frame."""
        finished = self._best_exit()
        candidates = self._candidates(frame, finished)
        special, special_from = self._next_special(frame, finished)
        choice = candidates.argmin(axis=0)
        self._prices = candidates.min(axis=0)
        self._choices.append(choice.astype(np.int8))
        self._finished.append(finished[0])
        self._special, self._ready = special, special[-2]
        self._special_from.append(special_from)

    def _candidates(self, frame: int, finished: tuple[int, np.float32]) -> _Prices:
        """Prices of the five ways into every template state, this frame included."""
        prices, distances = self._prices, self._distances[frame]
        ways = np.full((5, self._count), _NEVER)
        ways[_ADVANCE, 1:] = prices[:-1]
        ways[_ADVANCE, self._words.starts] = _NEVER
        ways[_SKIPS, 2:] = prices[:-2] + _SKIP
        ways[_SKIPS, self._no_skip[self._no_skip < self._count]] = _NEVER
        ways[_AFTER_PAUSE] = self._begin + self._ready
        ways[_AFTER_PHRASE] = _NEVER
        ways[_AFTER_PHRASE, self._words.starts] = finished[1] + _BEGIN
        ways += distances
        ways[_HOLDS] = prices + np.minimum(distances, self._silence[frame]) + _HOLD
        return ways

    def _next_special(self, frame: int, finished: tuple[int, np.float32]) -> tuple[_Prices, _States]:
        """Prices of the pause chain and of `unknown` after this frame, and the states they come from."""
        unknown, last_pause = self._count + _PAUSE_FRAMES, self._count + _PAUSE_FRAMES - 1
        ready_state = last_pause if frame else _START
        into_pause = [finished, self._best_break(), (unknown, self._special[-1])]
        stay = (ready_state, self._ready)
        ways: list[list[tuple[int, np.float32]]] = [into_pause]
        ways += [[(self._count + i, self._special[i])] for i in range(_PAUSE_FRAMES - 1)]
        ways[-1].append(stay)
        ways.append([(unknown, self._special[-1]), (ready_state, self._ready + _UNKNOWN_BEGINS)])
        best = [min(way, key=lambda option: option[1]) for way in ways]
        prices = np.array([price for _, price in best], np.float32)
        prices[:-1] += _PAUSE_STRICTNESS * self._silence[frame]
        prices[-1] += _UNKNOWN
        return prices, np.array([state for state, _ in best], np.intp)

    def _best_exit(self) -> tuple[int, np.float32]:
        """The cheapest phrase that has just been completed: its state and its price."""
        prices = self._prices[self._exits] + self._exit_prices
        best = int(prices.argmin())
        return int(self._exits[best]), prices[best]

    def _best_break(self) -> tuple[int, np.float32]:
        """The cheapest place to break off now: its state and its price."""
        prices = self._prices + self._break_off
        best = int(prices.argmin())
        return best, prices[best]

    def explanation(self) -> Explanation:
        """The cheapest path from the first frame to the last, read backwards."""
        path = self._path()
        matches: list[Match] = []
        for frame, (state, begins) in enumerate(path):
            if state >= self._count:
                continue
            template, position = self._words.template_at(state)
            if begins or not matches:
                matches.append(Match(template, frame, frame, position, position))
            else:
                last = matches[-1]
                matches[-1] = Match(template, last.first_frame, frame, last.template_first, position)
        matches = [replace(match, worst=self._worst(match, path)) for match in matches]
        unknown = sum(state == self._count + _PAUSE_FRAMES for state, _ in path)
        return Explanation(tuple(matches), unknown)

    def _worst(self, match: Match, path: list[tuple[int, bool]]) -> float:
        frames = range(match.first_frame, match.last_frame + 1)
        states = np.array([path[frame][0] for frame in frames])
        prices = self._distances[match.first_frame : match.last_frame + 1][np.arange(len(states)), states]
        held = np.diff(states, prepend=-1) == 0
        prices[held] = np.minimum(prices[held], self._silence[match.first_frame : match.last_frame + 1][held])
        if len(prices) > 2 * _WINDOW_FRAMES:  # where speech breaks off, the last frames hold half of it
            prices = prices[:-2]
        width = min(_WINDOW_FRAMES, len(prices))
        return float(np.convolve(prices, np.full(width, 1 / width), "valid").max())

    def _path(self) -> list[tuple[int, bool]]:
        """The state of each frame, and whether a phrase begins there."""
        path, state = [], self._last_state()
        for frame in reversed(range(len(self._choices))):
            before = self._before(frame, state)
            inside = state < self._count and self._choices[frame][state] in (_ADVANCE, _HOLDS, _SKIPS)
            path.append((state, state < self._count and not inside))
            state = before
        return path[::-1]

    def _last_state(self) -> int:
        pause = int(self._special.argmin())
        options = [self._best_exit(), self._best_break(), (self._count + pause, self._special[pause])]
        return min(options, key=lambda option: option[1])[0]

    def _before(self, frame: int, state: int) -> int:
        if state >= self._count:
            return int(self._special_from[frame][state - self._count])
        last_pause = self._count + _PAUSE_FRAMES - 1
        ways = (state - 1, state, state - 2, last_pause, self._finished[frame])
        return ways[self._choices[frame][state]]


def _squared_distances(heard: Bands, known: Bands) -> _Prices:
    """Mean squared distance in dB² between all frames of two pieces, none above the worst."""
    bands = heard.shape[1]
    squares = (heard**2).sum(axis=1)[:, None] + (known**2).sum(axis=1)
    distances: _Prices = np.minimum((squares - 2 * heard @ known.T) / bands, _WORST)
    return distances


def _beginnings(words: Lexicon) -> _Prices:
    """What it costs to begin in each state; the onset of a phrase or a clause may be lost."""
    prices = np.where(words.word_starts, _BEGIN_INSIDE, _NEVER)
    for price, states in ((_BEGIN_CLAUSE, np.flatnonzero(words.clause_starts)), (_BEGIN, words.starts)):
        for lost in reversed(range(_CLIPPABLE_FRAMES)):
            late = np.minimum(states + lost, len(prices) - 1)
            prices[late] = np.minimum(prices[late], price + lost * _CLIPPED_FRAME)
    return prices


def _exits(words: Lexicon) -> tuple[_States, _Prices]:
    """States in which a phrase counts as completed: its last ones, for the decay may be lost."""
    back = np.arange(_CLIPPABLE_FRAMES)
    states = words.ends[:, None] - back
    inside = states >= words.starts[:, None]
    prices = np.broadcast_to(back * _CLIPPED_FRAME, states.shape)
    return states[inside], prices[inside].astype(np.float32)
