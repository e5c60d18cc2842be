"""Calls out with a plan: what they wait for, who may dial, and what ends them between attempts."""

from dataclasses import replace

import pytest

from frontdesk.calls import queue_facts
from frontdesk.calls.evidence import rang
from frontdesk.calls.models import Fact, State
from frontdesk.calls.orders import Enqueue
from frontdesk.calls.plan import Plan, RetryOn
from frontdesk.ended import EndedBy, EndedReason
from tests.calls.lifetime import BOT, CALL_ID, DAILY, GATEWAY, PATIENCE, Life, fact, obeys
from tests.calls.planned import (
    DAY_S,
    PATIENT,
    answers,
    claims,
    dials,
    fails,
    in_vain,
    joins,
    opens,
    planned,
    stops,
    waits,
)


def put_off(attempt: int, turn: int, until: float, why: str = "blocked_quiet_hours") -> Fact:
    """The gate says later."""
    return queue_facts.rescheduled(CALL_ID, attempt, turn, 1001, until=until, why=why)


def blocked(attempt: int, reason: EndedReason = EndedReason.BLOCKED_DO_NOT_CALL) -> Fact:
    """The gate says no."""
    return queue_facts.blocked(CALL_ID, attempt, 1002, reason=reason, detail="d", next_allowed_at=5000)


def hang_up(at: float) -> Fact:
    """Somebody cancels."""
    return Fact(CALL_ID, "hang_up:canceled", GATEWAY, "hang_up", at, 0, {"why": "canceled", "by": "key-1"})


def reason(life: Life) -> tuple[EndedReason | None, str | None, float | None]:
    """Why, on whose side, and when the call ended."""
    return life.state.ended_reason, life.state.ended_by, life.state.ended_at


class TestWaiting:
    """What a call waits for."""

    def test_a_new_call_is_queued(self) -> None:
        """A call that may be dialed at once waits for its turn."""
        life = Life(planned())
        assert (waits(life), life.state.state) == ((1, 1000, "queued"), State.QUEUED)
        assert life.types == ["call.started"]

    def test_a_call_for_later(self) -> None:
        """A call that may not be dialed yet is scheduled, and queued when its time has come."""
        life = Life(planned(replace(PATIENT, earliest_at=4600))).run(1000, until=4599, answer=obeys())
        assert (waits(life), life.state.state) == ((1, 4600, "scheduled"), State.SCHEDULED)
        assert life.run(4600, until=4600).state.state is State.QUEUED

    def test_the_gate_says_later(self) -> None:
        """A call that must wait says for what and until when, in its state and to the CRM."""
        life = Life(planned()).hear(put_off(1, 0, 40_000))
        assert (waits(life), life.state.state) == ((1, 40_000, "blocked_quiet_hours"), State.RESCHEDULED)
        told = life.told[-1]
        assert (told.type, told.attempt, told.is_last_attempt) == ("call.rescheduled", 1, False)
        assert told.data == {"waiting_for": "blocked_quiet_hours", "next_attempt_at": 40_000}
        assert life.run(1001, until=40_000, answer=obeys()).state.state is State.QUEUED

    @pytest.mark.parametrize("later_first", [True, False])
    def test_the_later_turn_counts(self, *, later_first: bool) -> None:
        """What the gate said in an earlier turn changes nothing, in whatever order it arrives."""
        said = [put_off(1, 1, 30_000, "blocked_frequency"), put_off(1, 0, 40_000)]
        life = Life(planned()).hear(*(said if later_first else reversed(said)))
        assert waits(life) == (1, 30_000, "blocked_frequency")
        assert life.state.waiting is not None
        assert life.state.waiting.turn == 2

    def test_news_of_an_attempt_that_was_made(self) -> None:
        """Whatever engine and gate say of an attempt that was opened is stale."""
        said = [put_off(1, 3, 90_000), blocked(1), queue_facts.enqueued(CALL_ID, 1, 9, 1003)]
        life = Life(planned()).hear(*opens(1, 1000), *said)
        assert (waits(life), life.state.ended) == (None, False)
        life.hear(*in_vain(1, 1000)[2:])
        assert waits(life) == (2, 1080.5, "busy")
        assert not life.state.ended

    def test_another_attempt_is_made(self) -> None:
        """A call that is tried again waits, is dialed, and tells each step once."""
        life = Life(planned()).hear(*in_vain(1, 1000))
        assert (waits(life), life.state.state) == ((2, 1080.5, "busy"), State.RESCHEDULED)
        life.run(1021, until=1090, answer=obeys())
        life.hear(*opens(2, 1090), *joins(2, 1092), *dials(2, 1093), *answers(2, 1100))
        assert (waits(life), life.state.state) == (None, State.IN_PROGRESS)
        life.hear(fact(BOT, "ended", 1150, 2, reason="bot_hangup"))
        assert reason(life) == (EndedReason.BOT_HANGUP, EndedBy.BOT, 1150)
        assert life.types == [
            *("call.started", "call.ringing", "call.attempt.ended", "call.rescheduled"),
            *("call.ringing", "call.answered", "call.attempt.ended", "call.ended"),
        ]
        last = [(told.attempt, told.is_last_attempt) for told in life.told]
        assert last == [
            (0, False),
            (1, False),
            (1, False),
            (2, False),
            (2, False),
            (2, False),
            (2, True),
            (2, True),
        ]

    def test_a_call_without_a_plan_never_waits(self) -> None:
        """A call out of an earlier version goes on as it began: one attempt, no retry."""
        life = Life(replace(planned(), plan={})).hear(*in_vain(1, 1000))
        assert reason(life)[0] is EndedReason.BUSY
        assert {told.is_last_attempt for told in life.told[1:]} == {True}


class TestEngine:
    """What the engine is asked."""

    def test_a_call_that_nobody_brought_to_it(self) -> None:
        """Until the engine is known to have a call it is asked to take it, with growing pauses."""
        life = Life(planned(replace(PATIENT, urgent=False)))
        life.run(1000, until=1000 + PATIENCE.enqueue_s - 0.1)
        assert life.orders == []
        life.run(1000, until=1100)
        assert set(life.orders) == {Enqueue(1, 0, 1000, urgent=False)}
        assert 3 < len(life.orders) < 8

    def test_one_that_is_away_for_days_is_asked_to_the_last(self) -> None:
        """However often it was asked in vain, the call ends when its time is up."""
        life = Life(planned(replace(PATIENT, latest_at=PATIENT.earliest_at + 2 * DAY_S)))
        for half_days in range(1, 6):
            life.run(1000, until=1000 + half_days * DAY_S / 2)
        assert life.state.ended_reason is EndedReason.EXPIRED
        assert len(life.orders) > 1100

    def test_what_it_has_is_not_ordered(self) -> None:
        """A call that the engine has is left to it until the call's time is up."""
        life = Life(planned()).hear(queue_facts.enqueued(CALL_ID, 1, 0, 1000.1))
        assert life.run(1000, until=PATIENT.latest_at - 1).orders == []

    def test_a_retry_is_ordered_at_once(self) -> None:
        """The next attempt is brought to the engine as soon as it is decided, for when it is due."""
        life = Life(planned()).hear(queue_facts.enqueued(CALL_ID, 1, 0, 1000.1), *in_vain(1, 1000))
        assert life.state.due_at == 0
        assert Enqueue(2, 0, 1080.5, urgent=True) in life.tick(1021)

    def test_it_comes_again_by_itself(self) -> None:
        """A call that the gate put off is with the engine already."""
        assert Life(planned()).hear(put_off(1, 0, 40_000)).run(1001, until=39_999).orders == []

    def test_early_word_of_it_is_kept(self) -> None:
        """That the engine has the next attempt may be known before this one is over."""
        life = Life(planned()).hear(*opens(1, 1000), queue_facts.enqueued(CALL_ID, 2, 0, 1001))
        life.hear(*in_vain(1, 1000)[2:])
        assert life.state.waiting is not None
        assert life.state.waiting.enqueued


class TestEnd:
    """What ends a call that waits."""

    def test_its_time_is_up(self) -> None:
        """A call that still waits at its latest time expires, and says what it waited for."""
        plan = replace(PATIENT, latest_at=5000)
        life = Life(planned(plan)).hear(put_off(1, 0, 40_000)).run(1001, until=4999, answer=obeys())
        assert not life.state.ended
        life.run(4999, until=6000)
        assert reason(life) == (EndedReason.EXPIRED, EndedBy.GATEWAY, 5000)
        assert life.state.ended_detail == "blocked_quiet_hours"
        assert (life.state.due_at, life.state.waiting) == (None, None)

    def test_a_cancel_before_the_first_attempt(self) -> None:
        """A call that is called off before anything was tried ends at once, with nothing to close."""
        life = Life(planned()).hear(hang_up(1001))
        assert reason(life) == (EndedReason.CANCELED, EndedBy.CRM, 1001)
        assert life.run(1001).orders == []

    @pytest.mark.parametrize("cancel_first", [True, False])
    def test_a_cancel_between_attempts(self, *, cancel_first: bool) -> None:
        """A call that would be tried again and is called off ends as canceled, whatever is heard of first."""
        tried, cancel = in_vain(1, 1000), hang_up(1030)
        life = Life(planned()).hear(*([cancel, *tried] if cancel_first else [*tried, cancel]), at=1031)
        assert reason(life) == (EndedReason.CANCELED, EndedBy.CRM, 1030)

    def test_a_cancel_while_it_rings(self) -> None:
        """A phone that rings is hung up, and no other attempt follows."""
        life = Life(planned()).hear(*opens(1, 1000), *joins(1, 1002), *dials(1, 1003), hang_up(1010))
        life.run(1010, answer=obeys())
        assert reason(life)[0] is EndedReason.CANCELED
        assert life.state.attempt == 1

    def test_a_cancel_before_the_claim(self) -> None:
        """A bot that may not dial says nothing: the call ends as soon as its room is closed."""
        life = Life(planned()).hear(*opens(1, 1000), hang_up(1002), *joins(1, 1003))
        life.run(1003, until=1003, answer=obeys())
        assert (reason(life)[0], life.closes()[0].room) == (EndedReason.CANCELED, "room-1")

    def test_the_gate_says_no(self) -> None:
        """A call that may not be made ends, and tells when it may be."""
        life = Life(planned()).hear(blocked(1))
        assert reason(life) == (EndedReason.BLOCKED_DO_NOT_CALL, EndedBy.GATEWAY, 1002)
        assert (life.state.ended_detail, life.told[-1].data["next_allowed_at"]) == ("d", 5000)

    def test_the_gate_says_no_to_a_retry(self) -> None:
        """A callee who asked not to be called, while a retry waits, is not called."""
        life = Life(planned()).hear(*in_vain(1, 1000), blocked(2))
        assert reason(life)[0] is EndedReason.BLOCKED_DO_NOT_CALL
        assert life.state.attempts[0].over is not None

    def test_a_failure_before_any_attempt(self) -> None:
        """What can never be launched ends the call with its reason."""
        failed = fact(GATEWAY, "launch_failed", 1001, 0, reason="capacity", code="capacity")
        assert reason(Life(planned()).hear(failed))[0] is EndedReason.CAPACITY

    def test_nothing_follows_the_end(self) -> None:
        """An attempt that is opened after a cancel is over, and is closed."""
        life = Life(planned()).hear(hang_up(1001), *opens(1, 1002))
        assert not life.state.waits_for(1)
        assert life.state.attempts[0].over is not None
        life.run(1003, answer=obeys())
        assert [close.attempt for close in life.closes()] == [1]


class TestAnswered:
    """Nobody who picked up is called again."""

    def test_late_word_of_an_answer(self) -> None:
        """When it turns out that somebody had picked up, the retry is dropped and the call ends."""
        life = Life(planned()).hear(*in_vain(1, 1000, "no_answer"))
        assert waits(life) is not None
        life.hear(answers(1, 1019)[0], at=1050)
        assert reason(life) == (EndedReason.NO_ANSWER, EndedBy.CALLEE, 1020.5)
        assert life.state.answered_at == 1019

    def test_late_word_while_the_next_attempt_is_made(self) -> None:
        """Its bot may not dial, and nothing follows it."""
        life = Life(planned()).hear(*in_vain(1, 1000, "no_answer"), *opens(2, 1090))
        life.hear(answers(1, 1019)[0], *joins(2, 1092))
        assert not life.state.claim_granted(2, "s-2")
        life.run(1093, answer=obeys())
        assert reason(life)[0] is EndedReason.NO_ANSWER

    def test_a_machine_first_and_a_person_then(self) -> None:
        """The answer and the first word of the call are those of the attempt that reached a person."""
        first = [*opens(1, 1000), *joins(1, 1002), *dials(1, 1003), *answers(1, 1010)]
        life = Life(planned()).hear(*first, fact(BOT, "first_word", 1011))
        life.hear(*stops(1, 1020, "voicemail_no_message"))
        second = [*opens(2, 2000), *joins(2, 2002), *dials(2, 2003), *answers(2, 2010)]
        life.hear(*second, fact(BOT, "first_word", 2011, 2))
        assert (life.state.answered_at, life.state.first_word_at) == (2010, 2011)
        life.run(2011, until=2030)
        assert life.state.hang_up is None


class TestClaims:
    """One bot dials for an attempt."""

    def test_a_bot_that_comes_after_the_latest_time_may_not_dial(self) -> None:
        """Its attempt was opened in time; the call ends as expired, and nobody is called."""
        life = Life(planned(replace(PATIENT, latest_at=1010.0))).hear(*opens(1, 1000), claims(1, 1010.5))
        assert not life.state.claim_granted(1, "s-1")
        life.run(1011, until=1200, answer=obeys())
        assert (life.state.ended_reason, life.state.attempt) == (EndedReason.EXPIRED, 1)
        in_time = Life(planned(replace(PATIENT, latest_at=1010.0))).hear(*opens(1, 1000), claims(1, 1010))
        assert in_time.state.claim_granted(1, "s-1")

    def test_the_first_session_may(self) -> None:
        """The first bot that asks may dial, and may ask again; another one may not."""
        life = Life(planned()).hear(*opens(1, 1000), claims(1, 1003, "one"), claims(1, 1004, "two"))
        for _ in range(2):
            granted = [life.state.claim_granted(1, session) for session in ("one", "two", "")]
            assert granted == [True, False, False]
            life.hear(claims(1, 1003, "one"))

    def test_not_before_the_attempt_is_opened(self) -> None:
        """Nobody dials for an attempt that is not in the books."""
        life = Life(planned()).hear(claims(1, 999), *opens(1, 1000))
        assert not life.state.claim_granted(1, "s-1")

    @pytest.mark.parametrize(
        "before",
        [
            [hang_up(1002)],
            [fact(GATEWAY, "launch_failed", 1002, reason="bot_start_failed", code="x", final=False)],
            [fact(BOT, "ended", 1002, reason="bot_start_failed")],
        ],
    )
    def test_not_once_it_is_decided(self, before: list[Fact]) -> None:
        """After a hang-up, a failed launch or its own end, a bot may not dial, though it asks again."""
        life = Life(planned()).hear(*opens(1, 1000), *before, claims(1, 1003))
        assert not life.state.claim_granted(1, "s-1")
        assert not life.state.attempts[0].claimed_by

    def test_a_claim_ends_with_a_hang_up(self) -> None:
        """A bot that may dial may no longer when the call was called off meanwhile."""
        life = Life(planned()).hear(*opens(1, 1000), claims(1, 1003))
        assert life.state.claim_granted(1, "s-1")
        assert not life.hear(hang_up(1004)).state.claim_granted(1, "s-1")

    def test_an_attempt_that_nobody_waited_for(self) -> None:
        """Of an attempt that is opened while another goes on nobody dials."""
        life = Life(planned()).hear(*opens(1, 1000), *opens(2, 1001), claims(2, 1003), claims(1, 1004))
        assert not life.state.claim_granted(2, "s-2")
        assert life.state.claim_granted(1, "s-1")
        assert not life.state.ended


class TestLastAttempt:
    """Whether another attempt may follow, as the CRM is told."""

    @pytest.mark.parametrize(
        ("plan", "expected"),
        [
            (PATIENT, [False, False]),
            (replace(PATIENT, max_attempts=1), [True, True]),
            (replace(PATIENT, retry_on=()), [True, True]),
            (replace(PATIENT, retry_on=(RetryOn.BUSY,)), [False, True]),
        ],
    )
    def test_while_it_goes_on(self, plan: Plan, expected: list[bool]) -> None:
        """A phone that rings may be tried again as the plan says; one that was answered, if by a machine."""
        life = Life(planned(plan)).hear(*opens(1, 1000), *joins(1, 1002), *dials(1, 1003), *answers(1, 1009))
        assert [told.is_last_attempt for told in life.told[1:]] == expected

    def test_at_its_end(self) -> None:
        """The end of an attempt says whether the call waits for another."""
        life = Life(planned(replace(PATIENT, max_attempts=2))).hear(*in_vain(1, 1000), *in_vain(2, 1090))
        ends = [told.is_last_attempt for told in life.told if told.type == "call.attempt.ended"]
        assert ends == [False, True]


class TestRang:
    """Whether a phone rang, for those who count."""

    @pytest.mark.parametrize(
        ("facts", "expected"),
        [
            (fails(1, 1000, reason="capacity", code="capacity", final=False), False),
            ([*opens(1, 1000), *joins(1, 1002)], True),
            ([*opens(1, 1000), *joins(1, 1002), fact(BOT, "ended", 1010, reason="service_failed")], False),
            (in_vain(1, 1000), True),
            (
                [*opens(1, 1000), *joins(1, 1002), *dials(1, 1003, rings=False), *stops(1, 1004, "busy")[1:]],
                False,
            ),
            ([*opens(1, 1000), fact(DAILY, "daily.dialout.answered", 1010, session_id="p")], True),
            (
                [*opens(1, 1000), *joins(1, 1002), fact(BOT, "ended", 1010, reason="outcome_unknown")],
                True,
            ),
            ([*opens(1, 1000), *joins(1, 1002), fact(BOT, "ended", 1010, reason="lost")], True),
        ],
    )
    def test_rang(self, facts: list[Fact], *, expected: bool) -> None:
        """It rang when anybody says so, or when a bot that could dial has said nothing of its end."""
        assert rang(Life(planned()).hear(*facts).state.attempts[0]) is expected


def test_the_longest_duration_is_that_of_an_attempt() -> None:
    """A call that waited for long is not hung up as too long, nor is it lost."""
    life = Life(planned()).run(1000, until=80_000, answer=obeys())
    life.hear(*opens(1, 80_000), *joins(1, 80_002), *dials(1, 80_003), *answers(1, 80_010))
    life.run(80_011, until=80_040)
    assert life.state.hang_up is None
    assert life.state.state is State.IN_PROGRESS
