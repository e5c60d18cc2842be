"""Daily's events are durable before they are acknowledged: in the table, or in the spool beside it."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Self

from loguru import logger

from frontdesk.daily.events import store
from frontdesk.daily.events.models import DailyEvent, read_event
from frontdesk.daily.events.worker import HOLD_S, EventWorker
from frontdesk.daily.room_names import UNKNOWN_INSTALLATION, parse_room
from frontdesk.daily.sweep import Installation
from frontdesk.doors.bodies import parse_object
from frontdesk.errors import DatabaseUnavailableError, InvalidJsonError, NotRecordedError
from frontdesk.storage.database import Database
from frontdesk.storage.recorder import Recorder
from frontdesk.storage.spool import Spool


class _Spooled:
    """What the recorder must know of events."""

    def encode(self, item: DailyEvent) -> bytes:
        return item.to_bytes()

    def decode(self, record: bytes) -> DailyEvent:
        return DailyEvent.from_bytes(record)

    def keys(self, item: DailyEvent) -> frozenset[str]:
        return frozenset({item.id})

    def blocked(self, item: DailyEvent) -> frozenset[str]:  # noqa: ARG002 - they keep no order
        return frozenset()

    def since(self, item: DailyEvent) -> float:
        return item.received_at

    def unfinished(self, item: DailyEvent, result: None) -> None:  # noqa: ARG002 - events wait for nothing
        return None


class Inbox:
    """Takes what Daily says about our rooms; what it says about others' is nobody's business here.

    Args:
        database: Holds the table.
        spool: Takes events while the database does not; of the inbox alone.
        worker: Is handed what was kept.
        installation: Ours.
        spool_after_s: How long an event may wait for the database.
        clock: UTC seconds.
    """

    def __init__(
        self,
        database: Database,
        spool: Spool,
        worker: EventWorker,
        installation: Installation,
        *,
        spool_after_s: float = 0.1,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._worker = worker
        self._installation = installation
        self._clock = clock
        self._recorder: Recorder[DailyEvent, None] = Recorder(
            self._commit, spool, _Spooled(), name="daily events", spool_after_s=spool_after_s
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Commit in the background; at the end everything is in the database or in the spool."""
        async with self._recorder.running():
            yield self

    async def receive(self, content: bytes) -> None:
        """Take a body that Daily signed; returns when it is durable, if it is for us at all.

        Raises:
            NotRecordedError: Neither the database nor the spool took it; Daily sends it again.
        """
        try:
            body = parse_object(content)
        except InvalidJsonError:
            logger.warning("an event of Daily cannot be read: it is not a JSON object")
            return
        event = read_event(body, content, self._clock())
        if event is not None and self._is_ours(event):
            await self._keep(event)

    async def _keep(self, event: DailyEvent) -> None:
        try:
            await self._recorder.put(event)
        except NotRecordedError as error:
            if error.__cause__ is None or isinstance(error.__cause__, OSError | DatabaseUnavailableError):
                raise
            # The database never will: Daily would only send it again, and again. The recorder has logged it.

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
