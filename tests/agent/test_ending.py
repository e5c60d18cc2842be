"""The one ending, the greeting, silence and timers."""

import itertools
from collections.abc import AsyncIterator

import pytest
from loguru import logger

from frontdesk.agent.ending import FAREWELL_TIMEOUT_S, Ending
from frontdesk.agent.greeting import FIRST_WORD_TIMEOUT_S, Greeting
from frontdesk.agent.idle import IdleCaller
from frontdesk.agent.report import LoggedReport, Step
from frontdesk.agent.timers import Timers
from frontdesk.ended import EndedReason
from tests.agent.fakes import ManualTime, NotedReport, NotedSpeaker, settle


@pytest.fixture
def time() -> ManualTime:
    return ManualTime()


@pytest.fixture
async def timers(time: ManualTime) -> AsyncIterator[Timers]:
    timers = Timers(time.sleep)
    yield timers
    await timers.close()


@pytest.fixture
def speaker() -> NotedSpeaker:
    return NotedSpeaker()


@pytest.fixture
def report() -> NotedReport:
    return NotedReport()


@pytest.fixture
def ending(speaker: NotedSpeaker, report: NotedReport, timers: Timers) -> Ending:
    return Ending(speaker, report, timers)


WAYS = ("politely", "at_once", "politely again", "at_once again")


@pytest.mark.parametrize("order", list(itertools.permutations(WAYS)), ids="-".join)
async def test_whatever_comes_the_call_ends_once(
    order: tuple[str, ...], ending: Ending, speaker: NotedSpeaker, report: NotedReport
) -> None:
    """In every order of events there is one reason, the first, at most one farewell and one leave."""
    reasons = {
        "politely": EndedReason.SILENCE,
        "at_once": EndedReason.CALLER_HANGUP,
        "politely again": EndedReason.MAX_DURATION,
        "at_once again": EndedReason.LOST,
    }
    for way in order:
        if way.startswith("politely"):
            await ending.politely(reasons[way], "Goodbye.")
        else:
            await ending.at_once(reasons[way])
    assert report.endings == [(reasons[order[0]], "")]
    assert len(speaker.said) == int(order[0].startswith("politely"))
    assert speaker.canceled == 1


async def test_a_farewell_that_hangs_is_cut_short(
    ending: Ending, speaker: NotedSpeaker, time: ManualTime
) -> None:
    """Nobody is kept on the line by a goodbye that cannot be spoken."""
    await ending.politely(EndedReason.BOT_HANGUP, "Goodbye.")
    await time.pass_by(FAREWELL_TIMEOUT_S - 0.1)
    assert speaker.canceled == 0
    await time.pass_by(0.2)
    assert speaker.canceled == 1


async def test_what_rings_is_called_off_before_the_end(
    speaker: NotedSpeaker, report: NotedReport, timers: Timers
) -> None:
    """The line is told first, once, also when the end is asked for twice."""
    told: list[int] = []

    async def before() -> None:
        told.append(speaker.canceled)

    ending = Ending(speaker, report, timers, before)
    await ending.at_once(EndedReason.CANCELED)
    await ending.at_once(EndedReason.LOST)
    assert told == [0]


def test_a_call_that_was_over_without_a_word_gets_a_reason(ending: Ending, report: NotedReport) -> None:
    """A pipeline that just stopped is named; a reason that was known stays."""
    assert ending.settle(EndedReason.BOT_CRASHED, "pipeline") is EndedReason.BOT_CRASHED
    assert ending.settle(EndedReason.LOST) is EndedReason.BOT_CRASHED
    assert report.endings == [(EndedReason.BOT_CRASHED, "pipeline")]


async def test_the_greeting_is_given_once_and_its_first_word_watched(
    report: NotedReport, timers: Timers, time: ManualTime
) -> None:
    """Two events that could start it start it once, and sound calls the watch off."""
    said: list[str] = []
    mute: list[bool] = []

    async def say(text: str) -> None:
        said.append(text)

    async def on_mute() -> None:
        mute.append(True)

    greeting = Greeting("Hello.", say=say, retract=settle, report=report, timers=timers, on_mute=on_mute)
    greeting.bot_speaks()
    await greeting.give()
    await greeting.give()
    greeting.bot_speaks()
    await time.pass_by(FIRST_WORD_TIMEOUT_S + 1)
    assert said == ["Hello."]
    assert report.steps == ["greeting", "first_word"]
    assert mute == []


async def test_a_greeting_that_nobody_hears_is_noticed(
    report: NotedReport, timers: Timers, time: ManualTime
) -> None:
    """Without a sound the watch strikes."""
    mute: list[bool] = []

    async def say(text: str) -> None:
        """Nothing comes out."""

    async def on_mute() -> None:
        mute.append(True)

    await Greeting("Hello.", say=say, retract=settle, report=report, timers=timers, on_mute=on_mute).give()
    await time.pass_by(FIRST_WORD_TIMEOUT_S + 1)
    assert mute == [True]


async def test_a_greeting_is_said_again_once_and_only_until_it_is_heard(
    report: NotedReport, timers: Timers
) -> None:
    """However often the voice fails before the first sound: one repetition, of which one is heard."""
    done: list[str] = []

    async def say(text: str) -> None:
        done.append(text)

    async def retract() -> None:
        done.append("retracted")

    def greeting() -> Greeting:
        return Greeting("Hi.", say=say, retract=retract, report=report, timers=timers, on_mute=settle)

    failing = greeting()
    await failing.again()
    assert done == []
    await failing.give()
    await failing.again()
    await failing.again()
    assert done == ["Hi.", "retracted", "Hi."]

    done.clear()
    heard = greeting()
    await heard.give()
    heard.bot_speaks()
    await heard.again()
    assert done == ["Hi."]


async def test_silence_is_asked_about_once_in_a_row(report: NotedReport) -> None:
    """One question, then the end; a word in between starts anew."""
    done: list[str] = []

    async def ask() -> None:
        done.append("ask")

    async def give_up() -> None:
        done.append("give up")

    idle = IdleCaller(report, ask, give_up)
    await idle.silent()
    idle.heard()
    await idle.silent()
    await idle.silent()
    assert done == ["ask", "ask", "give up"]


async def test_a_timer_set_again_runs_once(timers: Timers, time: ManualTime) -> None:
    """Setting a name again replaces its timer, and canceling it leaves none."""
    ran: list[str] = []

    async def first() -> None:
        ran.append("first")

    async def second() -> None:
        ran.append("second")

    timers.after("a", 1, first)
    timers.after("a", 2, second)
    timers.after("b", 1, first)
    timers.cancel("b")
    await time.pass_by(3)
    assert ran == ["second"]


async def test_a_timer_may_call_itself_off(timers: Timers, time: ManualTime) -> None:
    """An action that cancels its own name is not cut off half-way."""
    ran: list[str] = []

    async def action() -> None:
        timers.cancel("a")
        await settle()
        ran.append("done")

    timers.after("a", 1, action)
    await time.pass_by(1)
    await settle()
    assert ran == ["done"]


def test_the_log_tells_each_step_with_its_time() -> None:
    """A line per step, in milliseconds since the bot was started."""
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(message.record["message"]))
    now = iter([10.0, 10.25, 10.5])
    report = LoggedReport(clock=lambda: next(now))
    report.step(Step.DIALING, dial=2)
    report.ended(EndedReason.LOST, "room_gone")
    logger.remove(sink)
    assert lines == ["step dialing at_ms=250 dial=2", "step ended at_ms=500 reason=lost detail=room_gone"]
