"""Histories of calls as they happen, with their troubles, in the order in which things happened."""

from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st

from frontdesk.calls import queue_facts
from frontdesk.calls.models import Fact, NewCall
from frontdesk.calls.plan import Plan
from frontdesk.ended import EndedReason
from tests.calls.lifetime import BOT, CALL_ID, DAILY, GATEWAY, Life, fact, new_call
from tests.calls.planned import ALL, planned

Draw = Any
MOST_ATTEMPTS = 2
"""After so many the next one is answered."""


@dataclass
class Stage:
    """The course of one attempt while it is written."""

    draw: Draw
    attempt: int
    at: float
    facts: list[Fact] = field(default_factory=list)

    def passes(self, least: float = 0.5, most: float = 20.0) -> None:
        """Let some time pass."""
        self.at = round(self.at + self.draw(st.floats(least, most)), 3)

    def bot(self, kind: str, **data: Any) -> None:
        """The bot reports."""
        self.facts.append(fact(BOT, kind, self.at, self.attempt, **data))

    def daily(self, kind: str, late_s: float = 0.0, **data: Any) -> None:
        """Daily tells."""
        self.facts.append(fact(DAILY, f"daily.{kind}", self.at + late_s, self.attempt, **data))

    def gateway(self, kind: str, **data: Any) -> None:
        """The gateway notes what it does."""
        self.facts.append(fact(GATEWAY, kind, self.at, self.attempt, **data))


@dataclass(frozen=True)
class History:
    """What happened to a call, and who is still in its rooms when nothing happens any more."""

    call: NewCall
    facts: list[Fact]
    bot_stays: bool
    phones: int

    @property
    def plan(self) -> Plan | None:
        """How it was to be tried."""
        return Plan.from_json(self.call.plan) if self.call.plan else None


@st.composite
def histories(draw: Draw) -> History:
    """Any call, in, out or out by a plan, with at most three attempts and any of the troubles."""
    kind = draw(st.sampled_from(["inbound", "outbound", "planned", "planned"]))
    call = draw(planned_calls()) if kind == "planned" else new_call(kind)
    made = {"inbound": attempts_in, "outbound": attempts_out}
    facts = draw(attempts_by_plan(call) if kind == "planned" else made[kind]())
    facts = _hung_up(draw, facts) if draw(st.integers(0, 3)) == 0 else facts
    facts = _bot_silenced(draw, facts) if draw(st.booleans()) else facts
    facts = _daily_withheld(draw, facts) if draw(st.booleans()) else facts
    return History(call, facts, bot_stays=draw(st.integers(0, 3)) == 0, phones=draw(st.integers(0, 2)))


@st.composite
def attempts_in(draw: Draw) -> list[Fact]:
    """A call in; now and then its first launch came to nothing, or to a bot that found nobody."""
    first = Stage(draw, 1, 1000.0)
    _launch(first)
    fate = draw(st.sampled_from(["answers"] * 4 + ["refused", "fails", "ambiguous", "rival", "alone"]))
    if fate in {"refused", "fails", "ambiguous"}:
        final, ambiguous = fate == "refused", fate == "ambiguous"
        first.passes()
        first.gateway("launch_failed", reason="capacity", code="capacity", final=final, ambiguous=ambiguous)
        return first.facts if final else first.facts + _second(draw, first.at)
    if fate == "rival":
        return _rivals(draw, first)
    _joins(first)
    if fate == "alone":
        first.passes()
        _ended(first, "lost", "not_connected")
        return first.facts
    _answers_in(first)
    _talks(first)
    return first.facts


@st.composite
def attempts_out(draw: Draw) -> list[Fact]:
    """A call out: one bot, up to two dials."""
    stage = Stage(draw, 1, 1000.0)
    _launch(stage)
    _joins(stage)
    for dial in (1, 2):
        phone = f"phone-{dial}"
        stage.passes()
        stage.bot("dialing", dial=dial)
        stage.passes(0.1, 2)
        stage.daily("dialout.connected", session_id=phone)
        stage.bot("ringing", dial=dial, session_id=phone)
        stage.passes(1, 30)
        if draw(st.booleans()):
            stage.daily("dialout.answered", late_s=draw(st.sampled_from([0.0, -0.3])), session_id=phone)
            stage.bot("answered", dial=dial, session_id=phone)
            _talks(stage, phone)
            return stage.facts
        stage.daily(draw(st.sampled_from(["dialout.stopped", "dialout.error"])), session_id=phone)
        stage.bot("dial_ended", dial=dial, session_id=phone, reason="busy_or_no_answer")
    stage.passes(0.1, 1)
    _ended(stage, "busy_or_no_answer", "")
    return stage.facts


@st.composite
def planned_calls(draw: Draw) -> NewCall:
    """A call out that waits, with any plan."""
    plan = Plan(
        earliest_at=draw(st.sampled_from([1000.0, 1300.0])),
        latest_at=draw(st.sampled_from([4000.0, 4000.0, 1400.0])),
        max_attempts=draw(st.sampled_from([3, 3, 2, 1])),
        retry_on=draw(st.sampled_from([ALL, ALL, ALL[:2], ()])),
        delays_s=tuple(draw(st.lists(st.sampled_from([0.0, 30.0, 600.0]), max_size=2))),
    )
    return planned(plan)


@st.composite
def attempts_by_plan(draw: Draw, call: NewCall) -> list[Fact]:
    """Attempts one after another, as long as the life of the call wants them and its engine is there."""
    facts: list[Fact] = []
    while not facts or draw(st.sampled_from([True] * 9 + [False])):
        waiting = Life(call).hear(*facts).state.waiting
        if waiting is None:
            break
        at = max([waiting.at, *(one.at for one in facts)]) + 0.1
        stage = Stage(draw, waiting.attempt, at)
        passes = _gate_lets_pass(stage)
        if passes:
            _attempt_by_plan(stage, last=waiting.attempt > MOST_ATTEMPTS)
        facts += stage.facts
        if not passes:
            break
    return [_marked(one, facts) for one in facts]


def _marked(one: Fact, facts: list[Fact]) -> Fact:
    followed = any(other.type == "attempt_opened" and other.attempt > one.attempt for other in facts)
    return (
        replace(one, data=one.data | {"another_follows": True}) if one.type == "ended" and followed else one
    )


def _gate_lets_pass(stage: Stage) -> bool:
    """The gate says later any number of times, and then yes; or it says no."""
    attempt = stage.attempt
    for turn in range(stage.draw(st.sampled_from([0, 0, 0, 1, 2]))):
        until = stage.at + stage.draw(st.sampled_from([30.0, 3600.0]))
        why = stage.draw(st.sampled_from(["blocked_quiet_hours", "blocked_frequency"]))
        stage.facts.append(queue_facts.rescheduled(CALL_ID, attempt, turn, stage.at, until=until, why=why))
        stage.passes()
    if stage.draw(st.integers(0, 19)) < 19:
        return True
    reason = EndedReason.BLOCKED_DO_NOT_CALL
    stage.facts.append(queue_facts.blocked(CALL_ID, attempt, stage.at, reason=reason, detail="d"))
    return False


def _attempt_by_plan(stage: Stage, *, last: bool) -> None:
    fates = ["rings"] * 6 + ["fails"] * 2 + ["answers", "ambiguous", "no claim", "silence", "stopped"]
    fate = stage.draw(st.sampled_from(fates))
    if fate in {"fails", "ambiguous"}:
        _fails_by_plan(stage, ambiguous=fate == "ambiguous")
        return
    _launch(stage)
    _joins(stage)
    if fate == "no claim":
        _ended(stage, *stage.draw(st.sampled_from([("bot_start_failed", "claim"), ("canceled", "host")])))
        return
    for session in stage.draw(st.sampled_from([("one",), ("one", "two")])):
        stage.facts.append(queue_facts.claimed(CALL_ID, stage.attempt, session, stage.at))
        stage.passes(0.1, 1)
    if stage.draw(st.integers(0, 4)) == 0:
        stage.gateway("launch_failed", reason="bot_start_failed", code="x", final=False, ambiguous=True)
    if fate == "stopped":
        _ended(stage, "canceled", "host")
    elif fate != "silence":
        _dials_by_plan(stage, answered=last or fate == "answers")


def _fails_by_plan(stage: Stage, *, ambiguous: bool) -> None:
    stage.gateway("attempt_opened", room=f"room-{stage.attempt}", owner="gateway-1")
    stage.passes(0.1, 3)
    reason = stage.draw(st.sampled_from(["capacity", "bot_start_failed"]))
    final = stage.draw(st.integers(0, 4)) == 0
    stage.gateway("launch_failed", reason=reason, code="x", final=final, ambiguous=ambiguous)
    if ambiguous and stage.draw(st.booleans()):
        _joins(stage)
        stage.facts.append(queue_facts.claimed(CALL_ID, stage.attempt, "late", stage.at))


def _dials_by_plan(stage: Stage, *, answered: bool) -> None:
    phone = f"phone-{stage.attempt}"
    stage.bot("dialing", dial=1)
    stage.passes(0.1, 2)
    stage.daily("dialout.connected", session_id=phone)
    stage.bot("ringing", dial=1, session_id=phone)
    stage.passes(1, 30)
    again = ["busy", "no_answer", "carrier_unavailable", "voicemail_no_message"]
    reason = stage.draw(st.sampled_from(again * 2 + ["service_failed", "declined"]))
    picked_up = answered or reason == "voicemail_no_message"
    if picked_up:
        stage.daily("dialout.answered", session_id=phone)
        stage.bot("answered", dial=1, session_id=phone)
    if answered:
        _talks(stage, phone)
        return
    stage.daily("dialout.stopped", session_id=phone)
    if not picked_up:
        stage.bot("dial_ended", dial=1, session_id=phone, reason=reason)
    _ended(stage, reason, "")


def _launch(stage: Stage) -> None:
    stage.gateway("attempt_opened", room=f"room-{stage.attempt}", owner="gateway-1")
    stage.passes(0.1, 3)
    if stage.draw(st.integers(0, 4)):
        name = f"session-{stage.attempt}"
        stage.gateway("bot_started", session_id=name, host="agent", host_session_id=f"host-{name}")


def _joins(stage: Stage) -> None:
    bot = f"bot-{stage.attempt}"
    stage.passes(0.5, 30)
    stage.daily("meeting.started", meeting_id="m")
    stage.daily("participant.joined", session_id=bot, bot=True)
    stage.bot("joined", session_id=bot)


def _answers_in(stage: Stage) -> None:
    stage.passes(0.1, 2)
    stage.daily("dialin.ready")
    stage.bot("dialin_ready")
    stage.bot("forwarded")
    stage.passes(0.1, 2)
    stage.daily("dialin.connected", session_id="phone-1")
    stage.daily("participant.joined", session_id="phone-1", bot=False)
    stage.bot("connected", session_id="phone-1")


def _talks(stage: Stage, phone: str = "phone-1") -> None:
    stage.bot("greeting")
    stage.passes(0.1, 1)
    stage.bot("first_word")
    for _ in range(stage.draw(st.integers(0, 3))):
        stage.passes(1, 60)
        stage.bot("turn", role="user", text="Hello")
    stage.passes()
    end = stage.draw(st.sampled_from(["bot", "caller", "transfer", "silence", "crash"]))
    {"bot": _bot_ends, "caller": _caller_ends, "transfer": _transfer, "silence": _nothing, "crash": _crash}[
        end
    ](stage, phone)


def _bot_ends(stage: Stage, phone: str) -> None:
    stage.bot("ending", reason="bot_hangup")
    stage.passes(1, 5)
    _ended(stage, "bot_hangup", "")
    _line_stops(stage, phone)
    stage.daily("meeting.ended", meeting_id="m")


def _caller_ends(stage: Stage, phone: str) -> None:
    _line_stops(stage, phone)
    stage.passes(0.1, 1)
    _ended(stage, "caller_hangup", "")
    stage.daily("meeting.ended", meeting_id="m")


def _crash(stage: Stage, phone: str) -> None:
    stage.daily("participant.left", session_id=f"bot-{stage.attempt}", bot=True)
    if stage.draw(st.booleans()):
        stage.passes(1, 30)
        _line_stops(stage, phone)


def _nothing(stage: Stage, phone: str) -> None:
    """The bot goes on talking, or is gone without a sign."""


def _transfer(stage: Stage, phone: str) -> None:
    refer = stage.draw(st.booleans())
    for event in ("triggered", "initiated"):
        stage.daily(f"calltransfer.{event}", session_id=phone, is_sip_refer=refer)
    stage.passes(0.1, 1)
    _line_stops(stage, phone)
    _ended(stage, "transferred", "")
    if refer or not stage.draw(st.booleans()):
        return
    stage.passes(1, 20)
    stage.daily("calltransfer.answered", session_id=phone)
    stage.passes(1, 100)
    if stage.draw(st.booleans()):
        stage.daily("calltransfer.completed", session_id=phone)


def _line_stops(stage: Stage, phone: str) -> None:
    family = "dialin" if any(one.type == "daily.dialin.connected" for one in stage.facts) else "dialout"
    stage.daily(f"{family}.stopped", session_id=phone)
    stage.daily("participant.left", session_id=phone, bot=False)


def _ended(stage: Stage, reason: str, detail: str) -> None:
    stage.bot("ended", reason=reason, detail=detail)
    stage.daily("participant.left", session_id=f"bot-{stage.attempt}", bot=True)


def _second(draw: Draw, at: float) -> list[Fact]:
    stage = Stage(draw, 2, at)
    if not draw(st.integers(0, 4)):
        return []
    stage.passes(1, 5)
    _launch(stage)
    _joins(stage)
    _answers_in(stage)
    _talks(stage)
    return stage.facts


def _rivals(draw: Draw, first: Stage) -> list[Fact]:
    """Two gateways launched a bot each; the second one finds that the caller is taken."""
    second = Stage(draw, 2, first.at)
    second.passes(0.1, 1)
    _launch(second)
    first.at = second.at
    _joins(first)
    _joins(second)
    second.bot("forward_failed")
    second.passes(0.1, 40)
    if draw(st.booleans()):
        _ended(second, "lost", "forward_refused")
    _answers_in(first)
    _talks(first)
    return [*second.facts, *first.facts]


def _hung_up(draw: Draw, facts: list[Fact]) -> list[Fact]:
    """Somebody cancels the call in its midst: everything that would have followed does not."""
    facts = sorted(facts, key=lambda one: one.at)
    at = round(draw(st.floats(facts[0].at + 1, facts[-1].at + 20)), 3)
    before = [one for one in facts if one.at <= at]
    hang_up = replace(fact(GATEWAY, "hang_up", at, 0, why="canceled", by="key-1"), id="hang_up:canceled")
    after: list[Fact] = []
    over = {one.attempt for one in before if one.type == "ended" or _failed_for_good(one)}
    for attempt in {one.attempt for one in before if one.attempt} - over:
        stage = Stage(draw, attempt, at)
        stage.passes(0.1, 3)
        if any(one.type == "joined" and one.attempt == attempt for one in before):
            _ended(stage, draw(st.sampled_from(["canceled", "lost"])), "")
        _line_stops(stage, "phone-1")
        stage.gateway("closed", how="deleted")
        after += stage.facts
    return [*before, hang_up, *after]


def _failed_for_good(one: Fact) -> bool:
    return one.type == "launch_failed" and one.data.get("ambiguous") is not True


def _bot_silenced(draw: Draw, facts: list[Fact]) -> list[Fact]:
    """The bot dies, or its reports do, at some moment; a claim is in the books before anything is dialed."""
    at = draw(st.floats(min(one.at for one in facts), max(one.at for one in facts)))
    return [one for one in facts if one.source is not BOT or one.at < at or one.type == "claimed"]


def _daily_withheld(draw: Draw, facts: list[Fact]) -> list[Fact]:
    """Some of Daily's events never arrive."""
    kept = draw(st.lists(st.booleans(), min_size=len(facts), max_size=len(facts)))
    return [one for one, keep in zip(facts, kept, strict=True) if keep or one.source is not DAILY]


@st.composite
def arrivals(draw: Draw, facts: list[Fact]) -> list[Fact]:
    """The facts in any order and with any copies; only decisions come before their consequences.

    What happened after the gateway had decided something arrives after that decision.
    """
    decisions = sorted(filter(_is_decision, facts), key=lambda one: one.at)
    others = draw(st.permutations([one for one in facts if not _is_decision(one)]))
    order = list(decisions)
    for one in others:
        earlier = sum(1 for decision in decisions if decision.at < one.at)
        start = order.index(decisions[earlier - 1]) + 1 if earlier else 0
        order.insert(draw(st.integers(start, len(order))), one)
    copies = draw(st.lists(st.integers(0, max(len(order) - 1, 0)), max_size=6))
    for index in copies if order else ():
        original = order[index]
        order.insert(draw(st.integers(index + 1, len(order))), original)
    return order


def _is_decision(one: Fact) -> bool:
    """What counts in the order of the ledger; so does an end, by a plan, after which another attempt came."""
    return one.type in {"attempt_opened", "hang_up", "launch_failed", "claimed", "blocked"} or (
        one.type == "ended" and one.data.get("another_follows") is True
    )
