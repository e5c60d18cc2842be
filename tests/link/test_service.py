"""Which orders a bot gets, from where its call stands."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from frontdesk.calls.models import State
from frontdesk.calls.plan import Plan
from frontdesk.calls.state import Attempt, CallState, End, HangUp
from frontdesk.ended import EndedReason
from frontdesk.errors import DatabaseUnavailableError, LinkUndecidedError
from frontdesk.gate.answers import DATABASE_AWAY, FAULT, Answer, Later, No, Yes
from frontdesk.link.clearance import Clearance
from frontdesk.link.holders import MOST_REMEMBERED, Holders
from frontdesk.link.models import Batch, Claim, EndData, Report
from frontdesk.link.pulses import Pulses
from frontdesk.link.service import LinkService
from frontdesk.link.tokens import Reporter
from tests.link.desk import Known, NotedBooks

CALL = "c" * 32
GONE = End(9.0, EndedReason.CALLER_HANGUP)
CANCELED = HangUp(5.0, EndedReason.CANCELED)


class StandingBooks(NotedBooks):
    """Books with one call that stands where the test says."""

    standing: CallState

    def _state(self, call_id: str) -> CallState:
        return self.standing


def call(*attempts: Attempt, hang_up: HangUp | None = None, ended: EndedReason | None = None) -> CallState:
    """A call."""
    state = State.ENDED if ended else State.IN_PROGRESS
    return CallState(
        CALL, "inbound", 0, 3600, state=state, attempts=attempts, hang_up=hang_up, ended_reason=ended
    )


@pytest.mark.parametrize(
    ("standing", "order"),
    [
        (call(Attempt(1)), None),
        (call(), None),
        (call(Attempt(1), hang_up=CANCELED), EndedReason.CANCELED),
        (call(Attempt(1, hang_up=HangUp(5.0, EndedReason.LOST))), EndedReason.LOST),
        (call(Attempt(2, hang_up=HangUp(5.0, EndedReason.LOST)), Attempt(1)), None),
        (call(Attempt(1, over=GONE), ended=EndedReason.CALLER_HANGUP), EndedReason.CALLER_HANGUP),
        (call(Attempt(1, over=GONE), Attempt(2)), EndedReason.CALLER_HANGUP),
        (call(Attempt(1, over=GONE, bot_end=GONE), ended=EndedReason.CALLER_HANGUP), None),
        (call(ended=EndedReason.LOST), EndedReason.LOST),
    ],
    ids=[
        "goes on",
        "attempt not known yet",
        "call canceled",
        "attempt hung up",
        "another attempt hung up",
        "ended without the bot's word",
        "attempt over, another goes on",
        "the bot said so itself",
        "ended before the attempt was known",
    ],
)
async def test_a_bot_is_told_to_go_when_its_attempt_is_over(
    standing: CallState, order: EndedReason | None
) -> None:
    """Hang-ups of the call and of the bot's own attempt, and an end that the bot does not know of."""
    books = StandingBooks()
    books.standing = standing
    service = LinkService(books, lease_s=45)
    for _ in ("written", "only read"):
        taken = await service.take(Reporter(CALL, 1, 0.0), Batch(session_id="s"))
        assert taken.orders.hang_up is order


class Gate:
    """Rules that say what they are told to."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked = 0

    async def ask(self, *_: object) -> Answer:
        self.asked += 1
        return self.answer


def planned(*attempts: Attempt, latest_at: float = 10.0, **more: Any) -> CallState:
    """A call out that is queued until then."""
    return replace(call(*attempts, **more), plan=Plan(earliest_at=0.0, latest_at=latest_at))


def desk_for(standing: CallState, gate: Gate | None = None, now: float = 10.0) -> LinkService:
    """The link's service, for a call that stands there at this time."""
    books = StandingBooks()
    books.standing = standing
    clearance = None if gate is None else Clearance(gate)
    return LinkService(books, lease_s=45, clearance=clearance, clock=lambda: now)


MINE = Attempt(1, claimed_by="s")
AGAIN = Claim(session_id="s", dial=2)


@pytest.mark.parametrize(
    ("standing", "answer", "granted"),
    [
        (planned(MINE), Yes(), True),
        (planned(MINE), No(EndedReason.BLOCKED_DO_NOT_CALL), False),
        (planned(MINE), Later(EndedReason.BLOCKED_QUIET_HOURS, 99.0), False),
        (planned(MINE, latest_at=9.9), Yes(), False),
        (planned(Attempt(1)), Yes(), False),
        (planned(Attempt(1, claimed_by="other")), Yes(), False),
        (planned(Attempt(1, claimed_by="s", over=GONE)), Yes(), False),
        (planned(MINE, hang_up=CANCELED), Yes(), False),
        (planned(), Yes(), False),
        (call(MINE), No(EndedReason.BLOCKED_DO_NOT_CALL), True),
    ],
    ids=[
        "allowed",
        "do not call",
        "quiet hours",
        "latest time is over",
        "claimed by nobody",
        "claimed by another",
        "attempt is over",
        "called off",
        "attempt is not known",
        "a call without a plan",
    ],
)
async def test_a_further_dial_is_granted_only_while_all_allows_it(
    standing: CallState, answer: Answer, granted: bool
) -> None:
    """The claim, the call's own end and time, and the rules; and nothing is written down either way."""
    books = StandingBooks()
    books.standing = standing
    service = LinkService(books, lease_s=45, clearance=Clearance(Gate(answer)), clock=lambda: 10.0)
    assert (await service.claim(Reporter(CALL, 1, 0.0), AGAIN)).granted is granted
    assert books.facts == []


async def test_where_there_are_no_rules_a_further_dial_has_its_latest_time() -> None:
    """Without a gate the plan's own bound still holds."""
    assert (await desk_for(planned(MINE)).claim(Reporter(CALL, 1, 0.0), AGAIN)).granted
    late = desk_for(planned(MINE), now=10.1)
    assert not (await late.claim(Reporter(CALL, 1, 0.0), AGAIN)).granted


@pytest.mark.parametrize("reason", [DATABASE_AWAY, FAULT])
async def test_nobody_dials_again_while_the_rules_cannot_be_asked(reason: str) -> None:
    """Trouble of ours is neither yes nor no: the bot is to ask again."""
    with pytest.raises(LinkUndecidedError):
        await desk_for(planned(MINE), Gate(Later(reason, 10.0))).claim(Reporter(CALL, 1, 0.0), AGAIN)


async def test_nobody_dials_again_while_the_books_cannot_be_read() -> None:
    """A database that is away is trouble of ours, too."""

    class Away(StandingBooks):
        async def load(self, _: str) -> Known | None:
            raise DatabaseUnavailableError

    gate = Gate(Yes())
    service = LinkService(Away(), lease_s=45, clearance=Clearance(gate))
    with pytest.raises(LinkUndecidedError):
        await service.claim(Reporter(CALL, 1, 0.0), AGAIN)
    assert gate.asked == 0


@pytest.mark.parametrize("reason", [DATABASE_AWAY, FAULT])
async def test_nobody_dials_while_the_rules_cannot_be_asked(reason: str) -> None:
    """Trouble of ours is neither yes nor no: the bot is to ask again, and nothing is written down."""
    books = StandingBooks()
    books.standing = planned(Attempt(1))
    service = LinkService(books, lease_s=45, clearance=Clearance(Gate(Later(reason, 10.0))))
    with pytest.raises(LinkUndecidedError):
        await service.claim(Reporter(CALL, 1, 0.0), Claim(session_id="s"))
    assert books.facts == []


class Standing(StandingBooks):
    """Books that count how often they are read, and may be away."""

    def __init__(self, standing: CallState) -> None:
        super().__init__()
        self.standing = standing
        self.reads = 0
        self.away = False

    async def load(self, call_id: str) -> Known | None:
        self.reads += 1
        if self.away:
            raise DatabaseUnavailableError
        return await super().load(call_id)


ENDED = Report[EndData](
    id="e-1", sequence=1, type="ended", at=datetime.now(UTC), data=EndData(reason="bot_start_failed")
)


async def told(service: LinkService, claim: str | None) -> EndedReason | None:
    """A bot says that the call ended; gives what it is ordered."""
    batch = Batch(session_id="s", claim=claim, events=[ENDED])
    return (await service.take(Reporter(CALL, 1, 0.0), batch)).orders.hang_up


@pytest.mark.parametrize(
    ("standing", "claim", "believed"),
    [
        (planned(Attempt(1, claimed_by="other")), "mine", False),
        (planned(Attempt(1, claimed_by="mine")), "mine", True),
        (planned(Attempt(1)), "mine", True),
        (planned(Attempt(2, claimed_by="other"), Attempt(1)), "mine", True),
        (planned(), "mine", True),
        (planned(Attempt(1, claimed_by="other")), None, True),
    ],
    ids=["another's", "its own", "nobody's", "another attempt's", "not known yet", "older than claims"],
)
async def test_only_while_another_holds_its_claim_a_bot_is_not_believed(
    standing: CallState, claim: str | None, believed: bool
) -> None:
    """A claim that was recorded though its answers got lost counts, and so does a bot that claimed none."""
    books = Standing(standing)
    order = await told(LinkService(books, lease_s=45), claim)
    assert (books.types(), order) == ((["ended"], None) if believed else ([], EndedReason.CANCELED))


async def test_the_holder_is_looked_up_once() -> None:
    """Who holds a claim never changes: further reports cost no read, also while the books are away."""
    books = Standing(planned(Attempt(1, claimed_by="other")))
    service = LinkService(books, lease_s=45)
    await told(service, "mine")
    books.away = True
    assert await told(service, "mine") is EndedReason.CANCELED
    assert (books.reads, books.types()) == (1, [])


async def test_who_granted_a_claim_needs_no_look() -> None:
    """The gateway that answered the claim knows its holder."""
    books = Standing(planned(Attempt(1, claimed_by="s")))
    service = LinkService(books, lease_s=45)
    assert (await service.claim(Reporter(CALL, 1, 0.0), Claim(session_id="s"))).granted
    assert await told(service, "other") is EndedReason.CANCELED
    assert (books.reads, books.types()) == (0, ["claimed"])


async def test_what_nobody_can_look_up_is_believed() -> None:
    """While the books are away a report goes into the spool as ever: it may be the only word of a call."""
    books = Standing(planned(Attempt(1, claimed_by="mine")))
    books.away = books.spools = True
    await told(LinkService(books, lease_s=45), "mine")
    assert books.types() == ["ended"]


async def test_the_holders_that_are_remembered_are_bounded() -> None:
    """The oldest are forgotten first, and looked up again when their bots speak."""
    books = Standing(planned(Attempt(1, claimed_by="other")))
    holders = Holders(books)
    reporter = Reporter(CALL, 1, 0.0)
    assert not await holders.believes(reporter, "mine")
    for number in range(MOST_REMEMBERED):
        holders.note(replace(books.standing, id=str(number)), 1)
    assert not await holders.believes(reporter, "mine")
    assert books.reads == 2


def test_pulses_forget_calls_that_are_over() -> None:
    """What is remembered of writes is bounded by the calls that were heard of lately."""
    pulses = Pulses(15)
    for second in range(1000):
        pulses.note((str(second), 1), float(second))
    assert len(pulses) == 15
    assert not pulses.due(("999", 1), 1000.0)
    assert pulses.due(("0", 1), 1000.0)
