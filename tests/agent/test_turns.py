"""Turns, put together from what pipecat's observers and aggregators tell, in whichever order."""

import itertools
from datetime import UTC, datetime

import pytest
from pipecat.observers.speaking_observer import SpeechEvent, SpeechEventKind
from pipecat.observers.user_bot_latency_observer import (
    LatencyBreakdown,
    LatencyContribution,
    LatencyOwnerKind,
    MeasuredFrom,
    TTFBBreakdownMetrics,
)

from frontdesk.agent.report import Turn
from frontdesk.agent.turns import Turns

BEGAN = datetime.fromtimestamp(100, UTC).isoformat()


class Desk:
    """Turns, and what they told."""

    def __init__(self) -> None:
        self.told: list[Turn] = []
        self.turns = Turns(self.told.append, {"Ears#0": "stt", "Model#0": "llm", "Voice#0": "tts"})

    def speech(self, kind: SpeechEventKind, at: float) -> None:
        self.turns.speech(SpeechEvent(kind=kind, timestamp=at))

    def bot_speaks(self, started: float, ended: float | None = None) -> None:
        self.speech(SpeechEventKind.BOT_SPEECH_STARTED, started)
        if ended is not None:
            self.speech(SpeechEventKind.BOT_SPEECH_STOPPED, ended)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize("order", list(itertools.permutations(["text", "stop"])))
def test_a_turn_of_the_bot_has_the_times_of_its_sound(desk: Desk, order: tuple[str, ...]) -> None:
    """Whether the text or the end of the sound comes first, it is one turn with both."""
    desk.bot_speaks(101)
    for what in order:
        if what == "text":
            desk.turns.bot("Hello.", BEGAN, interrupted=False)
        else:
            desk.speech(SpeechEventKind.BOT_SPEECH_STOPPED, 103)
    assert desk.told == [Turn("bot", "Hello.", 101, 103)]


def test_a_turn_that_was_cut_off_says_so(desk: Desk) -> None:
    """What was spoken until the interruption is the text; its end is where the sound stopped."""
    desk.bot_speaks(101)
    desk.turns.bot("On Monday we", BEGAN, interrupted=True)
    desk.speech(SpeechEventKind.BOT_SPEECH_STOPPED, 102)
    assert desk.told == [Turn("bot", "On Monday we", 101, 102, interrupted=True)]


def test_two_turns_in_one_breath_are_two(desk: Desk) -> None:
    """Nothing is lost when the bot goes on speaking; where the first one ended is not known."""
    desk.bot_speaks(101)
    desk.turns.bot("One moment.", BEGAN, interrupted=False)
    desk.turns.bot("Here it is.", BEGAN, interrupted=False)
    desk.speech(SpeechEventKind.BOT_SPEECH_STOPPED, 104)
    assert [(turn.text, turn.ended_at) for turn in desk.told] == [("One moment.", None), ("Here it is.", 104)]


def test_an_earlier_sound_is_not_taken_for_this_turns(desk: Desk) -> None:
    """A sentence that was never heard has the time at which it was begun, and no end."""
    desk.bot_speaks(50, 60)
    desk.turns.bot("Never heard.", BEGAN, interrupted=True)
    assert desk.told == [Turn("bot", "Never heard.", 100, None, interrupted=True)]


def test_a_call_that_stops_in_mid_sentence_keeps_the_sentence(desk: Desk) -> None:
    """The last turn is told although its sound never ended."""
    desk.bot_speaks(101)
    desk.turns.bot("Hello, this", BEGAN, interrupted=True)
    desk.turns.over()
    assert desk.told == [Turn("bot", "Hello, this", 101, None, interrupted=True)]


def test_a_persons_turn_begins_with_its_first_sound(desk: Desk) -> None:
    """A cough before the turn is not its start; pauses inside it do not start it anew."""
    for kind, at in [
        (SpeechEventKind.USER_SPEECH_STARTED, 90.0),
        (SpeechEventKind.USER_SPEECH_STOPPED, 90.5),
        (SpeechEventKind.USER_SPEECH_STARTED, 100.0),
        (SpeechEventKind.USER_TURN_STARTED, 100.2),
        (SpeechEventKind.USER_SPEECH_STOPPED, 101.0),
        (SpeechEventKind.USER_SPEECH_STARTED, 102.0),
        (SpeechEventKind.USER_SPEECH_STOPPED, 103.0),
        (SpeechEventKind.USER_TURN_STOPPED, 103.4),
    ]:
        desk.speech(kind, at)
    desk.turns.person("I have a question.", BEGAN)
    desk.turns.person("", BEGAN)
    assert desk.told == [Turn("user", "I have a question.", 100, 103)]


def _breakdown(measured_from: MeasuredFrom) -> LatencyBreakdown:
    parts = [("transcription", 0.1), ("llm_inference", 0.2), ("llm_inference", 0.3)]
    return LatencyBreakdown(
        ttfb=[
            TTFBBreakdownMetrics(processor=name, start_time=1, duration_secs=seconds)
            for name, seconds in [("Ears#0", 0.1), ("Model#0", 0.25), ("Model#0", 0.9), ("Other#0", 9)]
        ],
        contributions=[
            LatencyContribution(
                key=key,
                label=key,
                owner="x",
                owner_kind=LatencyOwnerKind.SERVICE,
                start_time=1,
                duration_secs=seconds,
            )
            for key, seconds in parts
        ],
        measured_from=measured_from,
        total_secs=0.6,
    )


def test_latencies_belong_to_the_answer_that_they_preceded(desk: Desk) -> None:
    """An answer carries its latency per part, in milliseconds, and the next one does not."""
    desk.turns.latency(_breakdown(MeasuredFrom.USER_SILENCE))
    desk.bot_speaks(101, 102)
    desk.turns.bot("One.", BEGAN, interrupted=False)
    desk.bot_speaks(103, 104)
    desk.turns.bot("Two.", BEGAN, interrupted=False)
    first, second = desk.told
    assert first.latency_ms == {
        "total": 600,
        "transcription": 100,
        "llm_inference": 500,
        "stt": 100,
        "llm_first_token": 250,
    }
    assert second.latency_ms == {}


def test_the_wait_for_somebody_to_connect_is_no_latency(desk: Desk) -> None:
    """A greeting answers nobody: what pipecat measures before it says nothing of the bot."""
    desk.turns.latency(_breakdown(MeasuredFrom.CLIENT_CONNECTED))
    desk.bot_speaks(101, 102)
    desk.turns.bot("Hello.", BEGAN, interrupted=False)
    assert desk.told[0].latency_ms == {}
