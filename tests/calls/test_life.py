"""The life of a call, one case after another: what went wrong for others, and what a call is like here."""

import pytest

from frontdesk.calls.life import AskPresence
from frontdesk.calls.models import Fact, State
from frontdesk.ended import EndedBy, EndedReason
from tests.calls.lifetime import BOT, DAILY, GATEWAY, MAX_DURATION_S, PATIENCE, Life, fact, new_call, obeys

OPENED = fact(GATEWAY, "attempt_opened", 1000, room="room-1", owner="gateway-1")
STARTED = fact(GATEWAY, "bot_started", 1001, session_id="s", host="agent", host_session_id="h")
JOINED = fact(BOT, "joined", 1003, session_id="bot-1")
BOT_SEEN = fact(DAILY, "daily.participant.joined", 1003, session_id="bot-1", bot=True)
BOT_LEFT = "daily.participant.left"
CANCEL = Fact("c" * 32, "hang_up:canceled", GATEWAY, "hang_up", 1050, 0, {"why": "canceled", "by": "key-1"})


def talking() -> Life:
    """A call in whose caller is on the line since 1005."""
    connected = fact(BOT, "connected", 1005, session_id="phone-1")
    daily = fact(DAILY, "daily.dialin.connected", 1005, session_id="phone-1")
    return Life(new_call()).hear(OPENED, STARTED, JOINED, BOT_SEEN, connected, daily)


def dialing() -> Life:
    """A call out whose phone rings since 1006."""
    life = Life(new_call("outbound")).hear(OPENED, STARTED, JOINED, BOT_SEEN)
    return life.hear(
        fact(BOT, "dialing", 1005, dial=1),
        fact(DAILY, "daily.dialout.connected", 1006, session_id="phone-1"),
        fact(BOT, "ringing", 1006, dial=1, session_id="phone-1"),
    )


def reason(life: Life) -> tuple[EndedReason | None, str | None, float | None]:
    """Why, on whose side, and when the call ended."""
    return life.state.ended_reason, life.state.ended_by, life.state.ended_at


class TestConversation:
    """Calls in which nothing goes wrong."""

    def test_a_call_in(self) -> None:
        """A call in is told from its start to its end, and its room is cleaned up."""
        life = talking().hear(fact(BOT, "first_word", 1005.4), fact(BOT, "ended", 1060, reason="bot_hangup"))
        assert life.types == ["call.started", "call.answered", "call.attempt.ended", "call.ended"]
        assert reason(life) == (EndedReason.BOT_HANGUP, EndedBy.BOT, 1060)
        assert (life.state.answered_at, life.state.first_word_at) == (1005, 1005.4)
        life.run(1060, answer=obeys())
        (close,) = life.closes()
        assert (close.room, close.legs, close.stop_bot) == ("room-1", (), False)
        assert life.state.due_at is None

    def test_a_call_out(self) -> None:
        """A call out rings, is answered and ends on the callee's side when the callee hangs up."""
        life = dialing()
        assert life.state.state.value == "ringing"
        life.hear(fact(BOT, "answered", 1010, dial=1, session_id="phone-1"))
        assert life.state.state.value == "in_progress"
        life.hear(fact(BOT, "ended", 1020, reason="caller_hangup"))
        assert life.types[1:] == ["call.ringing", "call.answered", "call.attempt.ended", "call.ended"]
        assert reason(life) == (EndedReason.CALLER_HANGUP, EndedBy.CALLEE, 1020)

    def test_times_of_the_bot_count(self) -> None:
        """Daily's times, which may be whole seconds of another clock, count only where the bot told none."""
        life = talking().hear(fact(DAILY, "daily.dialin.connected", 1004, session_id="phone-1"))
        assert life.state.answered_at == 1005

    def test_an_unknown_fact_is_borne(self) -> None:
        """Facts of a later version, and data that make no sense, change nothing."""
        life = talking()
        before = life.state
        life.hear(
            fact(DAILY, "daily.recording.started", 1006),
            fact(GATEWAY, "moved", 1006),
            fact(DAILY, "daily.dialout.stopped", 1006, attempt=0, session_id="elsewhere"),
        )
        assert life.state == before
        life.hear(fact(BOT, "dial_ended", 1007, dial="x", reason=7), fact(BOT, "dropped", 1007, count=3))
        assert life.state.attempts[0].dials == ()
        life.hear(fact(BOT, "ended", 1008, reason="abducted"))
        assert life.state.ended_reason is EndedReason.LOST


class TestStuck:
    """Complaint 3: calls that stay in progress for days; 5: slots that leak; 18: transfers without an end."""

    @pytest.mark.parametrize("stays", [True, False])
    def test_silence_of_both_sources(self, stays: bool) -> None:
        """When bot and Daily fall silent, Daily is asked; a bot that is there goes on, another is hung up."""
        life = talking().run(1006, until=1200, answer=obeys(bot=stays, phones=1))
        assert any(isinstance(order, AskPresence) for order in life.orders)
        assert life.state.ended is not stays
        if not stays:
            assert reason(life)[:2] == (EndedReason.BOT_CRASHED, EndedBy.HOST)

    def test_nobody_ever_came(self) -> None:
        """A bot that never joins is asked for when its time is over, then the call ends."""
        life = Life(new_call()).hear(OPENED, STARTED).run(1002, answer=obeys())
        asked = next(order for order in life.orders if isinstance(order, AskPresence))
        assert asked.room == "room-1"
        assert reason(life)[0] is EndedReason.BOT_START_FAILED
        assert 1121 <= (life.state.ended_at or 0) <= 1130

    def test_the_gateway_died_before_the_launch(self) -> None:
        """A call that was accepted and never launched ends, with nothing to close."""
        life = Life(new_call()).run(1000)
        assert reason(life)[0] is EndedReason.BOT_START_FAILED
        assert life.orders == []

    def test_daily_is_away(self) -> None:
        """While Daily does not answer, a call stays open and Daily is asked again, until the room expires."""
        life = talking().run(1006, until=1400)
        assert not life.state.ended
        assert len(life.orders) > 3
        life.run(1400)
        assert reason(life)[0] is EndedReason.LOST
        assert life.state.due_at is None

    @pytest.mark.parametrize("completed", [True, False])
    def test_a_transfer_outlives_its_bot(self, completed: bool) -> None:
        """After a cold transfer the call is open until Daily says that it ended, or the longest duration."""
        life = talking().hear(
            fact(DAILY, "daily.calltransfer.initiated", 1030, session_id="phone-1"),
            fact(DAILY, "daily.dialin.stopped", 1031, session_id="phone-1"),
            fact(BOT, "ended", 1031, reason="transferred"),
            fact(DAILY, "daily.meeting.ended", 1032),
            fact(DAILY, "daily.calltransfer.answered", 1040, session_id="phone-1"),
        )
        life.run(1040, until=1400, answer=obeys())
        assert life.state.state is State.TRANSFERRING
        assert life.closes() == []
        if completed:
            life.hear(fact(DAILY, "daily.calltransfer.completed", 1400, session_id="phone-1"))
            assert reason(life) == (EndedReason.TRANSFERRED, EndedBy.CALLER, 1400)
        else:
            life.run(1400, answer=obeys())
            assert reason(life)[0] is EndedReason.MAX_DURATION

    def test_a_transfer_that_nobody_answers(self) -> None:
        """A transfer whose other side does not pick up ends as failed, though Daily has no event for that."""
        life = talking().hear(
            fact(DAILY, "daily.calltransfer.initiated", 1030, session_id="phone-1"),
            fact(DAILY, "daily.dialin.stopped", 1031, session_id="phone-1"),
            fact(BOT, "ended", 1031, reason="transferred"),
        )
        life.run(1040, until=1140, answer=obeys())
        assert not life.state.ended
        life.run(1140, answer=obeys())
        assert reason(life)[0] is EndedReason.TRANSFER_FAILED

    def test_a_transfer_out_of_sight(self) -> None:
        """A transfer of which Daily tells nothing but the line's stop ends soon after it, as does a REFER."""
        stopped = fact(DAILY, "daily.dialin.stopped", 1031, session_id="phone-1")
        ended = fact(BOT, "ended", 1031, reason="transferred")
        refer = fact(DAILY, "daily.calltransfer.initiated", 1030, session_id="phone-1", is_sip_refer=True)
        for facts in ((stopped, ended), (refer, stopped, ended)):
            life = talking().hear(*facts)
            assert not life.state.ended
            life.run(1031, answer=obeys())
            assert reason(life) == (EndedReason.TRANSFERRED, EndedBy.CALLER, 1031)


class TestFinal:
    """Complaint 4: a late timer or report overwrites the end; 35: a hang-up after the hang-up."""

    def test_late_facts_fill_in_only(self) -> None:
        """After the end, reason and times stay; the line's end is still noted."""
        life = talking().hear(fact(BOT, "ended", 1060, reason="caller_hangup"))
        life.hear(
            CANCEL,
            fact(BOT, "ended", 1061, reason="bot_crashed"),
            fact(DAILY, "daily.dialin.stopped", 1060, session_id="phone-1"),
            fact(GATEWAY, "launch_failed", 1062, reason="capacity"),
        )
        assert reason(life) == (EndedReason.CALLER_HANGUP, EndedBy.CALLER, 1060)
        assert life.state.hang_up is None
        leg = next(leg for leg in life.state.attempts[0].legs if leg.session_id == "phone-1")
        assert leg.ended_at == 1060

    def test_a_room_that_is_gone_already(self) -> None:
        """Closing what is closed is no error: the end stays and nothing is left to do."""
        life = talking().hear(fact(BOT, "ended", 1060, reason="caller_hangup")).run(1060, answer=obeys())
        life.hear(fact(GATEWAY, "closed", 1070)).run(1070)
        assert reason(life)[0] is EndedReason.CALLER_HANGUP
        assert life.state.due_at is None

    def test_an_attempt_after_the_end_is_closed(self) -> None:
        """A launch that crosses the end of its call is cleaned up, its bot stopped."""
        life = talking().hear(fact(BOT, "ended", 1060, reason="caller_hangup")).run(1060, answer=obeys())
        late = fact(GATEWAY, "attempt_opened", 1059, attempt=2, room="room-2", owner="gateway-2")
        life.hear(late, at=1061).run(1061, answer=obeys())
        assert (life.closes()[-1].attempt, life.closes()[-1].stop_bot) == (2, True)
        assert life.types.count("call.ended") == 1


class TestHangUp:
    """Complaint 6: calls that are not hung up; 21: phones that ring on after a cancel."""

    def test_a_cancel_is_confirmed(self) -> None:
        """A canceled call is open, and its line is closed again and again, until that is confirmed."""
        life = dialing().hear(CANCEL, at=1050)
        life.run(1050, until=1300)
        assert not life.state.ended
        assert len(life.closes()) > 5
        assert life.closes()[0].legs == ("phone-1",)
        assert life.closes()[0].stop_bot
        life.hear(fact(GATEWAY, "closed", 1300)).run(1300)
        assert reason(life) == (EndedReason.CANCELED, EndedBy.CRM, 1300)
        assert life.state.ended

    def test_a_cancel_is_confirmed_by_the_bot(self) -> None:
        """A bot that leaves after a cancel ends the call as canceled, whatever it calls that."""
        life = dialing().hear(CANCEL, fact(BOT, "ended", 1051, reason="lost"))
        assert reason(life) == (EndedReason.CANCELED, EndedBy.CRM, 1051)

    @pytest.mark.parametrize("stopped_at", [1046, 1051])
    def test_a_cancel_is_confirmed_by_daily(self, stopped_at: float) -> None:
        """The line's end confirms a cancel; a line that had ended before was no cancel."""
        life = talking().hear(CANCEL)
        life.hear(fact(DAILY, "daily.dialin.stopped", stopped_at, session_id="phone-1")).run(1052)
        expected = EndedReason.CANCELED if stopped_at > 1050 else EndedReason.CALLER_HANGUP
        assert reason(life)[::2] == (expected, stopped_at)

    def test_an_end_before_the_cancel(self) -> None:
        """A bot whose call had ended before the cancel was decided says why it ended."""
        life = talking().hear(CANCEL).hear(fact(BOT, "ended", 1049, reason="caller_hangup"), at=1051)
        assert reason(life)[0] is EndedReason.CALLER_HANGUP

    def test_the_longest_duration(self) -> None:
        """The gateway hangs up what the bot did not, a slack after the longest duration."""
        life = talking().run(1006, answer=obeys(bot=True, phones=1))
        ended_at = life.state.ended_at or 0.0
        assert reason(life)[:2] == (EndedReason.MAX_DURATION, EndedBy.GATEWAY)
        assert ended_at - 1005 - MAX_DURATION_S == pytest.approx(PATIENCE.slack_s, abs=1)

    def test_a_dead_bot_is_hung_up_soon(self) -> None:
        """A phone whose bot left without a word is hung up within seconds, not at the longest duration."""
        life = talking().hear(fact(DAILY, BOT_LEFT, 1030, session_id="bot-1", bot=True))
        life.run(1030, until=1030 + PATIENCE.settle_s)
        (close,) = life.closes()
        assert (close.why, close.host, close.host_session_id) == (EndedReason.BOT_CRASHED, "agent", "h")
        life.run(1041, answer=obeys())
        assert reason(life)[0] is EndedReason.BOT_CRASHED

    def test_a_dead_bot_without_a_sign(self) -> None:
        """A phone whose bot died without a sign is hung up when its lease is over and Daily misses it."""
        life = talking().run(1006, until=1004 + PATIENCE.lease_s, answer=obeys(bot=False, phones=1))
        assert life.orders == []
        life.run(1051, until=1052, answer=obeys(bot=False, phones=1))
        assert [order.why for order in life.closes()] == [EndedReason.BOT_CRASHED]

    def test_a_restart_kills_nobody(self) -> None:
        """After a start every bot has a fresh lease, however long the gateway was away."""
        life = talking()
        life.up_since = 1300
        assert life.tick(1300 + PATIENCE.lease_s - 1) == ()
        life.hear(fact(BOT, "heartbeat", 1346), at=1346)
        assert life.tick(1350) == ()
        assert not life.state.ended


class TestDialing:
    """Complaint 12: a long silence; 16: errors of a dial that never arrive; 17: a caller who joins twice."""

    def test_headline_figure(self) -> None:
        """The record has both ends of the silence that a callee hears."""
        life = dialing().hear(fact(BOT, "answered", 1010, dial=1, session_id="phone-1"))
        life.hear(fact(BOT, "first_word", 1010.7))
        assert (life.state.first_word_at or 0) - (life.state.answered_at or 0) == pytest.approx(0.7)

    def test_a_dial_without_any_event(self) -> None:
        """A dial of which nobody tells an end does not outlive its bot's lease."""
        life = dialing().run(1007, answer=obeys())
        assert life.closes()[0].legs == ("phone-1",)
        assert reason(life)[0] is EndedReason.BOT_CRASHED

    def test_a_dial_that_only_daily_saw_ending(self) -> None:
        """A bot that is gone after the phone rang in vain leaves a call that was busy or not answered."""
        life = dialing().hear(fact(DAILY, "daily.dialout.stopped", 1036, session_id="phone-1"))
        assert not life.run(1037, until=1040).state.ended
        life.hear(fact(DAILY, BOT_LEFT, 1040, session_id="bot-1", bot=True)).run(1041, answer=obeys())
        assert reason(life)[0] is EndedReason.BUSY_OR_NO_ANSWER

    def test_a_dial_in_vain_is_no_end_while_the_bot_is_there(self) -> None:
        """Between two dials the call goes on, however Daily tells of the first."""
        life = dialing().hear(fact(DAILY, "daily.dialout.stopped", 1036, session_id="phone-1"))
        life.hear(fact(BOT, "dial_ended", 1036, dial=1, session_id="phone-1", reason="busy"))
        life.run(1037, until=1075)
        assert not life.state.ended
        life.hear(fact(BOT, "dialing", 1070, dial=2))
        assert [dial.number for dial in life.state.attempts[0].dials] == [1, 2]

    def test_a_caller_who_is_in_the_room_twice(self) -> None:
        """A second leg of the same caller neither answers twice nor ends the call when it goes."""
        life = talking().hear(fact(DAILY, "daily.dialin.connected", 1005.1, session_id="phone-2"))
        life.hear(fact(DAILY, "daily.dialin.stopped", 1006, session_id="phone-2"))
        life.run(1006, until=1040)
        assert not life.state.ended
        assert life.types.count("call.answered") == 1

    def test_a_caller_who_hangs_up_on_a_deaf_bot(self) -> None:
        """When Daily alone saw the caller go, the call ends though the bot still reports."""
        life = talking().hear(fact(DAILY, "daily.dialin.stopped", 1030, session_id="phone-1"))
        life.hear(fact(BOT, "heartbeat", 1039)).run(1039, answer=obeys(bot=True))
        assert reason(life) == (EndedReason.CALLER_HANGUP, EndedBy.CALLER, 1030)
        assert life.closes()[0].stop_bot


class TestLaunch:
    """Launches that fail, for certain or perhaps."""

    def test_a_certain_failure(self) -> None:
        """A launch that certainly failed ends the call at once, with its reason and code."""
        failed = fact(GATEWAY, "launch_failed", 1002, reason="capacity", code="capacity", final=True)
        life = Life(new_call("outbound")).hear(OPENED, failed)
        assert reason(life) == (EndedReason.CAPACITY, EndedBy.GATEWAY, 1002)
        assert life.state.ended_detail == "capacity"

    def test_an_ambiguous_failure(self) -> None:
        """A bot that comes although its launch seemed to fail is heard; else the call ends soon."""
        failed = fact(GATEWAY, "launch_failed", 1002, reason="bot_start_failed", code="x", ambiguous=True)
        life = Life(new_call()).hear(OPENED, failed)
        assert not life.state.ended
        assert reason(life.run(1002, answer=obeys()))[0] is EndedReason.BOT_START_FAILED
        alive = Life(new_call()).hear(OPENED, failed, JOINED)
        assert not alive.run(1003, until=1040).state.ended

    def test_at_the_start_no_attempt_is_the_last(self) -> None:
        """`call.started` comes before the first attempt, and nobody knows how many a call in will take."""
        for direction in ("inbound", "outbound"):
            (started,) = Life(new_call(direction)).told
            assert (started.type, started.attempt, started.is_last_attempt) == ("call.started", 0, False)

    def test_another_launch_follows(self) -> None:
        """A call whose launch is tried again is open, and tells that the attempt was not the last."""
        failed = fact(GATEWAY, "launch_failed", 1002, reason="capacity", code="capacity", final=False)
        life = Life(new_call()).hear(OPENED, failed)
        assert (life.types[-1], life.told[-1].is_last_attempt) == ("call.attempt.ended", False)
        second = fact(GATEWAY, "attempt_opened", 1004, attempt=2, room="room-2", owner="gateway-1")
        life.hear(second, fact(BOT, "joined", 1006, attempt=2, session_id="bot-2"))
        life.hear(fact(BOT, "ended", 1050, attempt=2, reason="bot_hangup"))
        assert reason(life)[0] is EndedReason.BOT_HANGUP
        assert [told.attempt for told in life.told] == [0, 1, 2, 2]

    def test_nobody_launches_again(self) -> None:
        """A gateway that dies between two launches leaves a call that ends all the same."""
        failed = fact(GATEWAY, "launch_failed", 1002, reason="capacity", code="capacity", final=False)
        life = Life(new_call()).hear(OPENED, failed).run(1002, answer=obeys())
        assert reason(life)[0] is EndedReason.CAPACITY

    def test_the_attempt_that_got_furthest_counts(self) -> None:
        """Of two bots in two rooms, the one that had the caller says why the call ended."""
        second = fact(GATEWAY, "attempt_opened", 1001, attempt=2, room="room-2", owner="gateway-2")
        life = talking().hear(second, fact(BOT, "joined", 1006, attempt=2, session_id="bot-2"))
        life.hear(fact(BOT, "ended", 1040, attempt=1, reason="bot_hangup"))
        life.hear(fact(BOT, "ended", 1045, attempt=2, reason="lost")).run(1045, answer=obeys())
        assert reason(life)[::2] == (EndedReason.BOT_HANGUP, 1040)

    def test_a_caller_who_is_refused(self) -> None:
        """A call that the CRM refused before any launch ends as refused."""
        refused = fact(GATEWAY, "launch_failed", 1001, attempt=0, reason="refused", code="refused")
        life = Life(new_call()).hear(refused)
        assert reason(life) == (EndedReason.REFUSED, EndedBy.CRM, 1001)
        assert life.state.due_at is None
