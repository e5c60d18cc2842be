"""Which gateways are running: each says so every few seconds, in the database that they share."""

import asyncio
import time
from collections.abc import Callable

from loguru import logger
from sqlalchemy import delete, select, text

from frontdesk.errors import DatabaseUnavailableError
from frontdesk.storage.database import Database
from frontdesk.storage.tables import gateways

_FORGOTTEN_S = 24 * 3600
_BEAT = text(
    "INSERT INTO gateways (id, started_at, seen_at) VALUES (:id, :started_at, :seen_at) "
    "ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at"
)


class Gateways:
    """The register of running gateways.

    A SQLite file belongs to one gateway at a time, so every other one is dead. Where several share a
    database, none is judged before its beats could have been seen for `dead_after_s`.

    Args:
        database: Shared by the gateways.
        own_id: Of this gateway.
        every_s: How often to beat, in seconds.
        dead_after_s: How long a gateway may be silent, in seconds.
        clock: UTC seconds.
    """

    def __init__(
        self,
        database: Database,
        own_id: str,
        *,
        every_s: float = 5.0,
        dead_after_s: float = 15.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self.own_id = own_id
        self._every_s = every_s
        self._dead_after_s = dead_after_s
        self._clock = clock
        self._started_at = clock()
        self._beating_since: float | None = None

    async def run(self) -> None:
        """Beat for as long as this runs, whatever the database does."""
        if not self._database.is_postgres:
            return
        while True:
            try:
                await self.beat()
            except DatabaseUnavailableError:
                self._beating_since = None
            except Exception as error:  # noqa: BLE001 - it must go on beating
                self._beating_since = None
                logger.error("this gateway could not say that it runs: {}", type(error).__name__)
            await asyncio.sleep(self._every_s)

    async def beat(self) -> None:
        """Say that this gateway runs.

        Raises:
            DatabaseUnavailableError: The database is away.
        """
        now = self._clock()
        async with self._database.writer() as connection:
            await connection.execute(
                _BEAT, {"id": self.own_id, "started_at": self._started_at, "seen_at": now}
            )
            await connection.execute(delete(gateways).where(gateways.c.seen_at < now - _FORGOTTEN_S))
        if self._beating_since is None:
            self._beating_since = now

    async def is_dead(self, gateway_id: str) -> bool:
        """Whether a gateway is certainly no more.

        Raises:
            DatabaseUnavailableError: The database is away.
        """
        if gateway_id == self.own_id:
            return False
        if not self._database.is_postgres:
            return True
        now = self._clock()
        if self._beating_since is None or now - self._beating_since < self._dead_after_s:
            return False
        async with self._database.reader() as connection:
            seen = await connection.scalar(select(gateways.c.seen_at).where(gateways.c.id == gateway_id))
        return seen is None or seen < now - self._dead_after_s
