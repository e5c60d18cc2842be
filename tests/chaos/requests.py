"""What the CRM wants: calls to people, each with a key, and what must become of them."""

import random
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.light_bot import Manner
from tests.chaos.people import Person, Policy, foretold, somebody, usual_policy

SHORTEST_S = 10
"""Shortest maximum duration that a call may have."""


@dataclass(frozen=True)
class Wish:
    """One call that somebody wants.

    Attributes:
        person: Who is to be called.
        policy: How it is to be tried.
        key: Idempotency key; None for a CRM that sends none and repeats nothing, and for a campaign's row.
        manner: Of the bots that the call gets.
        cancel: Whether the CRM thinks better of it.
        listed: Whether the number is on the do-not-call list.
        campaign: Whether it is a row of a campaign.
        more: Further fields of the request.
    """

    person: Person
    policy: Policy
    key: str | None = None
    manner: Manner = Manner.NORMAL
    cancel: bool = False
    listed: bool = False
    campaign: bool = False
    more: dict[str, Any] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """The request."""
        return {
            "dialout_settings": {"phone_number": self.person.number},
            "metadata": {"manner": self.manner.value},
            **self.policy.body(),
            **self.more,
        }

    @property
    def reasons(self) -> frozenset[str] | None:
        """Why the call may end; None when that cannot be foretold."""
        if self.listed:
            return frozenset({"blocked_do_not_call"})
        if self.cancel or self.manner not in HARMLESS:
            return None
        return foretold(self.person.outcomes, self.policy)[0]

    @property
    def rings(self) -> int:
        """Most rings that the call may cause: each attempt rings once at most."""
        return 0 if self.listed else self.policy.max_attempts


@dataclass(frozen=True)
class Mix:
    """Shares of what is special among single calls."""

    troubled: float = 0.12
    canceled: float = 0.06
    listed: float = 0.03
    careless: float = 0.08


HARMLESS = (Manner.NORMAL, Manner.ABSENT)
"""A bot that never comes rings nobody, so another one is sent, and the call comes to the same."""
TROUBLES = (Manner.MUTE, Manner.CRASHES, Manner.CRASHES_EARLY, Manner.HANGS, Manner.ABSENT)


def single_calls(count: int, chance: random.Random, mix: Mix) -> list[Wish]:
    """Calls that are asked for one by one."""
    return [_single(f"+1310555{number:04}", chance, mix) for number in range(count)]


def _single(number: str, chance: random.Random, mix: Mix) -> Wish:
    luck = chance.random()
    manner = Manner.NORMAL
    if luck < mix.troubled:
        manner = chance.choice(TROUBLES)
    luck -= mix.troubled
    careless = chance.random() < mix.careless
    wish = Wish(
        somebody(number, chance),
        Policy() if careless else usual_policy(chance),
        key=None if careless else f"key-{number[-7:]}-{chance.randrange(10**9)}",
        manner=manner,
        cancel=0 <= luck < mix.canceled,
        listed=mix.canceled <= luck < mix.canceled + mix.listed,
    )
    return _hanging(wish) if manner is Manner.HANGS else wish


def _hanging(wish: Wish) -> Wish:
    """A bot that hangs is hung up on at the maximum duration: a short one."""
    limits = {"dial_attempts": wish.policy.dials, "max_duration_s": SHORTEST_S}
    return Wish(
        wish.person, wish.policy, wish.key, wish.manner, wish.cancel, wish.listed, more={"limits": limits}
    )


def campaign_rows(count: int, chance: random.Random, policy: Policy) -> list[Wish]:
    """Calls of a campaign; all are tried in the same way."""
    return [Wish(somebody(f"+1424555{n:04}", chance), policy, campaign=True) for n in range(count)]
