"""Which orders a bot gets, from where its call stands."""

import pytest

from frontdesk.calls.models import State
from frontdesk.calls.state import Attempt, CallState, End, HangUp
from frontdesk.ended import EndedReason
from frontdesk.link.models import Batch
from frontdesk.link.pulses import Pulses
from frontdesk.link.service import LinkService
from frontdesk.link.tokens import Reporter
from tests.link.desk import NotedBooks

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


def test_pulses_forget_calls_that_are_over() -> None:
    """What is remembered of writes is bounded by the calls that were heard of lately."""
    pulses = Pulses(15)
    for second in range(1000):
        pulses.note((str(second), 1), float(second))
    assert len(pulses) == 15
    assert not pulses.due(("999", 1), 1000.0)
    assert pulses.due(("0", 1), 1000.0)
