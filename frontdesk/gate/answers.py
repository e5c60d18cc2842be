"""What the gate says: yes, later or no."""

from dataclasses import dataclass

from frontdesk.calls.plan import OnBlocked, Plan
from frontdesk.ended import EndedReason

DATABASE_AWAY = "database_unavailable"
"""`Later.reason` while nobody can look at the lists: trouble of ours, no refusal."""
FAULT = "gate_fault"
"""`Later.reason` when a rule cannot be applied, such as a country whose holidays nobody knows."""
_REFUSALS = frozenset(EndedReason)


@dataclass(frozen=True, slots=True)
class Yes:
    """The call may be made now."""


@dataclass(frozen=True, slots=True)
class Later:
    """Not now.

    Args:
        reason: An `EndedReason`, or a word for trouble of ours, such as `DATABASE_AWAY`.
        at: When to ask again, UTC seconds; of a refusal, the earliest time at which it may be a yes.
        detail: A code that says more, such as `holiday`; nothing personal.
    """

    reason: str
    at: float
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class No:
    """This call is not to be made.

    Args:
        reason: Why.
        detail: A code that says more; nothing personal.
        next_allowed_at: When a new call may be a yes, UTC seconds; None when waiting does not help.
    """

    reason: EndedReason
    detail: str | None = None
    next_allowed_at: float | None = None


Answer = Yes | Later | No


def as_planned(later: Later, plan: Plan) -> Later | No:
    """What becomes of a refusal for now: a no, if the call ends when blocked or could not wait so long.

    Trouble of ours stays `Later`: it says nothing of the call.
    """
    if later.reason not in _REFUSALS:
        return later
    if plan.on_blocked is OnBlocked.END or later.at > plan.latest_at:
        return No(EndedReason(later.reason), later.detail, later.at)
    return later
