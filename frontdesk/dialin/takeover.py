"""Callers on hold whose gateway died, or whom each of two left to the other: they get a bot all the same."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from loguru import logger
from sqlalchemy import and_, select

from frontdesk.calls.entries import LedgerCall
from frontdesk.calls.gateways import Gateways
from frontdesk.calls.ledger import Ledger
from frontdesk.calls.models import State
from frontdesk.calls.orders import CloseLine
from frontdesk.calls.state import Attempt
from frontdesk.calls.tables import attempts, calls
from frontdesk.daily.hangup import HangUp
from frontdesk.daily.presence import Presence
from frontdesk.dialin.copies import launching
from frontdesk.ended import EndedReason
from frontdesk.errors import FrontdeskError
from frontdesk.logs import call_context
from frontdesk.storage.database import Database
from frontdesk.tasks import InFlight


class Launches(Protocol):
    """Launches calls."""

    def launches(self, call_id: str) -> bool:
        """Whether this gateway is launching a call, or has done so."""

    async def take_over(self, known: LedgerCall) -> None:
        """Launch a call of the books with its next attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a takeover needs."""

    database: Database
    ledger: Ledger
    gateways: Gateways
    presence: Presence
    hang_up: HangUp


class Takeover:
    """Takes over the launches of incoming calls from gateways that are no more.

    So it does with calls of its own gateway that nobody launches: their room was another gateway's while the
    books were slow, and by the time that the other one could read them they said that the call is this one's.

    A call is taken over when nobody knows of a bot for it: the books do not, Daily sees none in its room,
    and the room is deleted before the next attempt begins.

    Args:
        parts: What it works with.
        dialin: Launches.
        hold_s: How long after its webhook a caller is still on hold, in seconds.
        grace_s: How long a bot that was started may take to say so to this gateway, in seconds.
        every_s: How often to look for such calls, in seconds.
        clock: UTC seconds.
        sleep: How to wait, in seconds.
    """

    def __init__(
        self,
        parts: Parts,
        dialin: Launches,
        *,
        hold_s: float,
        grace_s: float = 3.0,
        every_s: float = 5.0,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._parts = parts
        self._dialin = dialin
        self._hold_s = hold_s
        self._grace_s = grace_s
        self._every_s = every_s
        self._clock = clock
        self._sleep = sleep
        self._looking: set[str] = set()
        self._tasks = InFlight()

    async def run(self) -> None:
        """Look for such calls for as long as this runs, at once and again and again."""
        while True:
            try:
                for call_id in await self._launching():
                    self.look(call_id)
            except FrontdeskError:
                pass  # the database is away: calls of other gateways can wait
            except Exception as error:  # noqa: BLE001 - it must go on looking
                logger.error("launches of dead gateways could not be looked for: {}", type(error).__name__)
            await self._sleep(self._every_s)

    def look(self, call_id: str) -> None:
        """Take a call over if its gateway is no more."""
        if call_id not in self._looking:
            self._looking.add(call_id)
            self._tasks.start(self._look(call_id))

    async def drain(self, timeout_s: float) -> None:
        """Wait for what is being looked at, but not longer than this."""
        await self._tasks.drain(timeout_s)

    async def _launching(self) -> list[str]:
        latest = and_(attempts.c.call_id == calls.c.id, attempts.c.number == calls.c.attempt)
        open_and_young = (
            select(calls.c.id)
            .join(attempts, latest)
            .where(calls.c.due_at.is_not(None), calls.c.state == State.LAUNCHING)
            .where(calls.c.direction == "inbound", calls.c.created_at > self._clock() - self._hold_s)
            .where(attempts.c.session_id.is_(None))
        )
        async with self._parts.database.reader() as connection:
            found = await connection.scalars(open_and_young)
            return [call_id for call_id in found if not self._dialin.launches(call_id)]

    async def _look(self, call_id: str) -> None:
        with call_context(call_id):
            try:
                if await self._orphaned(call_id) is None:
                    return
                await self._sleep(self._grace_s)
                known = await self._orphaned(call_id)
                if known is not None and await self._clear_away(known.state.attempts[-1]):
                    await self._dialin.take_over(known)
            except FrontdeskError as error:
                logger.warning("a caller on hold could not be taken over: {}", error.code)
            except Exception as error:  # noqa: BLE001 - the next look may do better
                logger.error("a caller on hold could not be taken over: {}", type(error).__name__)
            finally:
                self._looking.discard(call_id)

    async def _orphaned(self, call_id: str) -> LedgerCall | None:
        known = await self._parts.ledger.load(call_id)
        if known is None or known.call.direction != "inbound" or not known.state.attempts:
            return None
        young = known.call.created_at > self._clock() - self._hold_s
        if not young or not launching(known.state):
            return None
        return known if await self._left(call_id, known.state.attempts[-1].owner) else None

    async def _left(self, call_id: str, owner: str) -> bool:
        if self._dialin.launches(call_id):
            return False
        return owner == self._parts.gateways.own_id or await self._parts.gateways.is_dead(owner)

    async def _clear_away(self, attempt: Attempt) -> bool:
        """Whether certainly no bot is in the attempt's room, and none can come any more."""
        who = await self._parts.presence.ask(attempt.room)
        if who is None or who.bot:
            return False
        order = CloseLine(
            attempt.number, EndedReason.BOT_START_FAILED, attempt.room, host=attempt.host, stop_bot=True
        )
        return await self._parts.hang_up.close(order) is not None
