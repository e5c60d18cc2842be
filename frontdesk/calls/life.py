"""The life of a call, as pure functions: what follows from a new call, from a fact, and from the clock.

Facts may arrive in any order and more than once: the record is the same. Nothing follows the end.
"""

from dataclasses import replace

from frontdesk.calls.models import Fact, NewCall
from frontdesk.calls.orders import AskPresence, CloseLine, Order, Patience, Step, Told
from frontdesk.calls.state import CallState

__all__ = [
    "AskPresence",
    "CallState",
    "CloseLine",
    "Order",
    "Patience",
    "Step",
    "Told",
    "advance",
    "opened",
    "tick",
]

_DEFAULT_MAX_DURATION_S = 3600.0
_LONGEST_PAUSE_BETWEEN_DIALS_S = 30.0


def opened(call: NewCall, patience: Patience) -> Step:
    """A call as it was accepted; tells `call.started`."""
    state = CallState(
        id=call.id,
        direction=call.direction,
        created_at=call.created_at,
        max_duration_s=_number(call, "max_duration_s", _DEFAULT_MAX_DURATION_S),
        ringing_s=_ringing_s(call),
        max_attempts=call.max_attempts,
        sequence=1,
        published=("call.started",),
        due_at=call.created_at + patience.join_s,
    )
    told = Told("call.started", 1, 0, is_last_attempt=call.max_attempts == 1, at=call.created_at)
    return Step(state, (told,))


def advance(state: CallState, fact: Fact, received_at: float, patience: Patience) -> Step:
    """Fold one fact into a call; ends it at once when the fact says so beyond doubt."""
    del fact, received_at, patience
    return Step(state)


def tick(state: CallState, now: float, up_since: float, patience: Patience) -> Step:
    """What the clock says: may end the call, may give orders; `due_at` is later than `now` or None.

    Args:
        state: Of the call.
        now: UTC seconds.
        patience: How long to wait for what.
        up_since: Since when this gateway takes reports; a bot's silence before that means nothing.
    """
    del now, up_since, patience
    return Step(replace(state, due_at=None))


def _ringing_s(call: NewCall) -> float:
    """Longest time that the phones of a call out may ring, in seconds."""
    if call.direction == "inbound":
        return 0.0
    dials, ring_s = _number(call, "dial_attempts", 5), _number(call, "ring_timeout_s", 45)
    return dials * (ring_s + _LONGEST_PAUSE_BETWEEN_DIALS_S)


def _number(call: NewCall, name: str, default: float) -> float:
    value = call.limits.get(name)
    return float(value) if isinstance(value, int | float) else default
