"""Makes facts of bots' reports, and answers with what the bots must do."""

import time
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Protocol

from frontdesk.calls import queue_facts
from frontdesk.calls.models import Fact, Source
from frontdesk.calls.state import CallState
from frontdesk.contract import CallContext
from frontdesk.ended import EndedReason
from frontdesk.errors import (
    DatabaseUnavailableError,
    LinkCallGoneError,
    LinkCallUnknownError,
    LinkUndecidedError,
)
from frontdesk.link.clearance import Clearance, Launched
from frontdesk.link.holders import Holders
from frontdesk.link.models import HEARTBEAT, AnyReport, Batch, Claim, Granted, Orders, Taken
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


class Books(Protocol):
    """The part of the ledger that the link needs."""

    async def record(self, *facts: Fact) -> Recorded:
        """Write facts down; returns when they are durable."""

    async def load(self, call_id: str) -> Launched | None:
        """Read a call.

        Raises:
            DatabaseUnavailableError: It cannot be read now.
        """


class CallerContexts(Protocol):
    """What the CRM says of callers."""

    async def context(self, call_id: str, wait_s: float) -> CallContext | None:
        """What is known of a caller after at most `wait_s` seconds; None when nothing is."""


class LinkService:
    """Takes reports.

    Args:
        books: The ledger.
        contexts: What the CRM says of callers; None where it is never asked.
        clearance: Asks the rules once more before each dial; None where there are none.
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
        clearance: Clearance | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._books = books
        self._contexts = contexts
        self._clearance = clearance
        self._clock = clock
        self._pulses = Pulses(lease_s / 3)
        self._holders = Holders(books)

    async def take(self, reporter: Reporter, batch: Batch) -> Taken:
        """Write a batch down and say what the bot must do.

        What a bot says whose attempt another one has claimed is taken, and left out of the books.

        Raises:
            LinkCallUnknownError: The ledger does not know the call yet.
            LinkCallGoneError: It should have known it long ago.
        """
        now = self._clock()
        if not await self._holders.believes(reporter, batch.claim):
            return Taken(taken=len(batch.events), orders=Orders(hang_up=EndedReason.CANCELED))
        facts = [_fact(reporter, report, now) for report in batch.events]
        if not facts and self._pulses.due((reporter.call_id, reporter.attempt), now):
            facts = [_heartbeat(reporter, batch.session_id, now)]
        state = await (self._write(reporter, facts, now) if facts else self._read(reporter, now))
        return Taken(taken=len(batch.events), orders=Orders(hang_up=_hang_up(state, reporter.attempt)))

    async def claim(self, reporter: Reporter, claim: Claim) -> Granted:
        """Whether this bot may dial: if the rules still allow it, the first that claims its attempt may.

        The ledger decides, in the order in which claims reach the database. Before a further dial, of what
        never rang, the bot asks again, and nothing is written down.

        Raises:
            LinkUndecidedError: Nobody knows yet: the claim is in the spool, or the rules cannot be asked.
            LinkCallUnknownError: The ledger does not know the call yet.
            LinkCallGoneError: It should have known it long ago.
        """
        now = self._clock()
        if claim.dial > 1:
            return Granted(granted=await self._may_redial(reporter, claim.session_id, now))
        if self._clearance is not None:
            refusal = await self._clearance.refusal(await self._load(reporter, now), reporter.attempt, now)
            if refusal is not None:
                await self._write(reporter, [refusal], now)
                return Granted(granted=False)
        claimed = queue_facts.claimed(reporter.call_id, reporter.attempt, claim.session_id, now)
        state = await self._write(reporter, [claimed], now)
        if state is None:
            raise LinkUndecidedError(retry_after_s=1)
        self._holders.note(state, reporter.attempt)
        return Granted(granted=state.claim_granted(reporter.attempt, claim.session_id))

    async def context(self, reporter: Reporter, wait_s: float) -> CallContext:
        """What the CRM said of the caller, as soon as it is known, or nothing after `wait_s` seconds."""
        if self._contexts is None:
            return CallContext()
        wait_s = min(wait_s, LONGEST_CONTEXT_WAIT_S)
        return await self._contexts.context(reporter.call_id, wait_s) or CallContext()

    async def _may_redial(self, reporter: Reporter, session_id: str, now: float) -> bool:
        try:
            launched = await self._load(reporter, now)
        except DatabaseUnavailableError as error:
            raise LinkUndecidedError(retry_after_s=1) from error
        state, plan = launched.state, launched.state.plan
        if not state.claim_granted(reporter.attempt, session_id):
            return False
        if plan is None:
            return True
        if plan.latest_at < now:
            return False
        return self._clearance is None or await self._clearance.allows(launched.call, plan, now)

    async def _write(self, reporter: Reporter, facts: list[Fact], now: float) -> CallState | None:
        recorded = await self._books.record(*facts)
        if reporter.call_id in recorded.unknown:
            raise self._unknown(reporter, now)
        self._pulses.note((reporter.call_id, reporter.attempt), now)
        return recorded.states.get(reporter.call_id)

    async def _read(self, reporter: Reporter, now: float) -> CallState:
        return (await self._load(reporter, now)).state

    async def _load(self, reporter: Reporter, now: float) -> Launched:
        known = await self._books.load(reporter.call_id)
        if known is None:
            raise self._unknown(reporter, now)
        return known

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
