"""Outgoing calls: every outcome, in every channel in which Daily may tell it."""

from typing import Any

import pytest

from frontdesk.simulator.phone.dialout_checks import NOT_ENABLED, NOT_OWNER, TOO_MANY_LEGS
from tests.simulator.phone.stage import GREETING, Stage, ended, marks, spoken, until

CALLEE = "+14155550187"
MAILBOX = "You have reached my voicemail. Please leave a message after the tone."


async def dial(stage: Stage, **person: Any) -> tuple[str, str, str | None]:
    """Settle somebody and have a bot call them; gives bot, session id and error."""
    stage.settle(CALLEE, **{"ring_s": 0.1, **person})
    room = stage.room(enable_dialout=True)
    bot = await stage.bot(room)
    session_id, error = await stage.bots.do(bot, "start_dialout", phoneNumber=CALLEE)
    return bot, session_id, error


async def finish(stage: Stage, bot: str) -> None:
    """End a bot."""
    await stage.bots.do(bot, "cancel")
    await stage.bots.wait(bot, "finished")


def only_record(stage: Stage) -> Any:
    (record,) = stage.world.records.all()
    return record


async def test_an_answered_call_is_a_conversation(stage: Stage) -> None:
    """Connected, answered and joined reach the bot in this order, and both sides hear each other."""
    bot, session_id, error = await dial(stage, hello="Hello?", script=["Yes, that is me.", "Goodbye."])
    assert error is None
    connected = await stage.bots.wait(bot, "on_dialout_connected")
    await stage.bots.wait(bot, "on_dialout_answered")
    assert connected["sessionId"] == session_id
    assert connected["destination"] == CALLEE
    record = only_record(stage)
    await spoken(record, 1)
    await stage.says(bot, GREETING)
    await spoken(record, 2)
    await stage.says(bot, GREETING)
    await spoken(record, 3)
    await stage.says(bot, GREETING)
    await ended(record)
    assert record.outcome == "person_hung_up"
    assert record.said() == ["Hello?", "Yes, that is me.", "Goodbye."]
    assert set(record.said("heard")) == {GREETING}
    stopped = await stage.bots.wait(bot, "on_dialout_stopped")
    assert stopped["sessionId"] == session_id
    events = stage.bots.events(bot)
    assert events.index("on_dialout_connected") < events.index("on_dialout_answered")
    assert stage.world.network.rang == {CALLEE: 1}
    await finish(stage, bot)


@pytest.mark.parametrize(
    ("outcome", "switches", "expected"),
    [
        ("busy", {"busy_as": "error"}, ["on_dialout_connected", "on_dialout_error"]),
        ("busy", {"busy_as": "stopped"}, ["on_dialout_connected", "on_dialout_stopped"]),
        ("busy", {"connected_before_busy": False}, ["on_dialout_error"]),
        (
            "busy",
            {"stopped_after_error": True},
            ["on_dialout_connected", "on_dialout_error", "on_dialout_stopped"],
        ),
        ("decline", {"busy_as": "stopped"}, ["on_dialout_connected", "on_dialout_stopped"]),
        ("no_answer", {}, ["on_dialout_connected", "on_dialout_stopped"]),
        ("no_answer", {"no_answer_as": "error"}, ["on_dialout_connected", "on_dialout_error"]),
        ("no_answer", {"connected_before_no_answer": False}, ["on_dialout_stopped"]),
        ("carrier_error", {}, ["on_dialout_error"]),
        ("invalid_number", {"refusal_channel": "event"}, ["on_dialout_error"]),
    ],
)
async def test_a_call_that_is_not_answered(
    stage: Stage, outcome: str, switches: dict[str, Any], expected: list[str]
) -> None:
    """Busy, declined, unanswered and failed calls reach the bot as the switches say, never as answered."""
    for name, value in {"carrier_ring_timeout_s": 0.3, **switches}.items():
        setattr(stage.world.switches, name, value)
    bot, session_id, error = await dial(stage, outcomes=[outcome])
    assert error is None
    data = await stage.bots.wait(bot, expected[-1])
    assert data["sessionId"] == session_id
    assert bool(data.get("errorMsg")) == (expected[-1] == "on_dialout_error")
    record = await ended(only_record(stage))
    assert record.outcome == outcome
    assert [event for event in stage.bots.events(bot) if "dialout" in event] == expected
    await finish(stage, bot)


@pytest.mark.parametrize("outcome", ["invalid_number", "busy"])
async def test_a_call_may_fail_in_the_completion(stage: Stage, outcome: str) -> None:
    """A synchronous failure comes back from start_dialout alone, without any event."""
    bot, session_id, error = await dial(stage, outcomes=[outcome], channel="completion")
    assert session_id is None
    assert error
    await finish(stage, bot)
    assert not [event for event in stage.bots.events(bot) if "dialout" in event]


async def test_outcomes_of_consecutive_calls(stage: Stage) -> None:
    """Calls to one number come out as its list says, and the last outcome repeats."""
    stage.world.switches.carrier_ring_timeout_s = 0.2
    stage.settle(CALLEE, outcomes=["busy", "no_answer", "answer"], ring_s=0.05)
    bot = await stage.bot(stage.room(enable_dialout=True))
    for number in (0, 1):
        await stage.bots.do(bot, "start_dialout", phoneNumber=CALLEE)
        await ended(stage.world.records.all()[number])
    await stage.bots.do(bot, "start_dialout", phoneNumber=CALLEE)
    await stage.bots.wait(bot, "on_dialout_answered")
    assert stage.world.network.rang == {CALLEE: 2}
    await finish(stage, bot)
    last = stage.world.records.all()[-1]
    await ended(last)
    assert [record.outcome for record in stage.world.records.all()] == ["busy", "no_answer", "bot_hung_up"]


async def test_voicemail_greets_beeps_and_records(stage: Stage) -> None:
    """A mailbox speaks first, beeps, and keeps what the bot says until it falls silent."""
    bot, _, _ = await dial(stage, outcomes=["voicemail"], voicemail={"silence_s": 5.0})
    record = only_record(stage)
    await until(lambda: "voicemail_beep" in marks(record), "the beep")
    await stage.says(bot, GREETING)
    await ended(record)
    assert record.outcome == "voicemail_hung_up"
    assert record.said() == [MAILBOX]
    assert record.said("heard") == [GREETING]
    await finish(stage, bot)


@pytest.mark.parametrize(("accepts", "outcome"), [(True, "gave_up"), (False, "screening_refused")])
async def test_screening_asks_and_then_decides(stage: Stage, accepts: bool, outcome: str) -> None:
    """A call screener asks who is calling; after an answer it puts the person through or refuses."""
    screening = {"accepts": accepts, "prompt": "Please say your name.", "refusal": "Sorry, goodbye."}
    bot, _, _ = await dial(
        stage, outcomes=["screening"], screening=screening, script=["Hello."], patience_s=6
    )
    record = only_record(stage)
    await spoken(record, 1)
    await stage.says(bot, GREETING)
    await ended(record)
    assert record.outcome == outcome
    assert record.said() == ["Please say your name.", "Hello." if accepts else "Sorry, goodbye."]
    assert ("screening_accepted" in marks(record)) == accepts
    await finish(stage, bot)


async def test_a_silent_callee_gives_up(stage: Stage) -> None:
    """Somebody who answers and says nothing hangs up when patience ends."""
    bot, _, _ = await dial(stage, outcomes=["silent"], patience_s=0.5)
    record = await ended(only_record(stage))
    assert record.outcome == "gave_up"
    assert record.said() == []
    await stage.bots.wait(bot, "on_dialout_stopped")
    await finish(stage, bot)


async def test_stopping_while_it_rings(stage: Stage) -> None:
    """stop_dialout ends the ringing: the bot gets stopped, never answered."""
    bot, session_id, _ = await dial(stage, ring_s=30)
    await stage.bots.wait(bot, "on_dialout_connected")
    assert await stage.bots.do(bot, "stop_dialout", session_id=session_id) is None
    await stage.bots.wait(bot, "on_dialout_stopped")
    record = await ended(only_record(stage))
    assert record.outcome == "canceled"
    assert await stage.bots.do(bot, "stop_dialout", session_id=session_id) == "invalid sessionId"
    await finish(stage, bot)


async def test_stopping_an_answered_call(stage: Stage) -> None:
    """stop_dialout hangs up on the person."""
    bot, session_id, _ = await dial(stage, stays=True)
    await stage.bots.wait(bot, "on_dialout_answered")
    await stage.bots.do(bot, "stop_dialout", session_id=session_id)
    await stage.bots.wait(bot, "on_dialout_stopped")
    record = await ended(only_record(stage))
    assert record.outcome == "bot_hung_up"
    await finish(stage, bot)


async def test_refusals_before_anything_rings(stage: Stage) -> None:
    """Without dial-out on the room or an owner token, dialing fails with Daily's text and nothing rings."""
    closed = await stage.bot(stage.room())
    assert await stage.bots.do(closed, "start_dialout", phoneNumber=CALLEE) == [None, NOT_ENABLED]
    room = stage.room(enable_dialout=True)
    guest = await stage.bot(room, token=stage.token(room, is_owner=False))
    assert await stage.bots.do(guest, "start_dialout", phoneNumber=CALLEE) == [None, NOT_OWNER]
    bad = await stage.bots.do(guest, "start_dialout", phoneNumber="4155550187")
    assert bad[1].startswith("Dialout settings are not valid")
    assert stage.world.network.rang == {}
    for bot in (closed, guest):
        await finish(stage, bot)


async def test_no_more_than_five_legs_a_room(stage: Stage) -> None:
    """The sixth phone leg of a room is refused."""
    stage.settle(CALLEE, ring_s=30)
    bot = await stage.bot(stage.room(enable_dialout=True))
    for _ in range(5):
        assert (await stage.bots.do(bot, "start_dialout", phoneNumber=CALLEE))[1] is None
    assert await stage.bots.do(bot, "start_dialout", phoneNumber=CALLEE) == [None, TOO_MANY_LEGS]
    await finish(stage, bot)


async def test_the_called_person_declines_on_command(stage: Stage) -> None:
    """A hang-up from the control side while it rings is a decline."""
    bot, _, _ = await dial(stage, ring_s=30)
    await stage.bots.wait(bot, "on_dialout_connected")
    record = only_record(stage)
    assert stage.world.network.hang_up(record.id)
    await stage.bots.wait(bot, "on_dialout_error")
    assert (await ended(record)).outcome == "decline"
    await finish(stage, bot)


@pytest.mark.parametrize("joins_while_ringing", [True, False])
@pytest.mark.parametrize("answered_first", [True, False])
async def test_the_order_of_answered_and_joined_is_a_switch(
    stage: Stage, joins_while_ringing: bool, answered_first: bool
) -> None:
    """The phone leg joins while it rings, before, or after dialout-answered, as the switches say."""
    stage.world.switches.joins_while_ringing = joins_while_ringing
    stage.world.switches.answered_before_joined = answered_first
    bot, session_id, _ = await dial(stage, stays=True)
    await stage.bots.wait(bot, "on_dialout_answered")
    await stage.bots.wait(bot, "on_participant_joined")
    events = [e for e in stage.bots.events(bot) if e in {"on_participant_joined", "on_dialout_answered"}]
    joined_first = joins_while_ringing or not answered_first
    assert events[0] == ("on_participant_joined" if joined_first else "on_dialout_answered")
    assert stage.bots.data(bot, "on_participant_joined")[0]["id"] == session_id
    await finish(stage, bot)
