"""The dial-out machine, event by event."""

import pytest

from frontdesk.agent import dialing
from frontdesk.agent.dial_events import (
    Answered,
    AskAgain,
    Begin,
    Cancel,
    Command,
    Connected,
    Dial,
    Event,
    Failed,
    Finish,
    HangUp,
    HangUpStray,
    HungUp,
    MayDial,
    MayNot,
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


def play(*events: Event, most_dials: int = 5) -> tuple[State, list[Command]]:
    """The state after these events and the commands of the last one."""
    state, commands = State(most_dials), list[Command]()
    for event in events:
        state, commands = dialing.step(state, event)
    return state, commands


STARTED = (Begin(), Started(1, "s1"))
RINGING = (*STARTED, Connected("s1"))
FAILED = (*STARTED, Failed("s1", "carrier trouble"))
ASKED = (*FAILED, PauseOver(1))
SECOND = (*ASKED, MayDial(2))


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
    """Whatever order and number, one dial that came to nothing is one end."""
    state, asked = play(*RINGING)
    for event in events:
        state, commands = dialing.step(state, event)
        asked += commands
    assert [type(command) for command in asked] == [ReportRinging, ReportDialEnded, Finish]
    assert state.phase is Phase.OVER


def test_a_repeated_error_is_one_pause() -> None:
    """A dial that the phone network did not put through is followed by one other, after one pause."""
    state, asked = play(*FAILED)
    for event in (Failed("s1", "carrier trouble"), Stopped("s1")):
        state, commands = dialing.step(state, event)
        asked += commands
    assert asked == [ReportDialEnded(1, EndedReason.CARRIER_UNAVAILABLE), Pause(1)]


@pytest.mark.parametrize(
    "end",
    [
        Stopped("s1"),
        Failed("s1", "486 Busy Here"),
        Failed("s1", "no answer"),
        Failed("s1", "carrier trouble"),
    ],
    ids=["stopped", "busy", "no answer", "carrier trouble"],
)
def test_what_rang_is_never_dialed_again_in_this_session(end: Event) -> None:
    """Once a phone rang the gateway decides about another call, whatever the dial came to."""
    assert isinstance(play(*RINGING, end)[1][-1], Finish)


def test_late_news_that_a_phone_rang_is_believed() -> None:
    """In the pause it ends the call; during the next dial it makes that one the last."""
    assert play(*FAILED, Connected("s1"))[1] == [Finish(EndedReason.CARRIER_UNAVAILABLE)]
    second = (*SECOND, Connected("s1"), Started(2, "s2"))
    assert isinstance(play(*second, Failed("s2", "carrier trouble"))[1][-1], Finish)


@pytest.mark.parametrize("error", ["486 Busy Here", "480 Temporarily Unavailable", "not answered"])
def test_busy_and_no_answer_are_not_tried_again_even_without_ringing(error: str) -> None:
    """Somebody was reached, or their phone was: they are not called again at once."""
    assert isinstance(play(*STARTED, Failed("s1", error))[1][-1], Finish)
    assert isinstance(play(Begin(), Refused(1, error))[1][-1], Finish)


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
    """A returned error, for which Daily sends no event, is followed by a pause and, if allowed, by a dial."""
    assert play(Begin(), Refused(1, "503 Service Unavailable"))[1][-1] == Pause(1)
    refused = (Begin(), Refused(1, "503"), PauseOver(1))
    assert play(*refused)[1] == [AskAgain(2)]
    assert play(*refused, MayDial(2))[1] == [Dial(2)]


def test_a_further_dial_that_is_not_allowed_ends_it_with_the_reason_of_the_last_one() -> None:
    """Why the dial before came to nothing is what the gateway decides by."""
    assert play(*ASKED, MayNot(2))[1] == [Finish(EndedReason.CARRIER_UNAVAILABLE)]
    assert play(*ASKED, MayNot(2), MayDial(2))[1] == []


@pytest.mark.parametrize("answer", [MayDial(1), MayDial(2), MayDial(3), MayNot(2), MayNot(3)])
@pytest.mark.parametrize(
    "before",
    [
        (),
        (Begin(),),
        RINGING,
        FAILED,
        SECOND,
        (*SECOND, Started(2, "s2")),
        (*SECOND, Started(2, "s2"), Failed("s2", "carrier trouble")),
        (*RINGING, Answered("s1")),
    ],
    ids=["idle", "starting", "ringing", "pause", "second", "second rings", "second pause", "talking"],
)
def test_an_answer_that_nobody_waits_for_changes_nothing(before: tuple[Event, ...], answer: Event) -> None:
    """Answers that come twice or late neither dial nor end anything."""
    assert play(*before, answer) == (play(*before)[0], [])


@pytest.mark.parametrize("answer", [MayDial(1), MayDial(3), MayNot(1), MayNot(3)])
def test_an_answer_for_another_dial_changes_nothing(answer: Event) -> None:
    """While it is asked for the second dial, only an answer for the second one counts."""
    assert play(*ASKED, answer) == (play(*ASKED)[0], [])


def test_whatever_happens_while_it_is_asked_comes_first() -> None:
    """A cancel, a phone that rings after all and somebody who had picked up are not dialed over."""
    assert play(*ASKED, Cancel())[1] == [Finish(EndedReason.CANCELED)]
    assert play(*ASKED, Cancel(), MayDial(2))[1] == []
    assert play(*ASKED, Answered("s1"))[1] == [Finish(EndedReason.CALLER_HANGUP)]
    unnamed = (Begin(), Refused(1, "503"), PauseOver(1), Connected("s1"))
    assert play(*unnamed)[1] == [WatchRing(1), ReportRinging(1)]
    assert play(*unnamed, MayDial(2))[1] == []
    assert play(*unnamed, MayNot(2))[1] == []


def test_events_of_an_earlier_session_change_nothing() -> None:
    """Late news of the first dial neither end nor answer the second."""
    second = (*SECOND, Started(2, "s2"))
    for late in (Stopped("s1"), Failed("s1", "busy"), Connected("s1"), Answered("s1")):
        assert play(*second, late)[1] == []


def test_a_late_answer_in_the_pause_ends_it() -> None:
    """Somebody who turns out to have picked up is not called again."""
    assert play(*FAILED, Answered("s1"))[1] == [Finish(EndedReason.CALLER_HANGUP)]


def test_the_ring_timeout_stops_the_dial_and_ends_it() -> None:
    """A phone that rings too long is hung up first, and counts as no answer."""
    assert play(*RINGING, RangLongEnough(1))[1] == [HangUp(1, "s1")]
    assert play(*RINGING, RangLongEnough(1), HungUp(1, done=True))[1] == [
        ReportDialEnded(1, EndedReason.NO_ANSWER),
        Finish(EndedReason.NO_ANSWER),
    ]


def test_a_ring_timeout_of_an_earlier_dial_is_nothing() -> None:
    """Timers of a dial that is over do not stop the next one."""
    assert play(*SECOND, Started(2, "s2"), RangLongEnough(1))[1] == []


def test_a_dial_that_cannot_be_stopped_is_not_followed_by_another() -> None:
    """When stop_dialout fails and nothing says that the leg is gone, no second phone rings: here or later."""
    unknown = [Finish(EndedReason.OUTCOME_UNKNOWN)]
    assert play(*RINGING, RangLongEnough(1), HungUp(1, done=False))[1] == unknown
    without_id = (*STARTED, Failed(None, "carrier trouble"))
    assert play(*without_id, HungUp(1, done=False))[1] == unknown
    assert play(*without_id, Stopped("s1"), HungUp(1, done=False))[1][-1] == Pause(1)


def test_an_answer_in_the_moment_of_the_ring_timeout_is_taken_if_the_line_still_stands() -> None:
    """Whoever picks up while the dial is being stopped is talked to if stopping failed, never redialed."""
    late = (*RINGING, RangLongEnough(1), Answered("s1"))
    assert play(*late, HungUp(1, done=False))[1] == [Talk("s1")]
    assert play(*late, HungUp(1, done=True))[1] == [Finish(EndedReason.OUTCOME_UNKNOWN)]


def test_an_error_without_session_id_hangs_up_before_dialing_again() -> None:
    """An error that names no session may mean another dial, so the phone is stopped for certain."""
    assert play(*RINGING, Failed(None, "carrier trouble"))[1] == [HangUp(1, "s1")]


def test_a_dial_without_news_is_never_repeated() -> None:
    """When start_dialout does not return, whether a phone rings is unknown: no other is rung."""
    assert play(Begin(), Unknown(1))[1] == [Finish(EndedReason.LOST)]


def test_a_phone_that_rings_after_an_error_is_believed() -> None:
    """A dial that was refused and rings all the same is watched, not doubled."""
    state, commands = play(Begin(), Refused(1, "503"), Connected("s1"))
    assert commands == [WatchRing(1), ReportRinging(1)]
    assert dialing.step(state, PauseOver(1))[1] == []


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ((), [Finish(EndedReason.CANCELED)]),
        ((Begin(),), []),
        (RINGING, [HangUp(1, "s1")]),
        (FAILED, [Finish(EndedReason.CANCELED)]),
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


UNNAMED = (Begin(), Refused(1, "503"), PauseOver(1), MayDial(2))
LATE: tuple[Event, ...] = (Connected("late"), Answered("late"))


@pytest.mark.parametrize("late", LATE)
@pytest.mark.parametrize(
    "during",
    [
        (Started(2, "s2"),),
        (Started(2, "s2"), Connected("s2")),
        (Started(2, "s2"), RangLongEnough(2)),
        (Started(2, "s2"), Answered("s2")),
    ],
    ids=["started", "rings", "stopping", "talking"],
)
def test_the_late_ring_of_a_refused_dial_is_hung_up_beside_another(
    during: tuple[Event, ...], late: Event
) -> None:
    """An error, and yet its phone rings while the next dial is under way: it is stopped, once."""
    beside = (*UNNAMED, *during, late)
    assert play(*beside)[1] == [HangUpStray("late")]
    for again in LATE:
        assert play(*beside, again)[1] == []


def test_after_the_late_ring_of_a_refused_dial_nobody_is_dialed() -> None:
    """A phone rang: the dial under way is the last one."""
    late = (*UNNAMED, Started(2, "s2"), Connected("late"))
    assert play(*late, Failed("s2", "503"))[1][-1] == Finish(EndedReason.CARRIER_UNAVAILABLE)
    assert play(*UNNAMED, Started(2, "s2"), Stopped("late"), Failed("s2", "503"))[1][-1] == Pause(2)


def test_a_late_ring_while_the_next_dial_starts_is_told_from_it_by_the_id() -> None:
    """Whose phone rings is known when the dial has its id, or an error: of two that ring one is stopped."""
    starts = (*UNNAMED, Connected("late"))
    assert play(*starts)[1] == []
    assert play(*starts, Started(2, "s2"))[1] == [WatchRing(2), HangUpStray("late")]
    assert play(*starts, Cancel(), Started(2, "s2"))[1] == [HangUp(2, "s2"), HangUpStray("late")]
    assert play(*starts, Refused(2, "503"))[1] == [WatchRing(2), ReportRinging(2)]
    assert play(*starts, Connected("s2"), Refused(2, "503"))[1] == [
        WatchRing(2),
        ReportRinging(2),
        HangUpStray("s2"),
    ]


def test_a_refused_dial_whose_phone_rang_and_stopped_meanwhile_is_the_last() -> None:
    """News that overtook the error count: a phone rang, so nobody is dialed again."""
    rang = (Begin(), Connected("s1"), Stopped("s1"), Refused(1, "503"))
    assert play(*rang)[1][-1] == Finish(EndedReason.BUSY_OR_NO_ANSWER)


def test_an_unknown_id_during_the_first_dial_is_left_alone() -> None:
    """There is no earlier dial whose phone it could be."""
    assert play(*RINGING, Connected("other"))[1] == []


def test_the_end_of_an_earlier_pause_does_not_shorten_this_one() -> None:
    """Each pause has its own end."""
    second = (*SECOND, Started(2, "s2"), Failed("s2", "carrier trouble"))
    assert play(*second, PauseOver(1))[1] == []
    assert play(*second, PauseOver(2))[1] == [AskAgain(3)]


def test_news_of_an_earlier_answer_makes_this_dial_the_last() -> None:
    """Somebody who had picked up is not dialed a third time."""
    second = (*SECOND, Started(2, "s2"), Answered("s1"))
    assert play(*second, Failed("s2", "carrier trouble"))[1][-1] == Finish(EndedReason.CARRIER_UNAVAILABLE)
