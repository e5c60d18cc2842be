import asyncio
import sys

import numpy as np
import pytest

from frontdesk.simulator.speech import voice
from frontdesk.simulator.speech.voice import VoiceUnavailable, render, say


def test_two_voices_sound_different() -> None:
    """Persons and bots can be told apart: the same text in two voices gives other samples."""
    assert say("Good morning.", voice="en-us") != say("Good morning.", voice="en-us+f3")


def test_words_have_times_in_order() -> None:
    """Every word of a text has a span of its own, in order, within the audio."""
    rendering = render("How can I help you with one of the fillings today?")
    assert [word.text for word in rendering.words] == [
        "How",
        "can",
        "I",
        "help",
        "you",
        "with",
        "one",
        "of",
        "the",
        "fillings",
        "today?",
    ]
    starts = [word.start_s for word in rendering.words]
    assert starts == sorted(starts)
    assert starts[0] == 0
    assert rendering.words[-1].end_s == pytest.approx(rendering.duration_s)


def test_faster_speech_is_shorter() -> None:
    """Words per minute are obeyed."""
    assert len(say("I need to cancel my appointment.", wpm=220)) < 0.8 * len(
        say("I need to cancel my appointment.")
    )


async def test_many_threads_get_the_same_speech() -> None:
    """The engine speaks one text at a time: threads never mix their samples."""
    text = [f"This is line number {number}." for number in range(20)]
    alone = [len(render(line, wpm=171).samples) for line in text]
    render.cache_clear()
    together = await asyncio.gather(*(asyncio.to_thread(render, line, "en-us", 171) for line in text))
    # espeak-ng carries a little state from text to text: lengths differ by a fraction of a millisecond.
    assert [len(rendering.samples) for rendering in together] == pytest.approx(alone, abs=60)


def test_a_rate_is_what_was_asked() -> None:
    """Speech lasts as long at 8 kHz as at 24 kHz."""
    assert len(say("Good morning.", 24000)) == pytest.approx(3 * len(say("Good morning.", 8000)), rel=0.01)
    assert np.frombuffer(say("Good morning."), "<i2").any()


def test_an_unknown_voice_is_named() -> None:
    """A voice that espeak-ng does not have is refused by name."""
    with pytest.raises(VoiceUnavailable, match="zz-nobody"):
        say("Good morning.", voice="zz-nobody")


def test_a_missing_engine_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without espeakng-loader the error says which extra to install."""
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(VoiceUnavailable, match=r"frontdesk\[simulator\]"):
        voice._Espeak()
