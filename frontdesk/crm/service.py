"""The CRM's side of the gateway in one piece: an outbox to write to, and a deliverer that runs."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp

from frontdesk.crm.delivery import Deliverer
from frontdesk.crm.delivery_log import DeliveryLog
from frontdesk.crm.endpoints import Endpoints
from frontdesk.crm.outbox import CrmOutbox
from frontdesk.crm.schedule import Pace
from frontdesk.crm.sender import Sender
from frontdesk.crm.standing import Standing
from frontdesk.storage.database import Database

__all__ = ["Crm", "Pace"]


class Crm:
    """Tells the CRM while it is `running`.

    Args:
        database: Holds the outbox.
        endpoints: Who is told.
        pace: How patiently.
        clock: UTC seconds.
    """

    def __init__(
        self,
        database: Database,
        endpoints: Endpoints,
        *,
        pace: Pace | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._pace = pace or Pace()
        self._sender = Sender(self._pace.timeout_s, clock)
        self.endpoints = endpoints
        self.standing = Standing()
        self.deliverer = Deliverer(
            database, endpoints, self._sender, self.standing, pace=self._pace, clock=clock
        )
        self.log = DeliveryLog(database, endpoints, self.standing, self.deliverer.wake, clock)
        self.outbox = CrmOutbox(endpoints, self.deliverer.wake, clock)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Deliver inside; at the end, deliver what is due, but not for longer than `drain_s`."""
        async with self._sender:
            task = asyncio.create_task(self.deliverer.run(), name="crm delivery")
            try:
                yield
            finally:
                await self.deliverer.stop(task)

    def session(self, *, allow_private: bool) -> aiohttp.ClientSession:
        """A session that reaches public addresses only, or any; open while this runs."""
        return self._sender.session(allow_private=allow_private)
