"""Rules of a call's life that decide seldom, one by one."""

from frontdesk.ended import EndedReason
from tests.calls.lifetime import BOT, DAILY, GATEWAY, PATIENCE, Life, fact, new_call, obeys

OPENED = fact(GATEWAY, "attempt_opened", 1000, room="room-1", owner="gateway-1")
SECOND = fact(GATEWAY, "attempt_opened", 1001, attempt=2, room="room-2", owner="gateway-2")
JOINED = fact(BOT, "joined", 1003, session_id="bot-1")
BOT_SEEN = fact(DAILY, "daily.participant.joined", 1003, session_id="bot-1", bot=True)
BOT_LEFT = "daily.participant.left"
STOPPED = fact(DAILY, "daily.dialin.stopped", 1030, session_id="phone-1")
CONNECTED = fact(BOT, "connected", 1005, session_id="phone-1")


def talking() -> Life:
    """A call in whose caller is on the line since 1005."""
    return Life(new_call()).hear(OPENED, JOINED, BOT_SEEN, CONNECTED)


def test_the_bot_has_time_to_tell() -> None:
    """Daily's word that the line ended waits for the bot's own account, which then holds."""
    life = talking().hear(STOPPED).run(1030, until=1039)
    assert not life.state.ended
    life.hear(fact(BOT, "ended", 1029.5, reason="bot_hangup"), at=1039)
    assert life.state.ended_reason is EndedReason.BOT_HANGUP


def test_a_bot_that_left_first_has_crashed() -> None:
    """A line that stops after its bot left without a word was no hang-up of the caller."""
    life = talking().hear(fact(DAILY, BOT_LEFT, 1029, session_id="bot-1", bot=True), STOPPED)
    assert life.run(1031, answer=obeys()).state.ended_reason is EndedReason.BOT_CRASHED


def test_a_bot_that_was_ending() -> None:
    """A bot that is gone after it decided to end had the reason that it told then."""
    ending = fact(BOT, "ending", 1028, reason="silence")
    life = talking().hear(ending, fact(DAILY, BOT_LEFT, 1029, session_id="bot-1", bot=True))
    assert life.run(1031, answer=obeys()).state.ended_reason is EndedReason.SILENCE


def test_an_old_look_into_the_room() -> None:
    """A look into the room before the bot came does not count against it when its lease is over."""
    life = Life(new_call()).hear(OPENED, fact(GATEWAY, "presence", 1001, bot=False, phones=0), JOINED)
    life.run(1003, until=1003 + PATIENCE.lease_s)
    assert [type(order).__name__ for order in life.orders] == ["AskPresence"]
    assert life.state.attempts[0].hang_up is None


def test_a_restart_while_a_bot_is_awaited() -> None:
    """A bot that should have joined while the gateway was away has a fresh lease to say so."""
    life = Life(new_call()).hear(OPENED)
    life.up_since = 1500
    assert life.tick(1500 + PATIENCE.lease_s - 1) == ()
    assert life.tick(1500 + PATIENCE.lease_s) != ()


def test_a_meeting_before_the_bot() -> None:
    """A meeting that ended before the bot came says nothing about the call."""
    life = Life(new_call()).hear(OPENED, fact(DAILY, "daily.meeting.ended", 1002), JOINED, BOT_SEEN)
    assert not life.run(1003, until=1040).state.ended


def test_milestones_are_the_first_ones() -> None:
    """When phones are dialed twice, the record has when the first one rang, and both dials."""
    life = Life(new_call("outbound")).hear(OPENED, JOINED)
    for dial, at in ((2, 1040), (1, 1010)):
        life.hear(fact(BOT, "ringing", at, dial=dial, session_id=f"phone-{dial}"), at=1041)
    assert life.state.attempts[0].milestones["ringing"] == 1010
    assert [dial.ringing_at for dial in life.state.attempts[0].dials] == [1010, 1040]


def test_no_ringing_after_an_answer() -> None:
    """The CRM does not hear that a phone rings after it heard that it was answered."""
    life = Life(new_call("outbound")).hear(OPENED, JOINED)
    life.hear(fact(BOT, "answered", 1010, dial=1, session_id="phone-1"))
    life.hear(fact(BOT, "ringing", 1008, dial=1, session_id="phone-1"), at=1011)
    assert life.types == ["call.started", "call.answered"]


def test_an_attempt_that_two_gateways_opened() -> None:
    """An attempt belongs to the gateway that opened it first."""
    other = fact(GATEWAY, "attempt_opened", 1000.5, room="room-1", owner="gateway-0")
    for facts in ((OPENED, other), (other, OPENED)):
        assert Life(new_call()).hear(*facts).state.attempts[0].owner == "gateway-1"


def test_two_bots_that_both_left() -> None:
    """Of two bots that have both left, the facts have time to show which one had the caller."""
    life = Life(new_call()).hear(OPENED, SECOND, JOINED, fact(BOT, "joined", 1006, attempt=2))
    life.hear(fact(BOT, "ended", 1020, reason="bot_hangup"), at=1021)
    life.hear(fact(BOT, "ended", 1020.5, attempt=2, reason="lost"), at=1021)
    assert not life.state.ended
    life.hear(CONNECTED, at=1022).run(1022, answer=obeys())
    assert life.state.ended_reason is EndedReason.BOT_HANGUP


def test_an_attempt_that_is_not_heard_of_yet() -> None:
    """The end of a second attempt waits for word of the first, which may be on its way."""
    life = Life(new_call()).hear(SECOND, fact(BOT, "ended", 1010, attempt=2, reason="lost"))
    assert not life.state.ended
    life.hear(OPENED, JOINED, CONNECTED, at=1012)
    assert not life.run(1012, until=1040).state.ended


def test_a_rival_that_stays() -> None:
    """A second bot that sits in its room without a caller does not keep the call, and is thrown out."""
    life = talking().hear(SECOND, fact(BOT, "joined", 1006, attempt=2))
    life.hear(fact(BOT, "ended", 1030, reason="bot_hangup"))
    life.run(1030, until=1035)
    assert not life.state.ended
    life.run(1035, until=1041)
    assert life.state.ended_reason is EndedReason.BOT_HANGUP
    assert {close.attempt for close in life.closes()} == {1, 2}


def test_a_bot_that_left_while_its_launch_goes_on() -> None:
    """A bot whose room was deleted, as its start seemed to fail, ends no call that is launched again."""
    life = Life(new_call()).hear(OPENED, JOINED, fact(BOT, "ended", 1004, reason="lost"))
    failed = fact(GATEWAY, "launch_failed", 1005, reason="bot_start_failed", final=False, ambiguous=True)
    life.run(1004, until=1004.5).hear(failed).run(1005, until=1005.5)
    assert not life.state.ended
    second = fact(GATEWAY, "attempt_opened", 1006, attempt=2, room="room-2", owner="gateway-1")
    life.hear(second, fact(BOT, "joined", 1008, attempt=2), fact(BOT, "connected", 1010, attempt=2))
    assert not life.run(1010, until=1030).state.ended


def test_a_bot_that_left_after_its_launch() -> None:
    """A bot that was started for certain, and found no caller, ends the call, whatever is heard of first."""
    facts = [JOINED, fact(BOT, "ended", 1004, reason="lost")]
    started = fact(GATEWAY, "bot_started", 1002, session_id="s", host="local")
    for order in ([started, *facts], [*facts, started]):
        assert Life(new_call()).hear(OPENED, *order).state.ended_at == 1004


def test_a_bot_that_left_and_no_word_of_its_launch() -> None:
    """When the launch never says anything, the call ends as its bot said, when another should have joined."""
    life = Life(new_call()).hear(OPENED, JOINED, fact(BOT, "ended", 1004, reason="lost"))
    life.run(1004, until=1000 + PATIENCE.join_s)
    assert (life.state.ended_reason, life.state.ended_at) == (EndedReason.LOST, 1004)


def test_a_transfer_of_which_daily_says_nothing() -> None:
    """A line that was handed over needs no bot: nobody asks for it, nobody hangs up before the end."""
    life = talking().hear(fact(BOT, "ended", 1030, reason="transferred")).run(1030, until=1400)
    assert life.orders == []
    assert not life.state.ended


def test_a_failed_transfer_ends_in_time() -> None:
    """A transfer that nobody answers is over two minutes later, not at the longest duration."""
    life = talking().hear(fact(DAILY, "daily.calltransfer.initiated", 1029, session_id="phone-1"), STOPPED)
    life.hear(fact(BOT, "ended", 1030, reason="transferred")).run(1030, until=1031 + PATIENCE.transfer_s)
    assert life.state.ended_reason is EndedReason.TRANSFER_FAILED


def test_a_failed_launch_does_not_end_a_bot_that_lives() -> None:
    """A launch that is given up, as by a gateway that takes over, does not hang up on a conversation."""
    failed = fact(GATEWAY, "launch_failed", 1020, reason="bot_start_failed", code="gateway_lost", final=False)
    life = talking().hear(failed).run(1020, until=1045)
    assert not life.state.ended
    assert life.orders == []
