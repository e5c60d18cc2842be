"""How many calls out may go on at once, as pure functions of what goes on."""

from dataclasses import dataclass
from enum import StrEnum


class Limit(StrEnum):
    """What may be full."""

    CAPACITY = "capacity"
    """The gateway's own, with the share that is kept for calls in."""
    SINGLE_RESERVE = "single_reserve"
    """The share of the rest that campaigns leave to single calls."""
    ORGANIZATION = "organization"
    CALLER_ID = "caller_id"
    CAMPAIGN = "campaign"

    @property
    def of_all(self) -> bool:
        """Whether it stops others, too, not only calls of the same organization, caller ID or campaign."""
        return self in {Limit.CAPACITY, Limit.SINGLE_RESERVE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    """What the gateway's settings allow; see there."""

    capacity: int
    incoming_reserve: int
    single_reserve: int
    dial_starts_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Most:
    """Most calls out at once that one call is subject to; None for no limit."""

    organization: int | None = None
    caller_id: int | None = None
    campaign: int | None = None


NO_LIMITS = Most()


@dataclass(frozen=True, slots=True, kw_only=True)
class Going:
    """What goes on: calls in and out of the gateway, and calls out of the same organization and so on."""

    incoming: int = 0
    out: int = 0
    organization: int = 0
    caller_id: int = 0
    campaign: int = 0


def full(going: Going, ceilings: Ceilings, most: Most, *, single: bool) -> Limit | None:
    """The first limit that one more call out would exceed; None when there is room for it.

    Args:
        going: Without the call.
        ceilings: Of the gateway.
        most: Of the call's organization, caller ID and campaign.
        single: Whether it belongs to no campaign.
    """
    kept = max(going.incoming, ceilings.incoming_reserve)
    if going.out + kept >= ceilings.capacity:
        return Limit.CAPACITY
    if not single and going.out + ceilings.single_reserve + kept >= ceilings.capacity:
        return Limit.SINGLE_RESERVE
    own = (
        (Limit.ORGANIZATION, going.organization, most.organization),
        (Limit.CALLER_ID, going.caller_id, most.caller_id),
        (Limit.CAMPAIGN, going.campaign, most.campaign),
    )
    return next((limit for limit, live, allowed in own if allowed is not None and live >= allowed), None)
