"""Ends what fell silent, and hangs up what must not go on: calls are looked at when they are due."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from loguru import logger

from frontdesk.calls.entries import LedgerCall
from frontdesk.calls.errands import Errands
from frontdesk.calls.orders import Step
from frontdesk.errors import FrontdeskError
from frontdesk.logs import call_context

_GATHER_S = 0.05
_HOLD_S = 30.0
"""How long a call that was claimed by a gateway that died waits for another."""
_LONGEST_PAUSE_S = 15.0


class Books(Protocol):
    """The part of the ledger that the reaper needs."""

    async def claim_due(self, now: float, limit: int, hold_s: float) -> list[str]:
        """Ids of calls that are due, for nobody else."""

    async def tick(self, call_id: str, now: float, up_since: float) -> Step | None:
        """Let the clock look at a call."""

    def watch(self, listener: Callable[[LedgerCall], None]) -> Callable[[], None]:
        """Be told of changed calls."""


class Reaper:
    """Lets the clock look at calls that are due, and carries out what follows.

    Args:
        books: The ledger.
        errands: Carry out what follows.
        up_since: When this gateway began to take reports, UTC seconds; the clock's now when None.
        every_s: Longest time between two looks, in seconds: other gateways' commits wake nobody here.
        at_once: Most calls that are being looked at.
        clock: UTC seconds.
    """

    def __init__(
        self,
        books: Books,
        errands: Errands,
        *,
        up_since: float | None = None,
        every_s: float = 1.0,
        at_once: int = 64,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._books = books
        self._errands = errands
        self._up_since = clock() if up_since is None else up_since
        self._every_s = every_s
        self._at_once = at_once
        self._clock = clock
        self._wanted = asyncio.Event()
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._failures = 0

    async def run(self) -> None:
        """Look after calls for as long as this runs, whatever the database and Daily do."""
        unwatch = self._books.watch(self._changed)
        try:
            while True:
                self._wanted.clear()
                pause_s = await self._look()
                await self._until_wanted(pause_s)
        finally:
            unwatch()
            await self._stop()
            await self._errands.drain(0)

    def wake(self, _call_id: str) -> None:
        """Look at once."""
        self._wanted.set()

    async def drain(self, timeout_s: float) -> None:
        """Look until nothing is due or being carried out, but not longer than this."""
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    claimed = await self._claim()
                    if not claimed and not self._busy:
                        await self._errands.drain(timeout_s)
                        return
                    await asyncio.wait(tuple(self._busy.values()), return_when=asyncio.FIRST_COMPLETED)
        except (TimeoutError, FrontdeskError):
            logger.info("lines that are still to be closed are left to the next start", calls=len(self._busy))

    def _changed(self, changed: LedgerCall) -> None:
        due_at = changed.state.due_at
        if due_at is not None and due_at <= self._clock():
            self._wanted.set()

    async def _until_wanted(self, pause_s: float) -> None:
        try:
            async with asyncio.timeout(pause_s):
                await self._wanted.wait()
        except TimeoutError:
            return
        await asyncio.sleep(_GATHER_S)  # those that are told of together are claimed together

    async def _look(self) -> float:
        """Claim what is due; seconds until the next look."""
        try:
            claimed = await self._claim()
        except Exception as error:  # noqa: BLE001 - it must go on looking
            return self._trouble(error)
        self._failures = 0
        if len(self._busy) >= self._at_once:
            await asyncio.wait(tuple(self._busy.values()), return_when=asyncio.FIRST_COMPLETED)
            return 0.0
        return 0.0 if claimed >= self._at_once else self._every_s

    async def _claim(self) -> int:
        free = self._at_once - len(self._busy)
        if free <= 0:
            return 0
        due = await self._books.claim_due(self._clock(), free, _HOLD_S)
        for call_id in due:
            if call_id in self._busy:
                self._again.add(call_id)
            else:
                self._busy[call_id] = asyncio.create_task(self._see_to(call_id))
        return len(due)

    def _trouble(self, error: Exception) -> float:
        if self._failures == 0:
            code = error.code if isinstance(error, FrontdeskError) else type(error).__name__
            logger.warning("calls cannot be looked after: {}", code)
        self._failures += 1
        return min(self._every_s * 2.0 ** min(self._failures, 32), _LONGEST_PAUSE_S)

    async def _see_to(self, call_id: str) -> None:
        """Look at a call, and again when it became due meanwhile."""
        try:
            with call_context(call_id):
                await self._see_to_once(call_id)
                while call_id in self._again:
                    self._again.discard(call_id)
                    await self._see_to_once(call_id)
        finally:
            del self._busy[call_id]

    async def _see_to_once(self, call_id: str) -> None:
        try:
            step = await self._books.tick(call_id, self._clock(), self._up_since)
            if step is not None and step.orders:
                await asyncio.gather(*(self._errands.carry_out(call_id, order) for order in step.orders))
        except FrontdeskError as error:
            logger.warning("the call could not be looked after: {}", error.code)
        except Exception as error:  # noqa: BLE001 - the call is due again
            logger.error("the call could not be looked after: {}", type(error).__name__)

    async def _stop(self) -> None:
        tasks = tuple(self._busy.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
