"""From the inbox into the ledger, in the background; what a dead gateway left undone is done by the next."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from loguru import logger

from frontdesk.calls.models import Fact
from frontdesk.daily.events import store
from frontdesk.daily.events.models import ODD_TYPE, DailyEvent
from frontdesk.daily.events.store import Claimed, Settled
from frontdesk.errors import DatabaseUnavailableError
from frontdesk.storage.database import Database

HOLD_S = 10.0
"""For so long an event belongs to the gateway that took it."""
UNKNOWN_CALL_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 300.0)
"""Pauses before an event is tried again whose call is not known: it may be on its way into the books."""
FAILURE_S = (1.0, 10.0, 60.0, 600.0)
"""Pauses before an event is tried again that could not be applied."""
_BATCH = 200
_MOST_WAITING = 20_000
_KEPT_S = 7 * 24 * 3600.0
_FORGET_EVERY_S = 3600.0


class Recorded(Protocol):
    """What became of facts."""

    @property
    def spooled(self) -> bool:
        """Whether the database did not take them yet."""

    @property
    def unknown(self) -> Collection[str]:
        """Ids of calls that are not known."""


class Recorder(Protocol):
    """The ledger, as far as events need it."""

    async def record(self, *facts: Fact) -> Recorded:
        """Write facts into the books."""


class EventWorker:
    """Applies Daily's events to the calls that they are about. Order does not matter, nor does repetition.

    Args:
        database: Holds the inbox.
        ledger: Takes the facts.
        clock: UTC seconds.
        look_every_s: Seconds between two looks for events that are due.
    """

    def __init__(
        self,
        database: Database,
        ledger: Recorder,
        *,
        clock: Callable[[], float] = time.time,
        look_every_s: float = 1.0,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._clock = clock
        self._look_every_s = look_every_s
        self._handed: deque[DailyEvent] = deque()
        self._wake = asyncio.Event()
        self._forgot_at = clock()

    def take(self, events: Sequence[DailyEvent]) -> None:
        """Be handed events that were just kept; they are found in the table if this is missed."""
        if len(self._handed) < _MOST_WAITING:
            self._handed.extend(events)
        self._wake.set()

    async def run(self) -> None:
        """Work until canceled."""
        ahead_s = HOLD_S  # what a gateway before us had taken is not waited for
        while True:
            try:
                if await self.look(ahead_s):
                    ahead_s = 0.0
                await self._forget_old()
                await self._work_until(self._clock() + self._look_every_s)
            except Exception as error:  # noqa: BLE001 - the worker outlives everything
                logger.error("Daily's events wait: {}", type(error).__name__)
                await asyncio.sleep(self._look_every_s)

    async def look(self, ahead_s: float = 0.0) -> bool:
        """Apply everything that is due, or will be within so many seconds; False when the books are away."""
        try:
            while claimed := await self._claim(ahead_s):
                await self._apply(claimed)
        except DatabaseUnavailableError:
            return False
        return True

    async def _claim(self, ahead_s: float) -> list[Claimed]:
        now = self._clock()
        if not await store.any_due(self._database, now + ahead_s):
            return []
        return await store.claim(self._database, now + ahead_s, _BATCH, HOLD_S)

    async def _work_until(self, time_s: float) -> None:
        while (left_s := time_s - self._clock()) > 0:
            try:
                async with asyncio.timeout(left_s):
                    await self._wake.wait()
            except TimeoutError:
                return
            self._wake.clear()
            await self._work_off()

    async def _work_off(self) -> None:
        while self._handed:
            count = min(_BATCH, len(self._handed))
            await self._apply([Claimed(self._handed.popleft()) for _ in range(count)])

    async def _apply(self, claimed: Sequence[Claimed]) -> None:
        try:
            await store.settle(self._database, await self._record(claimed))
        except DatabaseUnavailableError:
            return  # they are due again after the hold

    async def _record(self, claimed: Sequence[Claimed]) -> list[Settled]:
        good = [one for one in claimed if one.event.type != ODD_TYPE]
        odd = [Settled(one.event.id, one.tries, "failed") for one in claimed if one.event.type == ODD_TYPE]
        return odd + await self._record_good(good) if good else odd

    async def _record_good(self, claimed: Sequence[Claimed]) -> list[Settled]:
        try:
            recorded = await self._ledger.record(*(one.event.fact for one in claimed))
        except DatabaseUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - one poisoned event harms no other
            if len(claimed) > 1:
                return [settled for one in claimed for settled in await self._record_good([one])]
            return [self._failed(claimed[0], error)]
        if recorded.spooled:
            return []  # safe, but not yet known to be of a known call: asked again after the hold
        return [self._recorded(one, recorded.unknown) for one in claimed]

    def _recorded(self, claimed: Claimed, unknown: Collection[str]) -> Settled:
        if claimed.event.call_id not in unknown:
            return Settled(claimed.event.id, claimed.tries + 1, "applied")
        return self._again(claimed, UNKNOWN_CALL_S, "unknown_call")

    def _failed(self, claimed: Claimed, error: Exception) -> Settled:
        event = claimed.event
        logger.error(
            "event {} of Daily failed on call {}: {}", event.type, event.call_id, type(error).__name__
        )
        return self._again(claimed, FAILURE_S, "failed")

    def _again(self, claimed: Claimed, pauses: Sequence[float], outcome: store.Outcome) -> Settled:
        due_at = self._clock() + pauses[claimed.tries] if claimed.tries < len(pauses) else None
        return Settled(claimed.event.id, claimed.tries + 1, None if due_at else outcome, due_at)

    async def _forget_old(self) -> None:
        now = self._clock()
        if now - self._forgot_at < _FORGET_EVERY_S:
            return
        self._forgot_at = now
        await store.forget(self._database, now - _KEPT_S)
