"""Histories of calls as they happen, with their troubles, in the order in which things happened."""

from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st

from frontdesk.calls.models import Direction, Fact
from tests.calls.lifetime import BOT, DAILY, GATEWAY, fact

Draw = Any


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
    """What happened, and who is still in the rooms when nothing happens any more."""

    direction: Direction
    facts: list[Fact]
    bot_stays: bool
    phones: int


@st.composite
def histories(draw: Draw) -> History:
    """Any call, of either direction, with at most two attempts and any of the troubles."""
    direction: Direction = draw(st.sampled_from(["inbound", "outbound"]))
    facts = draw(attempts_in()) if direction == "inbound" else draw(attempts_out())
    facts = _hung_up(draw, facts) if draw(st.integers(0, 3)) == 0 else facts
    facts = _bot_silenced(draw, facts) if draw(st.booleans()) else facts
    facts = _daily_withheld(draw, facts) if draw(st.booleans()) else facts
    return History(direction, facts, bot_stays=draw(st.integers(0, 3)) == 0, phones=draw(st.integers(0, 2)))


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
    for attempt in {one.attempt for one in before}:
        stage = Stage(draw, attempt, at)
        stage.passes(0.1, 3)
        if any(one.type == "joined" and one.attempt == attempt for one in before):
            _ended(stage, draw(st.sampled_from(["canceled", "lost"])), "")
        _line_stops(stage, "phone-1")
        stage.gateway("closed", how="deleted")
        after += stage.facts
    over = {one.attempt for one in before if one.type == "ended"}
    return [*before, hang_up, *(one for one in after if one.attempt not in over)]


def _bot_silenced(draw: Draw, facts: list[Fact]) -> list[Fact]:
    """The bot dies, or its reports do, at some moment."""
    at = draw(st.floats(min(one.at for one in facts), max(one.at for one in facts)))
    return [one for one in facts if one.source is not BOT or one.at < at]


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
    launches_again = one.type == "attempt_opened" and one.attempt > 1
    return launches_again or one.type in {"hang_up", "launch_failed"}
