"""Makes facts of bots' reports, and answers with what the bots must do."""

import time
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Protocol

from frontdesk.calls.models import Fact, Source
from frontdesk.calls.state import CallState
from frontdesk.contract import CallContext
from frontdesk.ended import EndedReason
from frontdesk.errors import LinkCallGoneError, LinkCallUnknownError
from frontdesk.link.models import HEARTBEAT, AnyReport, Batch, Orders, Taken
from frontdesk.link.pulses import Pulses
from frontdesk.link.tokens import Reporter

UNKNOWN_FOR_S = 300.0
"""How long after the start request a call's record may still be on its way, in a spool."""
LONGEST_CONTEXT_WAIT_S = 5.0


class Recorded(Protocol):
    """What became of facts."""

    @property
    def states(self) -> Mapping[str, CallState]:
        """The calls after them; none that went to the spool."""

    @property
    def unknown(self) -> AbstractSet[str]:
        """Calls that the ledger does not know."""


class Known(Protocol):
    """A call of the ledger."""

    @property
    def state(self) -> CallState:
        """Where it stands."""


class Books(Protocol):
    """The part of the ledger that the link needs."""

    async def record(self, *facts: Fact) -> Recorded:
        """Write facts down; returns when they are durable."""

    async def load(self, call_id: str) -> Known | None:
        """Read a call."""


class CallerContexts(Protocol):
    """What the CRM says of callers."""

    async def context(self, call_id: str, wait_s: float) -> CallContext | None:
        """What is known of a caller after at most `wait_s` seconds; None when nothing is."""


class LinkService:
    """Takes reports.

    Args:
        books: The ledger.
        contexts: What the CRM says of callers; None where it is never asked.
        lease_s: How long a silent bot counts as alive, in seconds. A heartbeat is written down when
            nothing else was for a third of that; the ones between only read.
        clock: UTC seconds.
    """

    def __init__(
        self,
        books: Books,
        *,
        lease_s: float,
        contexts: CallerContexts | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._books = books
        self._contexts = contexts
        self._clock = clock
        self._pulses = Pulses(lease_s / 3)

    async def take(self, reporter: Reporter, batch: Batch) -> Taken:
        """Write a batch down and say what the bot must do.

        Raises:
            LinkCallUnknownError: The ledger does not know the call yet.
            LinkCallGoneError: It should have known it long ago.
        """
        now = self._clock()
        facts = [_fact(reporter, report, now) for report in batch.events]
        if not facts and self._pulses.due((reporter.call_id, reporter.attempt), now):
            facts = [_heartbeat(reporter, batch.session_id, now)]
        state = await (self._write(reporter, facts, now) if facts else self._read(reporter, now))
        return Taken(taken=len(batch.events), orders=Orders(hang_up=_hang_up(state, reporter.attempt)))

    async def context(self, reporter: Reporter, wait_s: float) -> CallContext:
        """What the CRM said of the caller, as soon as it is known, or nothing after `wait_s` seconds."""
        if self._contexts is None:
            return CallContext()
        wait_s = min(wait_s, LONGEST_CONTEXT_WAIT_S)
        return await self._contexts.context(reporter.call_id, wait_s) or CallContext()

    async def _write(self, reporter: Reporter, facts: list[Fact], now: float) -> CallState | None:
        recorded = await self._books.record(*facts)
        if reporter.call_id in recorded.unknown:
            raise self._unknown(reporter, now)
        self._pulses.note((reporter.call_id, reporter.attempt), now)
        return recorded.states.get(reporter.call_id)

    async def _read(self, reporter: Reporter, now: float) -> CallState | None:
        known = await self._books.load(reporter.call_id)
        if known is None:
            raise self._unknown(reporter, now)
        return known.state

    @staticmethod
    def _unknown(reporter: Reporter, now: float) -> LinkCallUnknownError | LinkCallGoneError:
        young = now - reporter.since < UNKNOWN_FOR_S
        return LinkCallUnknownError(retry_after_s=1) if young else LinkCallGoneError()


def _hang_up(state: CallState | None, attempt: int) -> EndedReason | None:
    """Why the bot of an attempt must go; a bot that lives on after its end must go, too."""
    if state is None:
        return None
    order, known = state.hang_up_of(attempt), state.find(attempt)
    if order is not None or known is None:
        return order.why if order else state.ended_reason
    return known.over.reason if known.over is not None and known.bot_end is None else None


def _fact(reporter: Reporter, report: AnyReport, now: float) -> Fact:
    # By whatever clock: nothing happened before the bot was started, or after it was reported.
    at = min(max(report.at.timestamp(), reporter.since), now)
    return Fact(
        call_id=reporter.call_id,
        id=report.id,
        source=Source.BOT,
        type=report.type,
        at=at,
        attempt=reporter.attempt,
        data=report.data.model_dump(exclude_unset=True),
    )


def _heartbeat(reporter: Reporter, session_id: str, now: float) -> Fact:
    return Fact(
        call_id=reporter.call_id,
        id=f"{session_id}-{HEARTBEAT}-{now:.3f}",
        source=Source.BOT,
        type=HEARTBEAT,
        at=now,
        attempt=reporter.attempt,
    )
