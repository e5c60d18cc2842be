"""The rules by which the phones' account is judged: each notices what it is for."""

from frontdesk.daily.room_names import room_name
from tests.chaos.phones import (
    History,
    Moment,
    PhoneCall,
    dialed_after_cancel,
    ringing_after_answer,
    ringing_twice,
    too_many_attempts,
    unanswered_patients,
)

CALL, NUMBER = "a" * 32, "+13105550001"


def _out(name: str, attempt: int = 1, call: str = CALL) -> PhoneCall:
    return PhoneCall(name, "out", NUMBER, room_name("0" * 16, call, attempt))


def _history(calls: list[PhoneCall], *moments: tuple[str, str] | tuple[str, str, str]) -> History:
    told = [Moment(float(at), call, event, *detail) for at, (call, event, *detail) in enumerate(moments)]
    return History(told, {call.id: call for call in calls})


def test_two_rings_of_one_attempt_are_noticed() -> None:
    """Two rings in one room are one too many, two rings in two rooms are two attempts."""
    same = _history([_out("x"), _out("y")], ("x", "ringing"), ("y", "ringing"))
    later = _history([_out("x"), _out("y", 2)], ("x", "ringing"), ("y", "ringing"))
    assert len(ringing_twice(same)) == 1
    assert ringing_twice(later) == []


def test_a_ring_after_an_answer_is_noticed() -> None:
    """After a person has picked up no attempt of the call may ring; after a mailbox one may."""
    calls = [_out("x"), _out("y", 2)]
    person = _history(calls, ("x", "ringing"), ("x", "answered", "answer"), ("y", "ringing"))
    mailbox = _history(calls, ("x", "ringing"), ("x", "answered", "voicemail"), ("y", "ringing"))
    assert len(ringing_after_answer(person)) == 1
    assert ringing_after_answer(mailbox) == []


def test_attempts_are_counted_by_room() -> None:
    """Dials of one session are one attempt; more attempts than are allowed are noticed."""
    once = _history([_out("x"), _out("y")], ("x", "dialed"), ("y", "dialed"))
    twice = _history([_out("x"), _out("y", 2)], ("x", "dialed"), ("y", "dialed"))
    assert too_many_attempts(once, {NUMBER: 1}) == []
    assert len(too_many_attempts(twice, {NUMBER: 1})) == 1


def test_live_calls_are_counted_from_the_dial_to_the_end() -> None:
    """A call counts while it is dialed, rings and talks; a caller counts once the bot is on the line."""
    calls = [_out("x"), _out("y", 2), PhoneCall("in", "in", "+12127360001")]
    history = _history(
        calls,
        ("x", "dialed"),
        ("in", "on_hold"),
        ("y", "dialed"),
        ("x", "ended"),
        ("in", "connected"),
        ("y", "ended"),
    )
    assert history.most_at_once(lambda call: call.direction == "out") == 2
    assert history.most_at_once(lambda _: True) == 2


def test_a_dial_after_a_cancellation_is_noticed() -> None:
    """A bot that was let dial just before may still do so; nobody else may."""
    early = _history([_out("x")], ("x", "dialed"))
    late = History([Moment(10.0, "x", "dialed")], {"x": _out("x")})
    assert dialed_after_cancel(early, {CALL: 0.0}) == []
    assert len(dialed_after_cancel(late, {CALL: 0.0})) == 1


def test_a_patient_who_was_never_connected_is_noticed() -> None:
    """Whoever holds and is not connected was not answered."""
    calls = [PhoneCall("a", "in", "+12127360001"), PhoneCall("b", "in", "+12127360002")]
    history = _history(calls, ("a", "connected"), ("b", "on_hold"), ("b", "ended", "hold_timeout"))
    assert unanswered_patients(history, lambda _: True) == ["caller b was not answered: hold_timeout"]
