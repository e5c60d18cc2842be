"""What goes into the ledger and what comes back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from frontdesk.calls.models import Fact, NewCall
from frontdesk.calls.orders import Step, Told
from frontdesk.calls.state import CallState


@dataclass(frozen=True, slots=True)
class Write:
    """One entry: a call that was accepted, facts of calls, or both; committed whole or not at all."""

    received_at: float
    facts: tuple[Fact, ...] = ()
    call: NewCall | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """Let the clock look at a call."""

    call_id: str
    now: float
    up_since: float


Entry = Write | Tick


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an entry: states after it, ids of calls that are not known, the step of a tick."""

    created: bool = False
    states: Mapping[str, CallState] = field(default_factory=dict)
    unknown: frozenset[str] = frozenset()
    step: Step | None = None


@dataclass(frozen=True, slots=True)
class LedgerCall:
    """A call with where it stands."""

    call: NewCall
    state: CallState


@dataclass(frozen=True, slots=True)
class Opened:
    """What `Ledger.open` did.

    Args:
        created: False when the call was there already; True also when that is not known yet.
        spooled: It is safe on this machine's disk; the database gets it later.
        state: None when it is spooled.
    """

    created: bool
    spooled: bool = False
    state: CallState | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What `Ledger.record` did.

    Args:
        spooled: The facts are safe on this machine's disk; the database gets them later.
        states: By call id, after the facts; empty when spooled.
        unknown: Ids of calls that are not in the ledger; their facts were not kept.
    """

    spooled: bool = False
    states: Mapping[str, CallState] = field(default_factory=dict)
    unknown: frozenset[str] = frozenset()


class Outbox(Protocol):
    """Where the CRM's events are put, in the transaction of the change that they tell of."""

    async def write(
        self, connection: AsyncConnection, told: Sequence[tuple[NewCall, CallState, Told]]
    ) -> None:
        """Put the events of one transaction into it; called at most once for each try of a transaction."""

    def committed(self) -> None:
        """The transaction is committed: deliver."""


class Slots(Protocol):
    """What limits calls that go on at once: a slot is given back in the transaction that ends its attempt."""

    async def release(self, connection: AsyncConnection, over: Sequence["Over"]) -> None:
        """Give back the slots of attempts that are over."""

    def released(self) -> None:
        """The transaction is committed: somebody else may dial."""


@dataclass(frozen=True, slots=True)
class Over:
    """An attempt that has just ended, or a call with all its attempts.

    Args:
        attempt: None for every attempt of the call.
        rang: Whether the callee's phone may have rung.
        failed: Whether it failed for a reason that is not the callee's.
    """

    call_id: str
    at: float
    attempt: int | None = None
    rang: bool = False
    failed: bool = False


class NoSlots:
    """Nothing limits the calls."""

    async def release(self, connection: AsyncConnection, over: Sequence[Over]) -> None:
        """Nothing."""

    def released(self) -> None:
        """Nothing."""


class NoOutbox:
    """Nobody is told."""

    async def write(
        self, connection: AsyncConnection, told: Sequence[tuple[NewCall, CallState, Told]]
    ) -> None:
        """Nothing."""

    def committed(self) -> None:
        """Nothing."""
