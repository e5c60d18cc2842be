"""Which failure is followed by another attempt, and when."""

from dataclasses import replace
from typing import Any

import pytest

from frontdesk.calls import queue_facts
from frontdesk.calls.models import Fact
from frontdesk.calls.plan import Plan, RetryOn
from frontdesk.ended import EndedReason
from tests.calls.lifetime import BOT, CALL_ID, DAILY, GATEWAY, PATIENCE, Life, fact, obeys
from tests.calls.planned import (
    ALL,
    PATIENT,
    answers,
    dials,
    fails,
    in_vain,
    joins,
    opens,
    planned,
    stops,
    waits,
)

RINGS = [*opens(1, 1000), *joins(1, 1002), *dials(1, 1003)]
LEFT = fact(DAILY, "daily.participant.left", 1030, session_id="bot-1", bot=True)
SEEN = fact(DAILY, "daily.participant.joined", 1002, session_id="bot-1", bot=True)
STOPPED = stops(1, 1020, "")[0]


def told(reason: str, *, answered: bool = False, dialed: bool = True, claimed: bool = True) -> list[Fact]:
    """An attempt of which its bot says at 1020.5 why it ended."""
    facts = list(opens(1, 1000))
    facts += joins(1, 1002) if claimed else [fact(BOT, "joined", 1002, session_id="bot-1")]
    facts += dials(1, 1003) if dialed else []
    facts += answers(1, 1010) if answered else []
    ends = stops(1, 1020, reason)
    return facts + (ends if dialed else ends[2:])


def carrier(reason: str) -> list[Fact]:
    """An attempt whose dial came to nothing before any phone rang."""
    dial = [
        fact(BOT, "dialing", 1003, dial=1),
        fact(BOT, "dial_ended", 1004, dial=1, reason=reason),
        fact(BOT, "ended", 1020.5, reason=reason),
        fact(GATEWAY, "closed", 1021, how="deleted"),
    ]
    return [*opens(1, 1000), *joins(1, 1002), *dial]


def launch(code: str, reason: str = "bot_start_failed", **data: Any) -> list[Fact]:
    """An attempt whose launch failed."""
    facts = fails(1, 1000, code=code, reason=reason, **data)
    return facts[:2] if data.get("ambiguous") else facts


def forbidden(rule: str, for_s: float = 0.0) -> list[Fact]:
    """The gate said no when the bot was about to dial."""
    reason = EndedReason(f"blocked_{rule}")
    return [*opens(1, 1000), queue_facts.forbidden(CALL_ID, 1, 1005, reason, 1005 + for_s)]


def bot(reason: str) -> list[Fact]:
    """A bot that left before it claimed its attempt."""
    return told(reason, dialed=False, claimed=False)


def answered(reason: str) -> list[Fact]:
    """A call that was picked up."""
    return told(reason, answered=True)


MAYBE: dict[str, Any] = {"final": False, "ambiguous": True}
FULL_17: dict[str, Any] = {"final": False, "retry_after_s": 17}
GONE = [*RINGS, SEEN, STOPPED, LEFT]
REFUSED = fact(DAILY, "daily.dialout.error", 1020, session_id=STOPPED.data["session_id"])
WHILE_IT_RANG = [*RINGS, *stops(1, 1020, "service_failed")[2:]]
TABLE: list[tuple[str, list[Fact], str, float | None]] = [
    # what happened, facts, the attempt's reason, seconds from its end to the next attempt
    ("busy", told("busy"), "busy", 60),
    ("it rang in vain", told("no_answer"), "no_answer", 60),
    ("busy or in vain, Daily does not say", told("busy_or_no_answer"), "busy_or_no_answer", 60),
    ("a mailbox, no message", answered("voicemail_no_message"), "voicemail_no_message", 60),
    ("a mailbox, the message is left", answered("voicemail_left"), "voicemail_left", None),
    ("a screening assistant", answered("call_screened"), "call_screened", 60),
    ("a phone menu", answered("ivr_reached"), "ivr_reached", None),
    ("a conversation", answered("bot_hangup"), "bot_hangup", None),
    ("the callee hung up", answered("caller_hangup"), "caller_hangup", None),
    ("the callee said nothing", answered("silence"), "silence", None),
    ("somebody was there, then services failed", answered("service_failed"), "service_failed", None),
    ("declined", told("declined"), "declined", None),
    ("no such number", carrier("invalid_number"), "invalid_number", None),
    ("Daily refuses such calls", carrier("carrier_rejected"), "carrier_rejected", None),
    ("the network did not put it through", carrier("carrier_unavailable"), "carrier_unavailable", 60),
    ("services failed after a dial", told("service_failed"), "service_failed", None),
    ("services failed while it rang", WHILE_IT_RANG, "service_failed", None),
    ("services failed before the dial", told("service_failed", dialed=False), "service_failed", 60),
    ("the bot claimed and could not join", told("bot_start_failed", dialed=False), "bot_start_failed", 1),
    ("the bot dialed and says that it never began", told("bot_start_failed"), "bot_start_failed", None),
    ("services failed before the claim", bot("service_failed"), "service_failed", 1),
    ("the claim was never answered", bot("bot_start_failed"), "bot_start_failed", 1),
    ("the host stopped the bot before it claimed", bot("canceled"), "canceled", 1),
    ("the host stopped the bot before it dialed", told("canceled", dialed=False), "canceled", 1),
    ("the host stopped the bot while it rang", told("canceled"), "canceled", None),
    ("the bot said that it is lost, after it rang", told("lost"), "lost", None),
    ("host: full", launch("capacity", "capacity", final=False), "capacity", 2),
    ("Daily: full for 17 seconds", launch("room_rate_limited", "capacity", **FULL_17), "capacity", 17),
    ("host: certainly no bot", launch("launch_unavailable", final=False), "bot_start_failed", 1),
    ("host: there is no such agent", launch("agent_not_found"), "bot_start_failed", None),
    ("host: perhaps a bot, and none came", launch("launch_timeout", **MAYBE), "bot_start_failed", 1),
    ("night fell before the claim", forbidden("quiet_hours", 3600), "blocked_quiet_hours", 3600),
    ("night falls for longer than is left", forbidden("quiet_hours", 2e6), "blocked_quiet_hours", None),
    ("put on the list before the claim", forbidden("do_not_call"), "blocked_do_not_call", 1),
    ("put on the list after the claim", [*RINGS, forbidden("do_not_call")[-1]], "outcome_unknown", None),
    ("the gateway died while it launched", launch("gateway_lost", **MAYBE), "bot_start_failed", 0),
    ("no bot came", opens(1, 1000), "bot_start_failed", 1),
    ("the bot was gone before it claimed", [*opens(1, 1000), SEEN, LEFT], "bot_crashed", 1),
    ("the bot was gone after its claim", [*RINGS[:4], SEEN, LEFT], "outcome_unknown", None),
    ("the bot was gone while it rang", [*RINGS, SEEN, LEFT], "outcome_unknown", None),
    ("the bot fell silent while it rang", RINGS, "outcome_unknown", None),
    ("the bot was gone, and Daily says no more than that it stopped", GONE, "outcome_unknown", None),
    ("the bot was gone, and Daily says that the dial failed", [*GONE, REFUSED], "busy_or_no_answer", 60),
    ("the bot was gone, somebody was there", [*RINGS, *answers(1, 1010), SEEN, LEFT], "bot_crashed", None),
]


@pytest.mark.parametrize(("what", "facts", "reason", "pause_s"), TABLE, ids=[row[0] for row in TABLE])
def test_failures(what: str, facts: list[Fact], reason: str, pause_s: float | None) -> None:
    """Each failure has its reason, and is followed by another attempt when the table says, or never."""
    life = Life(planned()).hear(*facts)
    life.run(max(one.at for one in facts), until=5000, answer=obeys())
    over = life.state.attempts[0].over
    assert over is not None
    assert over.reason == reason
    if pause_s is None:
        assert (life.state.ended_reason, life.state.ended_at) == (reason, over.at)
    else:
        assert waits(life) == (2, over.at + pause_s, reason)


@pytest.mark.parametrize("wanted", ALL)
def test_only_what_the_plan_names_is_tried_again(wanted: RetryOn) -> None:
    """An outcome that the request did not name ends the call."""
    outcomes = {
        RetryOn.BUSY: told("busy"),
        RetryOn.NO_ANSWER: told("no_answer"),
        RetryOn.FAILED: carrier("carrier_unavailable"),
        RetryOn.VOICEMAIL: told("voicemail_no_message", answered=True),
    }
    for outcome, facts in outcomes.items():
        life = Life(planned(replace(PATIENT, retry_on=(wanted,)))).hear(*facts)
        assert life.state.ended is (outcome is not wanted)


def test_attempts_that_reached_a_phone_are_counted() -> None:
    """After as many attempts as the plan has, the call ends with the reason of the last one."""
    life = Life(planned())
    for attempt, (at, reason) in enumerate([(1000, "busy"), (1080.5, "no_answer")], 1):
        life.hear(*in_vain(attempt, at, reason))
        assert not life.state.ended
    assert waits(life) == (3, 1100 + 0.5 + 0.5 + 600, "no_answer") or waits(life) == (
        3,
        1101 + 600,
        "no_answer",
    )
    life.hear(*in_vain(3, 1701, "busy"))
    assert (life.state.ended_reason, life.state.attempt) == (EndedReason.BUSY, 3)


def test_launches_in_vain_do_not_count() -> None:
    """A bot that never came costs none of the attempts; eight in a row, with growing pauses, then no more."""
    life, pauses = Life(planned(Plan(earliest_at=1000, latest_at=9000))), []
    for attempt in range(1, 10):
        at = (life.state.waiting and life.state.waiting.at) or 0.0
        life.hear(*fails(attempt, at, reason="bot_start_failed", code="x", final=False))
        if life.state.waiting is not None:
            pauses.append(life.state.waiting.at - at - 0.5)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    assert (life.state.ended_reason, life.state.attempt) == (EndedReason.BOT_START_FAILED, 9)


def test_after_launches_in_vain_a_phone_may_ring() -> None:
    """One attempt is allowed: it comes after launches that failed, and the pauses begin anew after it."""
    life = Life(planned()).hear(*fails(1, 1000, reason="bot_start_failed", code="x", final=False))
    life.hear(*in_vain(2, 1010)).hear(*fails(3, 1100, reason="bot_start_failed", code="x", final=False))
    assert waits(life) == (4, 1101.5, "bot_start_failed")
    life.hear(*in_vain(4, 1110, "no_answer"))
    assert waits(life) == (5, 1130.5 + 600, "no_answer")


def test_while_everything_is_full() -> None:
    """Until its time is up a call is tried as long as everything is full, at last every five minutes."""
    life, pauses = Life(planned(Plan(earliest_at=1000, latest_at=2000))), []
    while (waiting := life.state.waiting) is not None:
        full: dict[str, Any] = {"reason": "capacity", "code": "capacity", "final": False}
        life.hear(*fails(waiting.attempt, waiting.at, **full))
        if life.state.waiting is not None:
            pauses.append(life.state.waiting.at - waiting.at - 0.5)
    assert pauses == [2, 4, 8, 16, *[30] * 6, 300, 300]
    assert life.state.ended_reason is EndedReason.CAPACITY


def test_no_attempt_after_the_latest_time() -> None:
    """A retry that would come too late is none: the call ends with the reason of what was tried."""
    for latest_at, ended in ((1080.4, True), (1080.5, False)):
        life = Life(planned(replace(PATIENT, latest_at=latest_at))).hear(*in_vain(1, 1000))
        assert life.state.ended is ended


def test_a_bot_that_may_dial_is_not_replaced() -> None:
    """When a launch whose outcome is unknown brought a bot that claimed its attempt, the attempt goes on."""
    failed = fails(1, 1000, reason="bot_start_failed", code="launch_timeout", final=False, ambiguous=True)
    life = Life(planned()).hear(failed[0], *joins(1, 1000.2), failed[1])
    life.run(1006, until=1006 + PATIENCE.lease_s / 2)
    assert waits(life) is None
    assert life.orders == []
    assert life.state.claim_granted(1, "s-1")


def test_a_bot_that_could_not_join_is_no_attempt_of_the_plan() -> None:
    """It was let dial and never did: of two attempts that may ring a phone, both are left."""
    twice = replace(PATIENT, max_attempts=2)
    life = Life(planned(twice)).hear(*told("bot_start_failed", dialed=False))
    assert waits(life) == (2, 1021.5, "bot_start_failed")
    life.hear(*opens(2, 1030), *joins(2, 1031), *dials(2, 1033))
    ringing = next(told for told in life.told if told.type == "call.ringing")
    assert not ringing.is_last_attempt
    life.hear(*stops(2, 1040, "busy"))
    assert life.state.waiting is not None
    assert life.state.waiting.attempt == 3


@pytest.mark.parametrize(
    ("reason", "legs"),
    [("canceled", ("phone-1",)), ("outcome_unknown", ("phone-1",)), ("lost", ("phone-1",)), ("busy", ())],
)
def test_a_phone_that_may_ring_on_is_silenced(reason: str, legs: tuple[str, ...]) -> None:
    """A bot that left without knowing that the phone fell silent leaves the stopping to the gateway."""
    life = Life(planned()).hear(*RINGS, fact(BOT, "ended", 1020, reason=reason))
    life.run(1020, until=1020, answer=obeys())
    assert [close.legs for close in life.closes()][:1] == [legs]


def test_who_talked_to_an_attempt_that_nobody_wanted_is_not_called_again() -> None:
    """An attempt that was opened while another one went on, and answered all the same, is the last one."""
    life = Life(planned()).hear(*opens(1, 1000), *opens(2, 1001), *answers(2, 1005))
    life.hear(fact(BOT, "ended", 1010, reason="bot_start_failed"))
    assert life.state.waiting is None
    life.run(1010, until=5000, answer=obeys())
    assert life.state.ended


def test_a_bot_that_comes_too_late() -> None:
    """Once its launch is given up, a bot may not dial; its room is closed, and another one is launched."""
    failed = fails(1, 1000, reason="bot_start_failed", code="launch_timeout", final=False, ambiguous=True)
    life = Life(planned()).hear(*failed[:2], *joins(1, 1005))
    assert waits(life) == (2, 1001.5, "bot_start_failed")
    assert not life.state.claim_granted(1, "s-1")
    life.run(1006, until=1006, answer=obeys())
    assert [(close.attempt, close.stop_bot) for close in life.closes()] == [(1, True)]
