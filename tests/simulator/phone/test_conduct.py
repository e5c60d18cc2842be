"""What people do on the line, driven frame by frame without a clock."""

from typing import Any

import pytest

from frontdesk.simulator.phone.conduct import converse
from frontdesk.simulator.phone.leg import Leg, may_receive
from frontdesk.simulator.phone.people import Manner, People, Person
from frontdesk.simulator.rooms.room import Room
from frontdesk.simulator.server import SimulatorServer
from frontdesk.simulator.speech.voice import say
from tests.simulator.phone.stage import ANSWER, GREETING, PATIENT, marks


class Line:
    """One person on a line, and what the other side says to them."""

    def __init__(self, server: SimulatorServer, **manner: Any) -> None:
        self.world = server.world
        record = self.world.records.open("in", PATIENT, "+12025550100")
        room = Room("line", "", {}, "public", 0.0)
        conduct = converse(Manner(**manner))
        self.leg = Leg(self.world, room, record, conduct, session_id="leg", kind="dialin", number=PATIENT)
        room.legs["leg"] = self.leg

    @property
    def marks(self) -> list[str]:
        return marks(self.leg.record)

    def hears(self, text: str) -> float:
        """The other side speaks; gives how long that takes, in seconds."""
        self.world.phrasebook.add_bot_line(text, "en-us", 160)
        pcm = say(text, 8000, "en-us", 160)
        self.leg.hear("bot", 8000, pcm)
        return len(pcm) / 16000

    async def passes(self, seconds: float) -> None:
        """Let time pass on the line, or until somebody hangs up."""
        for _ in range(int(seconds * 50)):
            if self.leg.ended_because is not None:
                break
            self.leg._frame()
            await self._understood()

    async def _understood(self) -> None:
        """Wait for the thread in which the person thinks: it would take seconds of this line's time."""
        if self.leg._ear._last is not None:
            await self.leg._ear._last


async def test_a_person_speaks_in_turn(simulator: SimulatorServer) -> None:
    """Nothing is said before the other side has spoken and fallen silent; a line waits for an answer."""
    line = Line(simulator, script=["Hello?", "Thank you."], pause_s=0.5)
    await line.passes(2)
    assert line.leg.record.said() == []
    took = line.hears(GREETING)
    await line.passes(took + 0.4)
    assert line.leg.record.said() == []
    await line.passes(3)
    assert line.leg.record.said() == ["Hello?"]
    await line.passes(line.hears(ANSWER) + 2)
    assert line.leg.record.said() == ["Hello?", "Thank you."]
    await line.passes(line.hears("Goodbye.") + 2)
    assert line.leg.ended_because == "person_hung_up"
    assert line.leg.record.said("heard") == [GREETING, ANSWER, "Goodbye."]


async def test_a_line_at_once_and_a_wait(simulator: SimulatorServer) -> None:
    """`at_once` speaks into silence; `wait` is silence of one's own."""
    line = Line(
        simulator,
        script=[{"wait": 1}, {"say": "Hello?", "at_once": True}, {"hang_up": True, "at_once": True}],
    )
    await line.passes(0.9)
    assert line.leg.record.said() == []
    await line.passes(3)
    assert line.leg.record.said() == ["Hello?"]
    assert line.leg.ended_because == "person_hung_up"


async def test_a_barge_in_cuts_into_speech(simulator: SimulatorServer) -> None:
    """A barge-in begins while the other side is still talking, not before the given time."""
    line = Line(simulator, script=[{"barge_in": "Stop.", "after_s": 1.0}], patience_s=5)
    took = line.hears(GREETING)
    await line.passes(0.9)
    assert line.leg.record.said() == []
    await line.passes(took - 1.2)
    assert line.leg.record.said() == ["Stop."]
    assert "person_barges_in" in line.marks


async def test_a_barge_in_waits_for_speech(simulator: SimulatorServer) -> None:
    """There is nothing to cut into while the other side is silent, whatever it said before."""
    line = Line(simulator, script=[{"barge_in": "Stop.", "after_s": 1.0}], patience_s=60)
    line.hears("Hm.")
    await line.passes(4)
    assert line.leg.record.said() == []
    await line.passes(line.hears(GREETING))
    assert line.leg.record.said() == ["Stop."]


@pytest.mark.parametrize(("words", "failed"), [("nine to five", 0), ("round the clock", 1)])
async def test_an_expectation_is_checked_against_the_sound(
    simulator: SimulatorServer, words: str, failed: int
) -> None:
    """Words that were understood meet an expectation; missing ones are on the record as failed."""
    line = Line(simulator, script=[{"expect": words, "within_s": 6}, {"hang_up": True, "at_once": True}])
    await line.passes(line.hears(ANSWER) + 8)
    assert line.leg.record.failed_expectations == failed
    assert ("expectation_failed" if failed else "expectation_met") in line.marks


@pytest.mark.parametrize("stays", [True, False])
async def test_patience_ends(simulator: SimulatorServer, stays: bool) -> None:
    """Somebody who hears nothing hangs up after their patience, also when told to stay."""
    line = Line(simulator, stays=stays, patience_s=3)
    await line.passes(2.9)
    assert line.leg.ended_because is None
    await line.passes(1)
    assert line.leg.ended_because == "gave_up"


async def test_who_may_not_receive_hears_nothing(simulator: SimulatorServer) -> None:
    """A leg that is not allowed to receive somebody does not hear them."""
    line = Line(simulator, stays=True)
    line.leg.can_receive = {"base": False}
    await line.passes(line.hears(GREETING) + 1)
    assert line.leg.record.said("heard") == []
    assert line.leg.other_spoke_at is None


def test_permissions_to_receive() -> None:
    """The base decides, exceptions by participant win, and both may be given by kind of media."""
    assert may_receive({"base": True}, "bot")
    assert not may_receive({"base": False}, "bot")
    assert may_receive({"base": False, "byParticipantId": {"bot": True}}, "bot")
    assert not may_receive({"base": True, "byParticipantId": {"bot": {"audio": False}}}, "bot")


def test_outcomes_in_turn() -> None:
    """Each call uses up one outcome, the last repeats, and moving in again starts over."""
    people = People()
    person = Person.model_validate({"outcomes": ["busy", "answer"]})
    people.put(PATIENT, person)
    assert [str(people.called(PATIENT)[1]) for _ in range(3)] == ["busy", "answer", "answer"]
    people.put(PATIENT, person)
    assert str(people.called(PATIENT)[1]) == "busy"
    assert str(people.called("+12025550199")[1]) == "answer"
