"""What engine, gate and bots tell of a call that is queued: facts with the ids that they must have.

The same news has the same id, so that telling it again changes nothing.
"""

from frontdesk.calls.models import BotFact, Data, Fact, GatewayFact, Source
from frontdesk.ended import EndedReason


def enqueued(call_id: str, attempt: int, turn: int, at: float) -> Fact:
    """The engine will see to an attempt."""
    data: Data = {"attempt": attempt, "turn": turn}
    return _fact(call_id, GatewayFact.ENQUEUED, f"{attempt}:{turn}", at, data)


def rescheduled(call_id: str, attempt: int, turn: int, at: float, *, until: float, why: str) -> Fact:
    """An attempt must wait until then; the engine, which ran this `turn`, comes again with the next one."""
    data: Data = {"attempt": attempt, "turn": turn + 1, "at": until, "why": why}
    return _fact(call_id, GatewayFact.RESCHEDULED, f"{attempt}:{turn}", at, data)


def blocked(
    call_id: str,
    attempt: int,
    at: float,
    *,
    reason: EndedReason,
    detail: str = "",
    next_allowed_at: float | None = None,
) -> Fact:
    """The call may not be made; it ends."""
    data: Data = {"attempt": attempt, "reason": reason, "detail": detail, "next_allowed_at": next_allowed_at}
    return _fact(call_id, GatewayFact.BLOCKED, str(attempt), at, data)


def claimed(call_id: str, attempt: int, session_id: str, at: float) -> Fact:
    """A bot asks whether it may dial; `CallState.claim_granted` answers, once this is in the ledger."""
    identity = f"{BotFact.CLAIMED}:{attempt}:{session_id}"
    return Fact(call_id, identity, Source.BOT, BotFact.CLAIMED, at, attempt, {"session_id": session_id})


def forbidden(call_id: str, attempt: int, at: float, reason: EndedReason, until: float) -> Fact:
    """The bot of an attempt may not dial any more: its attempt is over. The next one may begin then."""
    kind = GatewayFact.LAUNCH_FAILED
    data: Data = {"code": "forbidden", "reason": reason, "final": False, "retry_after_s": until - at}
    return Fact(call_id, f"{kind}:{attempt}:forbidden", Source.GATEWAY, kind, at, attempt, data)


def _fact(call_id: str, kind: GatewayFact, which: str, at: float, data: Data) -> Fact:
    return Fact(call_id, f"{kind}:{which}", Source.GATEWAY, kind, at, 0, data)
