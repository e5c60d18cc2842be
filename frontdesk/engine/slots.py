"""Slots are given back with the end of what took them, and looked after when somebody died over them."""

import asyncio
import time
from collections.abc import Callable, Sequence

from loguru import logger
from sqlalchemy import and_, bindparam, case, false, func, or_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from frontdesk.calls.entries import Over
from frontdesk.engine import slot_rows
from frontdesk.engine.admission import Admission
from frontdesk.engine.tables import dial_slots
from frontdesk.errors import FrontdeskError
from frontdesk.storage.database import Database
from frontdesk.storage.statement import Row, Statement

KEPT_S = 8 * 86_400.0
"""How long slots are kept after their release, to count the calls to one number in a week."""
_UNOPENED_S = 300.0
_LIVE = dial_slots.c.released_at.is_(None)
_OF_CALL = Statement(
    lambda _: (
        update(dial_slots)
        .where(dial_slots.c.call_id == bindparam("call"), _LIVE)
        .values(released_at=bindparam("at"), rang=bindparam("did_ring"), failed=bindparam("did_fail"))
    )
)
_OF_ATTEMPT = Statement(
    lambda _: (
        update(dial_slots)
        .where(
            and_(dial_slots.c.call_id == bindparam("call"), dial_slots.c.attempt == bindparam("number")),
            or_(_LIVE, dial_slots.c.rang.is_not(True)),
        )
        .values(
            released_at=func.coalesce(dial_slots.c.released_at, bindparam("at")),
            rang=or_(func.coalesce(dial_slots.c.rang, false()), bindparam("did_ring")),
            failed=case((_LIVE, bindparam("did_fail")), else_=dial_slots.c.failed),
        )
    )
)


class SlotKeeper:
    """The ledger's `Slots`: releases in its transactions, wakes those who wait, and clears away.

    Args:
        database: The books.
        admission: Gives back what is found.
        every_s: How often to look for slots that nobody gave back, in seconds.
        clock: UTC seconds.
    """

    def __init__(
        self,
        database: Database,
        admission: Admission,
        *,
        every_s: float = 60.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._admission = admission
        self._every_s = every_s
        self._clock = clock
        self.wake: Callable[[], None] = lambda: None

    async def release(self, connection: AsyncConnection, over: Sequence[Over]) -> None:
        """Give back the slots of attempts that are over; of others, nothing.

        That a phone rang may become known after the release; it is never taken back.
        """
        await _OF_ATTEMPT.execute_many(connection, [_row(one) for one in over if one.attempt is not None])
        await _OF_CALL.execute_many(connection, [_row(one) for one in over if one.attempt is None])

    def released(self) -> None:
        """The transaction is committed: who waits in this process may ask again."""
        self.wake()

    async def run(self) -> None:
        """Clear away for as long as this runs, whatever the database does."""
        while True:
            try:
                await self.clear_away()
            except FrontdeskError as error:
                logger.info("slots could not be looked after: {}", error.code)
            except Exception as error:  # noqa: BLE001 - it must go on looking
                logger.error("slots could not be looked after: {}", type(error).__name__)
            await asyncio.sleep(self._every_s)

    async def clear_away(self) -> None:
        """Give back slots that somebody left behind, and forget those that no longer matter.

        Raises:
            DatabaseUnavailableError: The database is away.
        """
        now = self._clock()
        async with self._database.reader() as connection:
            left_behind = await slot_rows.left_behind(connection, now, _UNOPENED_S)
        for call_id, attempt in left_behind:
            await self._admission.give_back(call_id, attempt)
        if left_behind:
            logger.warning("slots that nobody had given back are free again", slots=len(left_behind))
            self.wake()
        async with self._database.writer() as connection:
            await slot_rows.prune(connection, now - KEPT_S)


def _row(over: Over) -> Row:
    row = {"call": over.call_id, "at": over.at, "did_ring": over.rang, "did_fail": over.failed}
    return row if over.attempt is None else row | {"number": over.attempt}
