"""What the life of a call asks of the world: events to tell the CRM, and orders to carry out."""

from dataclasses import dataclass, field

from frontdesk.calls.models import Data
from frontdesk.calls.state import CallState
from frontdesk.ended import EndedReason


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the clock waits, in seconds.

    Args:
        join_s: For a bot to join, from the opening of its attempt or the acceptance of the start.
        lease_s: For a word of a bot that has joined; Daily is asked then.
        settle_s: For the bot's own account, once Daily or the launch says that it is over.
        confirm_s: For the bot's own account, once the line that the gateway hangs up is closed.
        transfer_s: For the other side of a cold transfer to answer.
        retry_s: Before an order is given again; doubles up to `longest_retry_s`.
        slack_s: Beyond the longest duration, before the gateway hangs up what the bot did not.
        expiry_s: After that, until the room has certainly expired and ejected everybody.
        skew_s: How much earlier than by our clock Daily's times may be.
        close_tries: How often the room of an ended attempt is closed before it is left to expire.
        enqueue_s: For whoever accepted a call out to bring it to the engine.
    """

    join_s: float = 120.0
    lease_s: float = 45.0
    settle_s: float = 10.0
    confirm_s: float = 5.0
    transfer_s: float = 120.0
    retry_s: float = 5.0
    longest_retry_s: float = 60.0
    slack_s: float = 60.0
    expiry_s: float = 300.0
    skew_s: float = 2.0
    close_tries: int = 12
    enqueue_s: float = 2.0


@dataclass(frozen=True, slots=True)
class CloseLine:
    """Hang up whatever is on the line of an attempt, and delete its room; record `closed` when it is done.

    Args:
        why: The reason of the hang-up, or of the end when the line should be closed already.
        legs: Session ids of dial-outs that ring or talk, as far as known.
        stop_bot: The bot did not say that it left; stop its session where the host can.
    """

    attempt: int
    why: EndedReason
    room: str
    legs: tuple[str, ...] = ()
    host: str = ""
    host_session_id: str = ""
    stop_bot: bool = False


@dataclass(frozen=True, slots=True)
class AskPresence:
    """Ask Daily who is in the room of an attempt; record `presence` with the answer, nothing without one."""

    attempt: int
    room: str


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Have the engine see to an attempt, not before `at` (UTC seconds); record `enqueued` when it will."""

    attempt: int
    turn: int
    at: float
    urgent: bool


Order = CloseLine | AskPresence | Enqueue


@dataclass(frozen=True, slots=True)
class Told:
    """One event for the CRM; `sequence` counts from 1 within the call, without gaps."""

    type: str
    sequence: int
    attempt: int
    is_last_attempt: bool
    at: float
    data: Data = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """What followed from a fact or from the clock."""

    state: CallState
    told: tuple[Told, ...] = ()
    orders: tuple[Order, ...] = ()
