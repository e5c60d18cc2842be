"""What the ledger remembers of a call's life; everything in it follows from the facts and the clock."""

from dataclasses import dataclass, field
from typing import Self

from frontdesk.calls.codec import dumped, loaded
from frontdesk.calls.models import Data, Direction, State
from frontdesk.calls.plan import Plan
from frontdesk.ended import EndedReason


@dataclass(frozen=True, slots=True)
class HangUp:
    """The decision to end a call or one attempt of it: why, when, and by whom, if anybody asked for it."""

    at: float
    why: EndedReason
    by: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """How something ended; `by` is one of `frontdesk.ended.EndedBy`."""

    at: float
    reason: EndedReason
    by: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class LaunchFailure:
    """A launch came to nothing.

    `final`: no other attempt follows. `ambiguous`: a bot may come all the same. `retry_after_s`: what the
    other side said of when it may have room again, 0 for nothing.
    """

    at: float
    reason: EndedReason
    code: str = ""
    final: bool = True
    ambiguous: bool = False
    retry_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Presence:
    """Who was in the room, by Daily's account."""

    at: float
    bot: bool
    phones: int


@dataclass(frozen=True, slots=True)
class Tries:
    """How often something was ordered, and when it may be ordered again."""

    count: int = 0
    next_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call out that waits for an attempt.

    Args:
        attempt: Number of the attempt.
        at: Not before, UTC seconds.
        why: `scheduled`, `queued`, the reason of the attempt before, or what the gate said.
        turn: Counts what the engine is given to do for one attempt, from 0.
        enqueued: Whether the engine is known to have it.
        order: How often the engine was asked to take it.
    """

    attempt: int
    at: float
    why: str
    turn: int = 0
    enqueued: bool = False
    order: Tries = Tries()


@dataclass(frozen=True, slots=True)
class PutOff:
    """What the gate or the engine said last: an attempt must wait, and `turn` is the engine's next one."""

    attempt: int
    turn: int
    at: float
    why: str
    said_at: float


@dataclass(frozen=True, slots=True)
class Blocked:
    """The gate said no to an attempt; times are UTC seconds."""

    attempt: int
    at: float
    reason: EndedReason
    detail: str = ""
    next_allowed_at: float | None = None


@dataclass(frozen=True, slots=True)
class Dial:
    """One time that a phone was dialed."""

    number: int
    dialing_at: float | None = None
    ringing_at: float | None = None
    answered_at: float | None = None
    ended_at: float | None = None
    reason: str | None = None
    session_id: str | None = None


@dataclass(frozen=True, slots=True)
class Leg:
    """One participant of the room, by Daily's session id. Kinds: dialin, dialout, bot, other."""

    session_id: str
    kind: str = "other"
    started_at: float | None = None
    answered_at: float | None = None
    ended_at: float | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One bot in one room.

    `claimed_by` is the session whose bot may dial. `milestones` holds when each kind of fact happened
    first, by its type, such as `joined` or `daily.dialout.answered`. `heard_at` and `stirred_at` are by the
    gateway's clock: when the bot was last heard of, and when the last sign of an end arrived.
    """

    number: int
    room: str = ""
    owner: str = ""
    claimed_by: str = ""
    session_id: str = ""
    host: str = ""
    host_session_id: str = ""
    room_url: str = ""
    opened_at: float | None = None
    bot_started_at: float | None = None
    heard_at: float | None = None
    stirred_at: float | None = None
    milestones: dict[str, float] = field(default_factory=dict)
    dials: tuple[Dial, ...] = ()
    legs: tuple[Leg, ...] = ()
    ending: End | None = None
    bot_end: End | None = None
    launch_failed: LaunchFailure | None = None
    presence: Presence | None = None
    meeting_ended_at: float | None = None
    hang_up: HangUp | None = None
    closed_at: float | None = None
    close: Tries = Tries()
    ask: Tries = Tries()
    over: End | None = None


@dataclass(frozen=True, slots=True)
class CallState:
    """Where a call stands.

    `sequence` counts the CRM events told so far, `published` names them (`type` or `type/attempt`).
    `due_at` is when `life.tick` must look at the call; None when there is nothing to do any more.
    `plan` is of calls out that are queued, and `waiting` is what they wait for, None while an attempt goes
    on. `engine_has` is the last attempt, and its turn, that the engine took; `put_off` and `blocked` are
    what the gate said last.
    """

    id: str
    direction: Direction
    created_at: float
    max_duration_s: float
    ringing_s: float = 0.0
    state: State = State.LAUNCHING
    plan: Plan | None = None
    waiting: Waiting | None = None
    engine_has: tuple[int, int] = (0, 0)
    put_off: PutOff | None = None
    blocked: Blocked | None = None
    attempts: tuple[Attempt, ...] = ()
    hang_up: HangUp | None = None
    failed: LaunchFailure | None = None
    sequence: int = 0
    published: tuple[str, ...] = ()
    answered_at: float | None = None
    first_word_at: float | None = None
    ended_at: float | None = None
    ended_reason: EndedReason | None = None
    ended_by: str | None = None
    ended_detail: str | None = None
    due_at: float | None = None

    @property
    def ended(self) -> bool:
        """Whether the call is over."""
        return self.state is State.ENDED

    @property
    def attempt(self) -> int:
        """Number of the latest attempt; 0 before the first."""
        return self.attempts[-1].number if self.attempts else 0

    def find(self, number: int) -> Attempt | None:
        """The attempt of this number."""
        for attempt in self.attempts:
            if attempt.number == number:
                return attempt
        return None

    def waits_for(self, number: int) -> bool:
        """Whether the call waits for this attempt: it has not ended, was not called off, and none goes on."""
        return not self.ended and self.waiting is not None and self.waiting.attempt == number

    def claim_granted(self, number: int, session_id: str) -> bool:
        """Whether the bot of this session may dial: its claim was the first, and its attempt still goes on.

        Claims are granted in the order of the ledger; one that was not granted never will be.
        """
        attempt = self.find(number)
        if attempt is None or attempt.over is not None or self.ended or not session_id:
            return False
        return attempt.claimed_by == session_id and self.hang_up_of(number) is None

    def hang_up_of(self, number: int) -> HangUp | None:
        """What a bot of this attempt must obey: the earlier of the call's hang-up and the attempt's own."""
        attempt = self.find(number)
        own = attempt.hang_up if attempt is not None else None
        if self.hang_up is None or own is None:
            return self.hang_up or own
        return min(self.hang_up, own, key=lambda order: order.at)

    def to_json(self) -> Data:
        """All of it, ready for JSON; what has its default is left out."""
        return dumped(self)

    @classmethod
    def from_json(cls, life: Data) -> Self:
        """Read what `to_json` wrote."""
        return loaded(cls, life)
