"""Carries out what the life of a call orders, and writes down what came of it."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from loguru import logger

from frontdesk.calls import queue_facts
from frontdesk.calls.entries import Recorded
from frontdesk.calls.models import Data, Fact, GatewayFact, Source
from frontdesk.calls.orders import AskPresence, CloseLine, Enqueue, Order
from frontdesk.daily.presence import RoomPresence
from frontdesk.errors import FrontdeskError
from frontdesk.tasks import InFlight

MOST_BROUGHT = 256
"""Most calls that are being brought to the engine; it may hang, and the others are ordered again."""


class Writes(Protocol):
    """The part of the ledger that takes facts."""

    async def record(self, *facts: Fact) -> Recorded:
        """Write facts down."""


class Hangs(Protocol):
    """Hangs up."""

    async def close(self, order: CloseLine) -> str | None:
        """How it was confirmed that an attempt is closed; None when it was not."""


class Asks(Protocol):
    """Asks Daily."""

    async def ask(self, room: str) -> RoomPresence | None:
        """Who is in a room; None when Daily cannot say."""


class Enqueuer(Protocol):
    """Brings calls that wait to the engine."""

    async def enqueue(self, call_id: str, order: Enqueue) -> bool:
        """Whether the engine is certain to see to the attempt; asking again for the same turn is harmless."""


class Errands:
    """What the reaper has done.

    An order that fails is not repeated here: the call is due again until what was ordered is confirmed.
    Nobody waits for the engine, which may be away or slow: lines that are to be closed would wait, too.

    Args:
        books: The ledger.
        hang_up: Closes lines.
        presence: Asks Daily.
        room: Names the room of an attempt whose opening is not known.
        engine: Takes the calls that wait; without one they go on waiting.
        clock: UTC seconds.
    """

    def __init__(
        self,
        books: Writes,
        hang_up: Hangs,
        presence: Asks,
        room: Callable[[str, int], str],
        *,
        engine: Enqueuer | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._books = books
        self._hang_up = hang_up
        self._presence = presence
        self._room = room
        self._engine = engine
        self._clock = clock
        self._bringing = InFlight()

    async def carry_out(self, call_id: str, order: Order) -> None:
        """Carry out one order.

        Raises:
            FrontdeskError: What came of it could not be written down, or nothing could come of it.
        """
        if isinstance(order, Enqueue):
            if len(self._bringing) < MOST_BROUGHT:
                self._bringing.start(self._enqueue(call_id, order))
            return
        order = order if order.room else replace(order, room=self._room(call_id, order.attempt))
        if isinstance(order, AskPresence):
            await self._ask(call_id, order)
        else:
            await self._close(call_id, order)

    async def drain(self, timeout_s: float) -> None:
        """Wait until the engine has what it is being brought, but not longer than this."""
        await self._bringing.drain(timeout_s)

    async def _enqueue(self, call_id: str, order: Enqueue) -> None:
        try:
            if self._engine is None or not await self._engine.enqueue(call_id, order):
                return
            await self._books.record(queue_facts.enqueued(call_id, order.attempt, order.turn, self._clock()))
        except FrontdeskError as error:
            logger.warning("the call could not be brought to the queue: {}", error.code)
        except Exception as error:  # noqa: BLE001 - it is ordered again
            logger.error("the call could not be brought to the queue: {}", type(error).__name__)

    async def _close(self, call_id: str, order: CloseLine) -> None:
        how = await self._hang_up.close(order)
        if how is not None:
            await self._record(call_id, GatewayFact.CLOSED, order.attempt, "", {"how": how})

    async def _ask(self, call_id: str, order: AskPresence) -> None:
        who = await self._presence.ask(order.room)
        if who is not None:
            data: Data = {"bot": who.bot, "phones": who.phones}
            suffix = f":{round(self._clock() * 1000)}"
            await self._record(call_id, GatewayFact.PRESENCE, order.attempt, suffix, data)

    async def _record(self, call_id: str, kind: GatewayFact, attempt: int, suffix: str, data: Data) -> None:
        identity = f"{kind}:{attempt}{suffix}"
        await self._books.record(Fact(call_id, identity, Source.GATEWAY, kind, self._clock(), attempt, data))
