"""One call driven by facts and by the clock, with what must always hold checked at every step."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic_core import from_json, to_json

from frontdesk.calls import queue_facts
from frontdesk.calls.life import (
    AskPresence,
    CallState,
    CloseLine,
    Order,
    Patience,
    Step,
    Told,
    advance,
    opened,
    tick,
)
from frontdesk.calls.models import Direction, Fact, NewCall, Source
from frontdesk.calls.orders import Enqueue
from frontdesk.calls.retries import person_on_the_line
from frontdesk.calls.state import Tries
from frontdesk.ended import EndedReason

CALL_ID = "c" * 32
PATIENCE = Patience()
MAX_DURATION_S = 600.0
GATEWAY, BOT, DAILY = Source.GATEWAY, Source.BOT, Source.DAILY


def new_call(direction: Direction = "inbound", created_at: float = 1000.0) -> NewCall:
    """A call of at most ten minutes; one out dials twice, for at most half a minute each."""
    return NewCall(
        id=CALL_ID,
        direction=direction,
        organization_id="an-organization",
        workflow="reception",
        created_at=created_at,
        limits={"max_duration_s": MAX_DURATION_S, "ring_timeout_s": 30, "dial_attempts": 2},
    )


def fact(source: Source, kind: str, at: float, attempt: int = 1, **data: Any) -> Fact:
    """A fact whose id follows from what it says."""
    name = f"{source}:{kind}:{attempt}:{at}:{data.get('session_id', data.get('dial', ''))}"
    return Fact(CALL_ID, name, source, kind, at, attempt, data)


@dataclass
class Life:
    """A call, with everything that was told and ordered.

    Every state goes through JSON, as in the books.
    """

    call: NewCall
    up_since: float = 0.0
    state: CallState = field(init=False)
    told: list[Told] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._take(opened(self.call, PATIENCE))

    def hear(self, *facts: Fact, at: float | None = None) -> "Life":
        """Let facts arrive, at the moment they happen unless told otherwise."""
        for one in facts:
            self._take(advance(self.state, one, one.at if at is None else at, PATIENCE))
        return self

    def tick(self, now: float) -> tuple[Order, ...]:
        """Let the clock look, whether anything is due or not."""
        step = tick(self.state, now, self.up_since, PATIENCE)
        assert step.state.due_at is None or step.state.due_at > now
        self._take(step)
        return step.orders

    def run(self, now: float, until: float = float("inf"), answer: "Answer | None" = None) -> "Life":
        """Let the clock look whenever something is due, orders being answered or not."""
        looks = 0
        while self.state.due_at is not None and max(now, self.state.due_at) <= until:
            now = max(now, self.state.due_at)
            for order in self.tick(now):
                for told in answer(order, now) if answer else ():
                    self._take(advance(self.state, told, now, PATIENCE))
            looks += 1
            assert looks < 1000, "the clock does not come to rest"
        return self

    @property
    def types(self) -> list[str]:
        """What the CRM was told, in order."""
        return [told.type for told in self.told]

    def closes(self) -> list[CloseLine]:
        """The lines that were to be closed."""
        return [order for order in self.orders if isinstance(order, CloseLine)]

    def _take(self, step: Step) -> None:
        before = getattr(self, "state", None)
        if before is not None and before.ended:
            assert terminal(step.state) == terminal(before), "something follows the end"
            assert not step.told, "an event after call.ended"
        self.state = CallState.from_json(from_json(to_json(step.state.to_json())))
        assert self.state == step.state, "the books change the state"
        self.told += step.told
        self.orders += step.orders
        self._check_told()
        self._check_waiting()

    def _check_waiting(self) -> None:
        """Nothing waits while an attempt goes on, after somebody picked up, or when nobody can tell."""
        state = self.state
        if state.waiting is None:
            assert state.plan is None or state.attempts or state.ended
            return
        assert not state.ended
        assert state.hang_up is None
        assert state.waiting.attempt == state.attempt + 1
        for attempt in state.attempts:
            assert attempt.over is not None
            assert attempt.over.reason is not EndedReason.OUTCOME_UNKNOWN
            assert not person_on_the_line(attempt)

    def _check_told(self) -> None:
        assert [told.sequence for told in self.told] == list(range(1, len(self.told) + 1))
        assert self.state.sequence == len(self.told)
        once = [told for told in self.told if told.type != "call.rescheduled"]
        assert len({(told.type, told.attempt) for told in once}) == len(once)
        ends = [told for told in self.told if told.type == "call.ended"]
        assert len(ends) == int(self.state.ended)
        if ends:
            assert self.told[-1] is ends[0]
            assert ends[0].is_last_attempt


Answer = Callable[[Order, float], Iterable[Fact]]


def obeys(*, bot: bool = False, phones: int = 0) -> Answer:
    """A world in which lines can be closed, rooms hold whom they are said to, and the engine takes all."""

    def answer(order: Order, now: float) -> Iterable[Fact]:
        if isinstance(order, AskPresence):
            return [fact(GATEWAY, "presence", now, order.attempt, bot=bot, phones=phones)]
        if isinstance(order, Enqueue):
            return [queue_facts.enqueued(CALL_ID, order.attempt, order.turn, now)]
        return [fact(GATEWAY, "closed", now, order.attempt, how="deleted")]

    return answer


def terminal(state: CallState) -> tuple[Any, ...]:
    """What never moves once the call has ended."""
    return (
        state.state,
        state.ended_at,
        state.ended_reason,
        state.ended_by,
        state.ended_detail,
        state.sequence,
    )


def record(state: CallState) -> dict[str, Any]:
    """What readers see of a call: all but the clock's own notes."""
    waiting = state.waiting
    return {
        "waiting": waiting and (waiting.attempt, waiting.turn, waiting.at, waiting.why),
        "terminal": terminal(state)[:5],
        "answered_at": state.answered_at,
        "first_word_at": state.first_word_at,
        "attempts": [
            replace(attempt, heard_at=None, stirred_at=None, close=Tries(), ask=Tries())
            for attempt in state.attempts
        ],
    }
