"""A slot that is asked for, and the answers."""

from dataclasses import dataclass

from frontdesk.engine.limits import NO_LIMITS, Limit, Most
from frontdesk.organizations import Frequency


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A slot that an attempt asks for.

    Args:
        caller_id: The number shown to the callee, by Daily's id.
        callee: Digest of the number that is called; see `Callees`.
        most: Limits of its organization, caller ID and campaign.
        frequency: How often one number may be called; None when that does not matter.
    """

    call_id: str
    attempt: int
    organization_id: str
    callee: str
    caller_id: str | None = None
    campaign_id: str | None = None
    most: Most = NO_LIMITS
    frequency: Frequency | None = None
    urgent: bool = True


@dataclass(frozen=True, slots=True)
class Granted:
    """The attempt has a slot: its own of before, or a new one.

    Args:
        next_at: When the next dial may start, UTC seconds.
    """

    next_at: float


@dataclass(frozen=True, slots=True)
class Full:
    """Too many calls go on; somebody must end first."""

    limit: Limit


@dataclass(frozen=True, slots=True)
class NotYet:
    """Nobody may be dialed before `at` (UTC seconds): the pace, or the other side is full."""

    at: float


@dataclass(frozen=True, slots=True)
class TooOften:
    """The number was called as often as is allowed until `at` (UTC seconds)."""

    at: float


@dataclass(frozen=True, slots=True)
class Gone:
    """The call has ended or is not known, or the attempt is over: it needs no slot any more."""


Refusal = Full | NotYet | TooOften | Gone
