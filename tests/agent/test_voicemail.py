"""What is done about machines, with a clock that stands."""

from dataclasses import dataclass, field

import pytest

from frontdesk.agent.answering import Kind
from frontdesk.agent.ending import Ending
from frontdesk.agent.timers import Timers
from frontdesk.agent.voicemail import MESSAGE_EXTRA_S, QUIET_S, Callee
from frontdesk.contract import Voicemail
from frontdesk.ended import EndedReason
from tests.agent.fakes import ManualTime, NotedReport, NotedSpeaker, settle

LEAVE = Voicemail(action="leave_message", message="x" * 80)
HANG_UP = Voicemail()


@dataclass
class Answerer:
    """Knows what the test says."""

    likely: Kind = Kind.PERSON
    machine: bool = False


@dataclass
class NotedRecorder(NotedSpeaker):
    """The bot's voice."""

    interrupted: int = 0
    messages: list[str] = field(default_factory=list)

    async def interrupt(self) -> None:
        self.interrupted += 1

    async def say(self, text: str) -> None:
        self.said.append(text)

    async def leave_message(self, text: str) -> None:
        self.messages.append(text)


class Stage:
    """A callee and all that it talks to."""

    def __init__(self, wish: Voicemail) -> None:
        self.answerer, self.recorder, self.report = Answerer(), NotedRecorder(), NotedReport()
        self.time = ManualTime()
        timers = Timers(self.time.sleep)
        self.ending = Ending(self.recorder, self.report, timers)
        self.callee = Callee(
            self.answerer, wish, self.recorder, self.ending, self.report, timers, lambda: "It is us."
        )

    async def known(self, kind: Kind) -> None:
        """It was decided who has answered."""
        self.answerer.likely = kind
        await self.callee.known(kind)

    async def recording(self) -> None:
        """A mailbox answered, and the message is under way."""
        await self.known(Kind.VOICEMAIL)
        await self.time.pass_by(QUIET_S)


async def test_a_mailbox_is_hung_up_on_at_once() -> None:
    """Without a message there is nothing to wait for."""
    stage = Stage(HANG_UP)
    await stage.known(Kind.VOICEMAIL)
    assert stage.ending.reason is EndedReason.VOICEMAIL_NO_MESSAGE
    assert stage.recorder.canceled == 1
    assert stage.report.facts == [{"kind": "voicemail"}]


async def test_the_message_waits_until_the_mailbox_is_quiet() -> None:
    """Each further word of its greeting puts the message off; then it is spoken once."""
    stage = Stage(LEAVE)
    await stage.known(Kind.VOICEMAIL)
    assert stage.recorder.interrupted == 1
    for _ in range(5):
        await stage.time.pass_by(QUIET_S - 0.1)
        stage.callee.heard()
    assert stage.recorder.messages == []
    await stage.time.pass_by(QUIET_S)
    stage.callee.heard()
    await stage.time.pass_by(QUIET_S)
    assert stage.recorder.messages == ["x" * 80]
    assert not stage.ending.begun


async def test_a_message_spoken_to_its_end_was_left() -> None:
    """Only the end of the message makes it one that was left."""
    stage = Stage(LEAVE)
    await stage.recording()
    stage.callee.bot_speaks()
    await stage.callee.message_left()
    await settle()
    assert stage.ending.reason is EndedReason.VOICEMAIL_LEFT
    assert stage.recorder.said == [None]


async def test_a_message_that_nobody_could_hear_was_not_left() -> None:
    """Text to speech that gave no sound is a failure, whatever the pipeline says."""
    stage = Stage(LEAVE)
    stage.callee.bot_speaks()
    await stage.recording()
    await stage.callee.message_left()
    assert (stage.ending.reason, stage.ending.detail) == (EndedReason.SERVICE_FAILED, "tts")


@pytest.mark.parametrize(
    ("heard", "end"),
    [
        (True, (EndedReason.VOICEMAIL_LEFT, "cut_off")),
        (False, (EndedReason.VOICEMAIL_NO_MESSAGE, "hung_up")),
    ],
)
async def test_a_message_does_not_take_forever(heard: bool, end: tuple[EndedReason, str]) -> None:
    """A message that hangs is given up after the time that a slow voice would need."""
    stage = Stage(LEAVE)
    await stage.recording()
    if heard:
        stage.callee.bot_speaks()
    await stage.time.pass_by(MESSAGE_EXTRA_S + 9.9)
    assert not stage.ending.begun
    await stage.time.pass_by(0.2)
    assert (stage.ending.reason, stage.ending.detail) == end


async def test_a_screener_is_told_who_calls_and_nothing_ends() -> None:
    """The introduction is said once, and the call goes on."""
    stage = Stage(LEAVE)
    await stage.known(Kind.SCREENING)
    assert stage.recorder.said == ["It is us."]
    assert not stage.ending.begun


async def test_a_person_is_only_noted() -> None:
    """A person is neither interrupted nor hung up on nor left a message."""
    stage = Stage(LEAVE)
    await stage.known(Kind.PERSON)
    await stage.time.pass_by(60)
    assert (stage.recorder.interrupted, stage.recorder.messages, stage.recorder.said) == (0, [], [])
    assert not stage.ending.begun
    assert stage.report.facts == [{"kind": "person"}]


async def test_nothing_is_done_once_the_call_ends() -> None:
    """A verdict that comes during a goodbye changes nothing, nor does one before a cancel."""
    stage = Stage(LEAVE)
    await stage.ending.politely(EndedReason.CANCELED)
    await stage.known(Kind.VOICEMAIL)
    assert stage.recorder.interrupted == 0
    stage = Stage(LEAVE)
    await stage.known(Kind.VOICEMAIL)
    await stage.ending.at_once(EndedReason.CANCELED)
    await stage.time.pass_by(60)
    assert stage.recorder.messages == []


@pytest.mark.parametrize(
    ("kind", "spoke", "expected"),
    [
        (Kind.PERSON, False, (EndedReason.CALLER_HANGUP, "")),
        (Kind.VOICEMAIL, False, (EndedReason.VOICEMAIL_NO_MESSAGE, "hung_up")),
        (Kind.SCREENING, False, (EndedReason.CALL_SCREENED, "")),
        (Kind.SCREENING, True, (EndedReason.CALLER_HANGUP, "")),
    ],
)
async def test_what_a_hang_up_means_depends_on_who_hung_up(
    kind: Kind, spoke: bool, expected: tuple[EndedReason, str]
) -> None:
    """A machine that hangs up is no person who did; other ends of the line mean what they are."""
    stage = Stage(LEAVE)
    stage.callee.person_spoke()
    await stage.known(kind)
    if spoke:
        stage.callee.person_spoke()
    assert stage.callee.why(EndedReason.CALLER_HANGUP, "") == expected
    assert stage.callee.why(EndedReason.LOST, "room_gone") == (EndedReason.LOST, "room_gone")
