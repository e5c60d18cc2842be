"""The dial-out machine, event by event."""

import random
from collections.abc import Sequence
from typing import Protocol, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.agent import dialing
from frontdesk.agent.dial_events import (
    Answered,
    Begin,
    Cancel,
    Command,
    Connected,
    Dial,
    Event,
    Failed,
    Finish,
    HangUp,
    HungUp,
    Pause,
    PauseOver,
    RangLongEnough,
    Refused,
    ReportDialEnded,
    ReportRinging,
    Started,
    Stopped,
    Talk,
    Unknown,
    WatchRing,
)
from frontdesk.agent.dial_state import Phase, State
from frontdesk.ended import EndedReason
from tests.agent.dial_world import DialWorld

T = TypeVar("T")


def play(*events: Event, most_dials: int = 5) -> tuple[State, list[Command]]:
    """The state after these events and the commands of the last one."""
    state, commands = State(most_dials), list[Command]()
    for event in events:
        state, commands = dialing.step(state, event)
    return state, commands


RINGING = (Begin(), Started(1, "s1"), Connected("s1"))


def test_the_first_dial_starts_when_the_bot_is_in_the_room() -> None:
    """Beginning dials once, and a second beginning does not."""
    assert play(Begin())[1] == [Dial(1)]
    assert play(Begin(), Begin())[1] == []


def test_ringing_is_reported_once() -> None:
    """A repeated dialout-connected is one ringing."""
    assert play(*RINGING)[1] == [ReportRinging(1)]
    assert play(*RINGING, Connected("s1"))[1] == []


@pytest.mark.parametrize("before", [(Connected("s1"),), ()], ids=["rang", "connected missing"])
def test_answered_means_talk(before: tuple[Event, ...]) -> None:
    """Somebody who picks up is greeted, also when dialout-connected never came."""
    assert play(Begin(), Started(1, "s1"), *before, Answered("s1"))[1] == [Talk("s1")]


def test_answered_before_the_session_id_is_known_counts() -> None:
    """Events that overtake start_dialout's answer are held and count once it is there."""
    assert play(Begin(), Connected("s1"), Answered("s1"))[1] == []
    assert play(Begin(), Connected("s1"), Answered("s1"), Started(1, "s1"))[1] == [
        WatchRing(1),
        ReportRinging(1),
        Talk("s1"),
    ]


@pytest.mark.parametrize(
    "events",
    [
        (Failed("s1", "486 Busy Here"), Stopped("s1")),
        (Stopped("s1"), Failed("s1", "486 Busy Here")),
        (Failed("s1", "486 Busy Here"), Failed("s1", "486 Busy Here"), Stopped("s1"), Stopped("s1")),
    ],
    ids=["error first", "stopped first", "twice each"],
)
def test_error_and_stopped_of_one_dial_are_one_end(events: tuple[Event, ...]) -> None:
    """Whatever order and number, one dial that came to nothing is followed by one pause."""
    state, asked = play(*RINGING)
    for event in events:
        state, commands = dialing.step(state, event)
        asked += commands
    assert [command for command in asked if isinstance(command, Pause)] == [Pause(1)]
    assert state.phase is Phase.PAUSED


def test_stopped_without_answer_admits_what_it_does_not_know() -> None:
    """Daily's sequence does not tell busy from no answer, and neither does the outcome."""
    assert play(*RINGING, Stopped("s1"), most_dials=1)[1] == [
        ReportDialEnded(1, EndedReason.BUSY_OR_NO_ANSWER),
        Finish(EndedReason.BUSY_OR_NO_ANSWER),
    ]


def test_a_busy_text_is_believed() -> None:
    """An error that says busy is busy."""
    assert play(*RINGING, Failed("s1", "486 Busy Here"), most_dials=1)[1][-1] == Finish(EndedReason.BUSY)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            "dial-out not enabled for room. add enable_dialout property to room",
            EndedReason.CARRIER_REJECTED,
        ),
        (
            "dial-out to PhoneNumber is not enabled for domain. Contact support to enable it for your domain",
            EndedReason.CARRIER_REJECTED,
        ),
        (
            "property 'enable_dialout' cannot be set to that value with your current plan",
            EndedReason.CARRIER_REJECTED,
        ),
        (
            "International dialout not supported. Contact sales to enable it for your domain",
            EndedReason.CARRIER_REJECTED,
        ),
        (
            "unable to start dialout (is dialout enabled? are you a room owner or participant admin?)",
            EndedReason.CARRIER_REJECTED,
        ),
        ("invalid callerId", EndedReason.CARRIER_REJECTED),
        ("Dialout settings are not valid: phoneNumber", EndedReason.CARRIER_REJECTED),
        ("invalid phone number", EndedReason.INVALID_NUMBER),
        ("404 Not Found", EndedReason.INVALID_NUMBER),
        ("603 Decline", EndedReason.DECLINED),
    ],
)
def test_permanent_errors_are_never_tried_again(error: str, reason: EndedReason) -> None:
    """What cannot heal ends the call after one dial, from either failure channel."""
    assert play(Begin(), Refused(1, error))[1][-1] == Finish(reason)
    assert play(*RINGING, Failed("s1", error))[1][-1] == Finish(reason)


def test_a_refused_dial_is_tried_again() -> None:
    """A returned error, for which Daily sends no event, is followed by another dial after a pause."""
    assert play(Begin(), Refused(1, "503 Service Unavailable"))[1][-1] == Pause(1)
    assert play(Begin(), Refused(1, "503"), PauseOver(1))[1] == [Dial(2)]


def test_events_of_an_earlier_session_change_nothing() -> None:
    """Late news of the first dial neither end nor answer the second."""
    second = (*RINGING, Stopped("s1"), PauseOver(1), Started(2, "s2"))
    for late in (Stopped("s1"), Failed("s1", "busy"), Connected("s1"), Answered("s1")):
        assert play(*second, late)[1] == []


def test_a_late_answer_in_the_pause_ends_it() -> None:
    """Somebody who turns out to have picked up is not called again."""
    assert play(*RINGING, Stopped("s1"), Answered("s1"))[1] == [Finish(EndedReason.CALLER_HANGUP)]


def test_the_ring_timeout_stops_the_dial_before_the_next_one() -> None:
    """A phone that rings too long is hung up first, and counts as no answer."""
    assert play(*RINGING, RangLongEnough(1))[1] == [HangUp(1, "s1")]
    assert play(*RINGING, RangLongEnough(1), HungUp(1, done=True))[1] == [
        ReportDialEnded(1, EndedReason.NO_ANSWER),
        Pause(1),
    ]


def test_a_ring_timeout_of_an_earlier_dial_is_nothing() -> None:
    """Timers of a dial that is over do not stop the next one."""
    assert play(*RINGING, Stopped("s1"), PauseOver(1), Started(2, "s2"), RangLongEnough(1))[1] == []


def test_a_dial_that_cannot_be_stopped_is_not_followed_by_another() -> None:
    """When stop_dialout fails and nothing says that the leg is gone, no second phone rings."""
    assert play(*RINGING, RangLongEnough(1), HungUp(1, done=False))[1] == [Finish(EndedReason.NO_ANSWER)]
    assert play(*RINGING, RangLongEnough(1), Stopped("s1"), HungUp(1, done=False))[1][-1] == Pause(1)


def test_an_answer_in_the_moment_of_the_ring_timeout_is_taken_if_the_line_still_stands() -> None:
    """Whoever picks up while the dial is being stopped is talked to if stopping failed, never redialed."""
    late = (*RINGING, RangLongEnough(1), Answered("s1"))
    assert play(*late, HungUp(1, done=False))[1] == [Talk("s1")]
    assert play(*late, HungUp(1, done=True))[1] == [Finish(EndedReason.NO_ANSWER)]


def test_an_error_without_session_id_hangs_up_before_dialing_again() -> None:
    """An error that names no session may mean another dial, so the phone is stopped for certain."""
    assert play(*RINGING, Failed(None, "carrier trouble"))[1] == [HangUp(1, "s1")]


def test_a_dial_without_news_is_never_repeated() -> None:
    """When start_dialout does not return, whether a phone rings is unknown: no other is rung."""
    assert play(Begin(), Unknown(1))[1] == [Finish(EndedReason.LOST)]


def test_a_phone_that_rings_after_an_error_is_believed() -> None:
    """A dial that was refused and rings all the same is watched, not doubled."""
    state, commands = play(Begin(), Refused(1, "timeout"), Connected("s1"))
    assert commands == [WatchRing(1), ReportRinging(1)]
    assert dialing.step(state, PauseOver(1))[1] == []


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ((), [Finish(EndedReason.CANCELED)]),
        ((Begin(),), []),
        (RINGING, [HangUp(1, "s1")]),
        ((*RINGING, Stopped("s1")), [Finish(EndedReason.CANCELED)]),
        ((*RINGING, Answered("s1")), [HangUp(1, "s1"), Finish(EndedReason.CANCELED)]),
    ],
    ids=["before the start", "starting", "ringing", "pause", "talking"],
)
def test_cancel_stops_whatever_is_under_way(before: tuple[Event, ...], expected: list[Command]) -> None:
    """A cancel leaves no phone ringing, wherever it falls."""
    assert play(*before, Cancel())[1] == expected


def test_a_cancel_while_a_dial_starts_stops_it_when_its_id_arrives() -> None:
    """The dial under way is hung up as soon as it has a name."""
    assert play(Begin(), Cancel(), Started(1, "s1"))[1] == [HangUp(1, "s1")]
    assert play(Begin(), Cancel(), Started(1, "s1"), HungUp(1, done=True))[1][-1] == Finish(
        EndedReason.CANCELED
    )


def test_after_an_answer_an_error_ends_the_call_and_dials_nobody() -> None:
    """dialout-error after dialout-answered is the end."""
    assert play(*RINGING, Answered("s1"), Failed("s1", "gone"))[1] == [Finish(EndedReason.LOST)]
    assert play(*RINGING, Answered("s1"), Stopped("s1"))[1] == [Finish(EndedReason.CALLER_HANGUP)]


FATES = (
    "silent",
    "stopped",
    "stopped at once",
    "error",
    "error then stopped",
    "stopped then error",
    "error without id",
    "answered",
    "answered without ringing",
    "answered and hung up",
)
ERRORS = ("486 Busy", "carrier trouble", "dial-out not enabled for room", "404", "")


class Chance(Protocol):
    """Where a walk takes its choices from."""

    def one_of(self, choices: Sequence[T]) -> T:
        """Any of these."""


class Drawn:
    """Choices by hypothesis, which shrinks a walk that breaks a promise."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def one_of(self, choices: Sequence[T]) -> T:
        return self._data.draw(st.sampled_from(choices))


class Rolled:
    """Choices by a seed, for many walks in little time."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def one_of(self, choices: Sequence[T]) -> T:
        return self._random.choice(choices)


def walk(chance: Chance) -> None:
    """Let the network do anything, deliver its news in any order and number, and check the promises."""
    most_dials = chance.one_of((1, 2, 3, 4))
    world = DialWorld(State(most_dials))
    world.deliver(Begin())
    told, repeats = 0, 8
    while not world.finishes and (world.pending or told < world.dials):
        if told < world.dials:
            told = world.dials
            _fate(world, told, chance)
        turn = chance.one_of(("news",) * 12 + ("again",) * 6 + ("cancel",))
        if turn == "cancel" and not world.canceled:
            world.canceled = True
            world.deliver(Cancel())
        elif turn == "again" and repeats:
            repeats -= 1
            world.deliver(chance.one_of(world.delivered))
        else:
            world.deliver(world.pending.pop(chance.one_of(range(len(world.pending)))))
    for _ in range(6):
        world.deliver(chance.one_of(world.delivered))
    assert world.dials <= most_dials
    assert world.talks <= 1
    assert len(world.finishes) <= 1
    assert world.finishes or world.talks, world.state


def _fate(world: DialWorld, dial: int, chance: Chance) -> None:
    error = chance.one_of(ERRORS)
    fate = chance.one_of(("refused", *FATES))
    if fate == "refused":
        world.network_refuses(dial, error)
    else:
        world.network_starts(dial)
        world.network_tells(dial, fate, error)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_order_and_duplication_of_events_keeps_the_promises(data: st.DataObject) -> None:
    """At most one phone rings, at most N dials, none after an answer or a cancel, and it always ends."""
    walk(Drawn(data))


def test_ten_thousand_walks_keep_the_promises() -> None:
    """The same promises hold over many more walks than can be shrunk."""
    for seed in range(10_000):
        walk(Rolled(seed))


def test_the_end_of_an_earlier_pause_does_not_shorten_this_one() -> None:
    """Each pause has its own end."""
    second = (*RINGING, Stopped("s1"), PauseOver(1), Started(2, "s2"), Stopped("s2"))
    assert play(*second, PauseOver(1))[1] == []
    assert play(*second, PauseOver(2))[1] == [Dial(3)]


def test_news_of_an_earlier_answer_makes_this_dial_the_last() -> None:
    """Somebody who had picked up is not dialed a third time."""
    second = (*RINGING, Stopped("s1"), PauseOver(1), Started(2, "s2"), Answered("s1"))
    assert play(*second, Stopped("s2"))[1][-1] == Finish(EndedReason.BUSY_OR_NO_ANSWER)
