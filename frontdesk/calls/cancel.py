"""Calls a call off, at any stage."""

import time
from collections.abc import Callable

from frontdesk.calls.ledger import Ledger
from frontdesk.calls.models import Fact, GatewayFact, Source, State
from frontdesk.calls.queries import CallQueries
from frontdesk.calls.state import CallState
from frontdesk.calls.views import Cancel
from frontdesk.ended import EndedReason
from frontdesk.errors import CallEndedError
from frontdesk.keys.models import Principal

_FACT_ID = "hang_up:canceled"


class Cancellation:
    """Records that a call is to be hung up; the reaper does it, and the call ends when the line is closed.

    Args:
        ledger: Where the wish is recorded.
        queries: Whose call it is, and whether it goes on.
        wake: Tells the reaper that the call, by its id, wants attention.
        clock: Now, UTC seconds.
    """

    def __init__(
        self,
        ledger: Ledger,
        queries: CallQueries,
        wake: Callable[[str], object],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ledger = ledger
        self._queries = queries
        self._wake = wake
        self._clock = clock

    async def cancel(self, principal: Principal, call_id: str) -> Cancel:
        """Call it off; asking again changes nothing.

        Raises:
            CallNotFoundError: The principal sees no such call.
            CallEndedError: It has ended, for another reason than a cancel.
            DatabaseUnavailableError: The books cannot be read.
            NotRecordedError: Neither the database nor the spool took it.
        """
        known = await self._queries.summary(principal.organization_id, call_id)
        if known.state is State.ENDED:
            return _answer(call_id, known.state, known.ended_reason)
        state = await self.call_off(call_id, principal.key_id)
        if state is None:
            return _answer(call_id, known.state, None)
        return _answer(call_id, state.state, state.ended_reason)

    async def call_off(self, call_id: str, by: str | None) -> CallState | None:
        """Record the wish of a key; gives where the call stands then, None while that is in the spool.

        Raises:
            NotRecordedError: Neither the database nor the spool took it.
        """
        wish = Fact(
            call_id=call_id,
            id=_FACT_ID,
            source=Source.GATEWAY,
            type=GatewayFact.HANG_UP,
            at=self._clock(),
            data={"why": EndedReason.CANCELED, "by": by},
        )
        recorded = await self._ledger.record(wish)
        self._wake(call_id)
        return recorded.states.get(call_id)


def _answer(call_id: str, state: State, reason: str | None) -> Cancel:
    ended = state is State.ENDED
    if ended and reason != EndedReason.CANCELED:
        raise CallEndedError(ended_reason=reason)
    return Cancel(call_id=call_id, state=state, canceling=not ended, ended_reason=reason)
