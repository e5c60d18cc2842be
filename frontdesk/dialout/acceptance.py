"""Accepting calls out: checked, written down once, and given to the queue."""

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from frontdesk.calls.entries import LedgerCall
from frontdesk.calls.ledger import Ledger
from frontdesk.calls.models import NewCall
from frontdesk.calls.orders import Enqueue
from frontdesk.calls.plan import Plan
from frontdesk.calls.state import CallState
from frontdesk.dialout.drafting import Drafting, Ticket
from frontdesk.dialout.idempotency import Digests, Key
from frontdesk.dialout.models import DialoutRequest
from frontdesk.errors import (
    DatabaseUnavailableError,
    FrontdeskError,
    IdempotencyConflictError,
    IdempotencyInProgressError,
    NotRecordedError,
    OutcomeUnknownError,
)
from frontdesk.organizations import Organization

_LOOK_S = 0.05
_AGAIN_S = 1.0


class Queueing(Protocol):
    """What brings calls that wait to run."""

    def accepted(self, call: NewCall, order: Enqueue) -> None:
        """Take a call that was just accepted, in the background; if that fails, its life orders it again."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A call that is in the books.

    Args:
        call: What was accepted.
        state: Where it stands; None while it is in the spool.
        replayed: The request was accepted before: this is the call of then.
    """

    call: NewCall
    state: CallState | None
    replayed: bool = False

    @property
    def call_id(self) -> str:
        """Of the call."""
        return self.call.id


class Acceptance:
    """Accepts calls out; with a key, `accept` may be repeated by anybody, at any gateway, at any time.

    Args:
        drafting: Checks requests and makes calls of them.
        ledger: Arbitrates: a call that it knows is not accepted again.
        queue: Gets what was accepted.
        digests: Tell a repeated request from another one.
        settle_s: How long a request with a key may wait for a database that stalls, in seconds: only the
            database knows whether the key is new.
    """

    def __init__(
        self,
        drafting: Drafting,
        ledger: Ledger,
        queue: Queueing,
        digests: Digests,
        *,
        settle_s: float = 5.0,
    ) -> None:
        self._drafting = drafting
        self._ledger = ledger
        self._queue = queue
        self._digests = digests
        self._settle_s = settle_s
        self._under_way: set[str] = set()

    async def check(self, request: DialoutRequest, organization: Organization) -> None:
        """Say what is wrong with a request, without accepting it.

        Raises:
            FrontdeskError: See `Drafting.draft`.
        """
        await self._drafting.draft(request, organization, Ticket(call_id=""))

    async def accept(
        self,
        request: DialoutRequest,
        organization: Organization,
        *,
        key: Key | None,
        campaign_id: str | None = None,
        default_timezone: str | None = None,
        urgent: bool = True,
    ) -> Accepted:
        """Enter a call and have it placed when its time comes; durable when this returns.

        Args:
            request: The call.
            organization: Whose it is.
            key: What makes it safe to repeat; without one, each request is a call of its own.
            campaign_id: The campaign that it belongs to.
            default_timezone: The campaign's, for callees whose own nobody knows.
            urgent: Overtakes what campaigns have waiting.

        Raises:
            IdempotencyConflictError: The key belongs to another request.
            IdempotencyInProgressError: The same request is being accepted at this moment.
            OutcomeUnknownError: It is not known whether the call was accepted, or which request the key
                belongs to.
            FrontdeskError: See `Drafting.draft`; nothing was accepted.
        """
        call_id = key.call_id(str(organization.id)) if key else uuid.uuid4().hex
        digest = self._digests.of(request) if key else None
        ticket = Ticket(
            call_id=call_id,
            digest=digest,
            campaign_id=campaign_id,
            default_timezone=default_timezone,
            urgent=urgent,
        )
        with self._alone(call_id):
            try:
                call = await self._drafting.draft(request, organization, ticket)
            except FrontdeskError as error:
                return await self._accepted_before(ticket, error)
            return await self._open(call)

    @contextmanager
    def _alone(self, call_id: str) -> Iterator[None]:
        if call_id in self._under_way:
            raise IdempotencyInProgressError(retry_after_s=_AGAIN_S)
        self._under_way.add(call_id)
        try:
            yield
        finally:
            self._under_way.discard(call_id)

    async def _accepted_before(self, ticket: Ticket, error: FrontdeskError) -> Accepted:
        """What is refused today may have been accepted yesterday, when the answer got lost."""
        if ticket.digest is None:
            raise error
        known = await self._load(ticket.call_id)
        if known is None:
            raise error
        return _same(known, ticket.digest)

    async def _open(self, call: NewCall) -> Accepted:
        try:
            opened = await self._ledger.open(call)
        except NotRecordedError as error:
            raise _unknown(call) from error
        if opened.spooled:
            return await self._settled(call)
        if opened.created:
            return self._accepted(call, opened.state)
        return _same(await self._known(call), call.request_digest)

    def _accepted(self, call: NewCall, state: CallState | None) -> Accepted:
        plan = Plan.from_json(call.plan)
        self._queue.accepted(call, Enqueue(attempt=1, turn=0, at=plan.earliest_at, urgent=plan.urgent))
        return Accepted(call, state)

    async def _settled(self, call: NewCall) -> Accepted:
        """The spool has it. Without a key that is enough; else only the database can tell whether it is new.

        The call's own life has it placed as soon as the database knows it.
        """
        if call.request_digest is None:
            return Accepted(call, None)
        for _ in range(round(self._settle_s / _LOOK_S)):
            if not self._ledger.awaits(call.id):
                return self._replayed(call, await self._known(call))
            await asyncio.sleep(_LOOK_S)
        raise _unknown(call)

    def _replayed(self, call: NewCall, known: LedgerCall) -> Accepted:
        ours = known.call.created_at == call.created_at
        same = _same(known, call.request_digest)
        return self._accepted(call, known.state) if ours else same

    async def _known(self, call: NewCall) -> LedgerCall:
        known = await self._load(call.id)
        if known is None:
            raise _unknown(call)
        return known

    async def _load(self, call_id: str) -> LedgerCall | None:
        try:
            return await self._ledger.load(call_id)
        except DatabaseUnavailableError as error:
            raise OutcomeUnknownError(retry_after_s=error.retry_after_s) from error


def _same(known: LedgerCall, digest: str | None) -> Accepted:
    if known.call.request_digest != digest:
        raise IdempotencyConflictError
    return Accepted(known.call, known.state, replayed=True)


def _unknown(call: NewCall) -> OutcomeUnknownError:
    """Whoever has a key repeats the request; whoever has none is told which call to look for."""
    return OutcomeUnknownError(retry_after_s=_AGAIN_S, call_id=call.id)
