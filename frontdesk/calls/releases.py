"""Attempts that have just ended, for whoever limits how many calls go on at once."""

from typing import Final

from frontdesk.calls import evidence
from frontdesk.calls.entries import Over
from frontdesk.calls.retries import GATEWAY_LOST
from frontdesk.calls.state import Attempt, CallState
from frontdesk.ended import EndedReason

_OURS: Final = frozenset(
    {
        EndedReason.CARRIER_UNAVAILABLE,
        EndedReason.CARRIER_REJECTED,
        EndedReason.SERVICE_FAILED,
        EndedReason.BOT_START_FAILED,
        EndedReason.BOT_CRASHED,
        EndedReason.OUTCOME_UNKNOWN,
        EndedReason.LOST,
    }
)
"""Reasons that are not the callee's: of the phone network, the services and ourselves. To be full is none."""


def over_between(before: CallState, after: CallState) -> list[Over]:
    """What ended between two states of a call out: its attempts, and at last the call.

    An attempt is told of once more when it turns out after its end that a phone rang.
    """
    if before is after or after.direction == "inbound":
        return []
    ended = [_over(after, attempt) for attempt in after.attempts if _news(before, attempt)]
    if after.ended and not before.ended:
        ended.append(Over(after.id, after.ended_at or 0.0))
    return ended


def _news(before: CallState, attempt: Attempt) -> bool:
    if attempt.over is None:
        return False
    earlier = before.find(attempt.number)
    if earlier is attempt:
        return False
    return earlier is None or earlier.over is None or (evidence.rang(attempt) and not evidence.rang(earlier))


def _over(state: CallState, attempt: Attempt) -> Over:
    at = attempt.over.at if attempt.over else 0.0
    return Over(state.id, at, attempt.number, rang=evidence.rang(attempt), failed=_failed(attempt))


def _failed(attempt: Attempt) -> bool:
    failure, over = attempt.launch_failed, attempt.over
    lost = failure is not None and failure.code == GATEWAY_LOST and not evidence.reached(attempt)
    return over is not None and over.reason in _OURS and not lost
