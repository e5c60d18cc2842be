import asyncio
import time

import numpy as np
import pytest

from frontdesk.simulator.speech.line import mulaw_decode
from frontdesk.simulator.speech.listener import BackgroundListener, Heard, Listener
from frontdesk.simulator.speech.phrasebook import Phrasebook
from frontdesk.simulator.speech.voice import render
from tests.simulator.sounds import HURRIED, LINES, OTHER_LINES, PATIENT, hear, noisy, quiet, spoken, texts


@pytest.fixture(scope="module")
def book() -> Phrasebook:
    book = Phrasebook()
    for speaker in (PATIENT, HURRIED):
        book.add_person_lines(LINES, *speaker)
    return book


def word_errors(said: str, heard: str) -> int:
    """Levenshtein distance in words."""
    row = list(range(len(heard.split()) + 1))
    for i, word in enumerate(said.split(), 1):
        row, before = [i], row
        for j, other in enumerate(heard.split(), 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (word != other)))
    return row[-1]


@pytest.mark.parametrize("speaker", [PATIENT, HURRIED], ids=["patient", "hurried"])
@pytest.mark.parametrize("rate", [8000, 16000, 24000])
def test_word_error_rate_of_known_lines_is_zero(
    book: Phrasebook, speaker: tuple[str, int], rate: int
) -> None:
    """Fourteen known lines in two voices over G.711 are understood without an error at any rate and gain."""
    errors = 0
    for number, line in enumerate(LINES):
        gain = (0.1, 0.4, 1.0)[number % 3]
        sound = (
            np.concatenate([quiet(0.2 + number * 0.0131), spoken(line, speaker), quiet(0.7)]) * gain
        ).astype(np.int16)
        errors += word_errors(line, texts(hear(sound, book.person_phrases, rate)))
    assert errors == 0


@pytest.mark.parametrize("speaker", [PATIENT, HURRIED], ids=["patient", "hurried"])
@pytest.mark.parametrize("line", OTHER_LINES)
def test_other_lines_are_not_understood(book: Phrasebook, speaker: tuple[str, int], line: str) -> None:
    """Lines that nobody announced give no text, even when they begin like a known line."""
    assert texts(hear([quiet(0.3), spoken(line, speaker), quiet(0.7)], book.person_phrases)) == ""


@pytest.mark.parametrize("snr_db", [20, 15, 10])
def test_noise_on_the_line_does_not_confuse(book: Phrasebook, snr_db: int) -> None:
    """With noise 10 to 20 dB below the speech known lines are understood and others are not."""
    for number, line in enumerate((*LINES[::3], *OTHER_LINES[::3])):
        sound = noisy(np.concatenate([quiet(1.0), spoken(line, HURRIED), quiet(0.8)]), snr_db, number)
        assert texts(hear(sound, book.person_phrases)) == (line if line in LINES else "")


def test_noise_alone_is_not_speech(book: Phrasebook) -> None:
    """Steady noise and digital silence are not reported at all."""
    noise = np.random.default_rng(2).normal(0, 400, 24000).astype(np.int16)
    assert hear(noise, book.person_phrases) == []
    assert hear(quiet(2), book.person_phrases) == []


def test_several_lines_in_one_breath(book: Phrasebook) -> None:
    """Lines one after another without a pause are understood in order, as one complete piece."""
    sound = [quiet(0.3), spoken(LINES[0]), quiet(0.1), spoken(LINES[8]), spoken(LINES[5]), quiet(0.7)]
    heard = hear(sound, book.person_phrases)
    assert texts(heard) == f"{LINES[0]} {LINES[8]} {LINES[5]}"
    assert [h.complete for h in heard] == [True]


@pytest.mark.parametrize("late_s", [0.0, 0.1])
@pytest.mark.parametrize("line", ["No thank you, goodbye.", "That is all, bye."])
def test_a_line_cut_in_two_by_a_pause(book: Phrasebook, line: str, late_s: float) -> None:
    """When the bot's VAD finalizes at a comma, even a bit late, the clause is understood, then the rest."""
    clause = line[: line.index(",") + 1]
    spoken_words = render(line, *PATIENT).words
    cut = int((spoken_words[len(clause.split())].start_s + late_s) * 8000)
    sound, listener = spoken(line), Listener(8000, book.person_phrases)
    listener.feed(np.concatenate([quiet(0.3), sound[:cut]]).tobytes())
    first = listener.finalize()
    rest = listener.feed(np.concatenate([sound[cut:], quiet(0.7)]).tobytes())
    assert first is not None
    assert (first.text, first.complete) == (clause, False)
    assert [h.text for h in rest] == [line.removeprefix(clause).strip()]


def test_a_speaker_who_is_interrupted_is_understood_so_far(book: Phrasebook) -> None:
    """Of a line that breaks off the words that were spoken are reported, and marked."""
    heard = hear([quiet(0.3), spoken(LINES[2])[:12000], quiet(0.7)], book.person_phrases)
    assert [(h.text, h.complete) for h in heard] == [("I would like to book a cleaning", False)]
    assert heard[0].marked == "I would like to book a cleaning …"


@pytest.mark.parametrize("gap_s", [0.02, 0.06, 0.3])
def test_a_stutter_of_the_network_does_not_matter(book: Phrasebook, gap_s: float) -> None:
    """Late or lost audio in the middle of a word leaves the line understood."""
    line = spoken(LINES[0])
    late = [quiet(0.3), line[:6000], quiet(gap_s), line[6000:], quiet(0.7)]
    lost = [quiet(0.3), line[:6000], line[6160:], quiet(0.7)]
    assert texts(hear(late, book.person_phrases)) == texts(hear(lost, book.person_phrases)) == LINES[0]


def test_words_have_the_times_at_which_they_were_heard(book: Phrasebook) -> None:
    """Start and end of what was heard are within 60 ms of where the speech was on the line."""
    line = spoken(LINES[1])
    (heard,) = hear([quiet(1.5), line, quiet(0.7)], book.person_phrases)
    assert heard.start_s == pytest.approx(1.5, abs=0.06)
    assert heard.duration_s == pytest.approx(len(line) / 8000, abs=0.06)


def test_the_samples_decide_and_not_the_book(book: Phrasebook) -> None:
    """What is understood changes with the samples alone: the same book, another line, another text."""
    assert [
        texts(hear([quiet(0.3), spoken(line), quiet(0.7)], book.person_phrases)) for line in LINES[:3]
    ] == list(LINES[:3])
    garbage = np.frombuffer(mulaw_decode(np.random.default_rng(5).bytes(16000)), np.int16)
    assert texts(hear([quiet(0.5), garbage // 4, quiet(0.7)], book.person_phrases)) == ""


async def test_thinking_beside_the_loop_keeps_the_order(book: Phrasebook) -> None:
    """The background listener reports every piece in the order of speech and never blocks its feeder."""
    heard: list[Heard] = []
    listener = BackgroundListener(Listener(8000, book.person_phrases, unclear="[unclear]"), heard.append)
    lines = [LINES[2], OTHER_LINES[3], LINES[6]]
    slowest = 0.0
    for sound in (np.concatenate([quiet(0.2), spoken(line), quiet(0.7)]).tobytes() for line in lines):
        for start in range(0, len(sound), 320):
            began = time.thread_time()
            listener.feed(sound[start : start + 320])
            slowest = max(slowest, time.thread_time() - began)
            await asyncio.sleep(0)
    await listener.finalize()
    assert [h.text for h in heard] == [LINES[2], "[unclear]", LINES[6]]
    assert slowest < 0.5
