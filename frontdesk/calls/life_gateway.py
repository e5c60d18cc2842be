"""What the gateway's own facts say about an attempt."""

from collections.abc import Callable

from frontdesk.calls.changing import changed
from frontdesk.calls.merging import earliest, latest, number, reason_of, text
from frontdesk.calls.models import Fact, GatewayFact
from frontdesk.calls.state import Attempt, HangUp, LaunchFailure, Presence, Tries


def fold(attempt: Attempt, fact: Fact, received_at: float) -> Attempt:
    """Fold one fact of the gateway into the attempt."""
    folding = _FOLDS.get(fact.type)
    return attempt if folding is None else folding(attempt, fact, received_at)


def hang_up_of(fact: Fact, known: HangUp | None) -> HangUp:
    """The decision that a `hang_up` tells of, or an earlier one."""
    told = HangUp(fact.at, reason_of(fact, "why"), text(fact, "by"))
    return told if known is None else min(known, told, key=lambda order: (order.at, order.why, order.by))


def failure_of(fact: Fact, known: LaunchFailure | None = None) -> LaunchFailure:
    """The failure that a `launch_failed` tells of; a final one outweighs the others, then the earlier."""
    told = LaunchFailure(
        at=fact.at,
        reason=reason_of(fact),
        code=text(fact, "code"),
        final=fact.data.get("final") is not False,
        ambiguous=fact.data.get("ambiguous") is True,
        retry_after_s=number(fact, "retry_after_s") or 0.0,
    )
    return told if known is None else min(known, told, key=lambda one: (not one.final, one.at, one.code))


def _attempt_opened(attempt: Attempt, fact: Fact, _: float) -> Attempt:
    owner, room = text(fact, "owner"), text(fact, "room")
    if attempt.opened_at is not None and (attempt.opened_at, attempt.owner) <= (fact.at, owner):
        return attempt
    return changed(attempt, opened_at=fact.at, owner=owner, room=room or attempt.room)


def _bot_started(attempt: Attempt, fact: Fact, _: float) -> Attempt:
    session_id = text(fact, "session_id")
    if attempt.bot_started_at is not None and (attempt.bot_started_at, attempt.session_id) <= (
        fact.at,
        session_id,
    ):
        return attempt
    return changed(
        attempt,
        bot_started_at=fact.at,
        session_id=session_id,
        host=text(fact, "host"),
        host_session_id=text(fact, "host_session_id"),
        room_url=text(fact, "room_url"),
    )


def _launch_failed(attempt: Attempt, fact: Fact, received_at: float) -> Attempt:
    failure = failure_of(fact, attempt.launch_failed)
    return changed(attempt, launch_failed=failure, stirred_at=latest(attempt.stirred_at, received_at))


def _closed(attempt: Attempt, fact: Fact, received_at: float) -> Attempt:
    return changed(
        attempt,
        closed_at=earliest(attempt.closed_at, fact.at),
        stirred_at=latest(attempt.stirred_at, received_at),
    )


def _presence(attempt: Attempt, fact: Fact, _: float) -> Attempt:
    phones = fact.data.get("phones")
    told = Presence(fact.at, fact.data.get("bot") is True, phones if isinstance(phones, int) else 0)
    if attempt.presence is not None:
        told = max(attempt.presence, told, key=lambda one: (one.at, one.bot, one.phones))
    return changed(attempt, presence=told, ask=Tries())


_FOLDS: dict[str, Callable[[Attempt, Fact, float], Attempt]] = {
    GatewayFact.ATTEMPT_OPENED: _attempt_opened,
    GatewayFact.BOT_STARTED: _bot_started,
    GatewayFact.LAUNCH_FAILED: _launch_failed,
    GatewayFact.CLOSED: _closed,
    GatewayFact.PRESENCE: _presence,
}
