"""Daily's events are durable before they are acknowledged: in the table, or in the spool beside it."""

import asyncio
import time
from collections.abc import Callable, Sequence

from loguru import logger

from frontdesk.daily.events import store
from frontdesk.daily.events.models import DailyEvent, read_event
from frontdesk.daily.events.worker import HOLD_S, EventWorker
from frontdesk.daily.room_names import UNKNOWN_INSTALLATION, parse_room
from frontdesk.daily.sweep import Installation
from frontdesk.doors.bodies import parse_object
from frontdesk.errors import DatabaseUnavailableError, InvalidJsonError
from frontdesk.storage.database import Database
from frontdesk.storage.group_commit import GroupCommit


class Inbox:
    """Takes what Daily says about our rooms; what it says about others' is nobody's business here.

    Args:
        database: Holds the table.
        worker: Is handed what was kept.
        installation: Ours.
        clock: UTC seconds.
    """

    def __init__(
        self,
        database: Database,
        worker: EventWorker,
        installation: Installation,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._worker = worker
        self._installation = installation
        self._clock = clock
        self._group: GroupCommit[DailyEvent, None] = GroupCommit(self._commit, name="daily events")

    async def run(self) -> None:
        """Commit until canceled."""
        await self._group.run()

    async def receive(self, content: bytes) -> None:
        """Take a body that Daily signed; returns when it is durable, if it is for us at all.

        Raises:
            DatabaseUnavailableError: It could not be kept; Daily sends it again.
        """
        try:
            body = parse_object(content)
        except InvalidJsonError:
            logger.warning("an event of Daily cannot be read: it is not a JSON object")
            return
        event = read_event(body, content, self._clock())
        if event is not None and self._is_ours(event):
            await self.keep(event)

    async def keep(self, event: DailyEvent) -> None:
        """Make an event durable.

        Raises:
            DatabaseUnavailableError: It could not be kept.
        """
        try:
            await self._group.submit(event)
        except (DatabaseUnavailableError, asyncio.CancelledError):
            raise
        except Exception as error:  # noqa: BLE001 - Daily would only send it again, and again
            logger.error("event {} of Daily cannot be kept: {}", event.type, type(error).__name__)

    def _is_ours(self, event: DailyEvent) -> bool:
        """Rooms made while our id was not known have a placeholder in their names."""
        own = self._installation.id
        name = parse_room(event.room)
        known = {own, UNKNOWN_INSTALLATION}
        return own == UNKNOWN_INSTALLATION or (name is not None and name.installation in known)

    async def _commit(self, events: Sequence[DailyEvent]) -> list[None]:
        async with self._database.writer() as connection:
            await store.keep(connection, events, self._clock() + HOLD_S)
        self._worker.take(events)
        return [None] * len(events)
