"""Who may be dialed now: one transaction over all limits, the pace and the frequency of calls to a number."""

import time
from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncConnection

from frontdesk.engine import slot_rows
from frontdesk.engine.limits import Ceilings, full
from frontdesk.engine.pace import believable, dialed, slowed
from frontdesk.engine.wanted import Full, Gone, Granted, NotYet, Refusal, TooOften, Wanted
from frontdesk.gate.frequency import next_allowed
from frontdesk.storage.database import Database

__all__ = ["Admission", "Full", "Gone", "Granted", "NotYet", "Refusal", "TooOften", "Wanted"]


class Admission:
    """The slots of calls out, shared by all gateways of a database.

    Args:
        database: The books.
        ceilings: The gateway's own limits; the same on every gateway.
        clock: UTC seconds.
    """

    def __init__(
        self, database: Database, ceilings: Ceilings, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._ceilings = ceilings
        self._clock = clock

    async def take(self, wanted: Wanted) -> Granted | Refusal:
        """Take a slot, if every limit leaves one; asked again for the same attempt, it is the same slot.

        Raises:
            DatabaseUnavailableError: The database is away; it is not known whether the slot was taken.
        """
        async with self._database.writer() as connection:
            pace = await slot_rows.locked_pace(connection)
            now = self._clock()
            pace = believable(pace, now, self._ceilings.dial_starts_per_s)
            if not await slot_rows.locked_call(connection, wanted.call_id):
                return Gone()
            slot, going = await slot_rows.look(connection, wanted)
            if slot is not None and not slot.live:
                return Gone()
            allowed_at = now if slot else await _allowed_at(connection, wanted, now)
            if allowed_at > now:
                return TooOften(allowed_at)
            if pace.opens_at() > now:
                return NotYet(pace.opens_at())
            limit = full(going, self._ceilings, wanted.most, single=wanted.campaign_id is None)
            if limit is not None:
                return Full(limit)
            pace = dialed(pace, now, self._ceilings.dial_starts_per_s)
            await slot_rows.keep_pace(connection, pace)
            await slot_rows.insert(connection, wanted, now)
        return Granted(pace.opens_at())

    async def give_back(self, call_id: str, attempt: int) -> None:
        """Return the slot, if there is one, of an attempt that was not opened, as if it had never been taken.

        That of an attempt which was opened stays: the ledger releases it with the attempt's end. Should it
        not have done so, it is released now.

        Raises:
            DatabaseUnavailableError: The database is away.
        """
        async with self._database.writer() as connection:
            await slot_rows.locked_call(connection, call_id)
            attempt_is = await slot_rows.stage(connection, call_id, attempt)
            if attempt_is is slot_rows.Stage.NOT_OPENED:
                await slot_rows.forget(connection, call_id, attempt)
            elif attempt_is is slot_rows.Stage.OVER:
                await slot_rows.release(connection, call_id, attempt, self._clock())

    async def holds(self, call_id: str, attempt: int) -> bool:
        """Whether the attempt has a slot; asked once it is opened, since nobody takes it away from then on.

        Raises:
            DatabaseUnavailableError: The database is away.
        """
        async with self._database.reader() as connection:
            slot = await slot_rows.find(connection, call_id, attempt)
        return slot is not None and slot.live

    async def slow_down(self, began_at: float, retry_after_s: float | None = None) -> None:
        """Daily or the bots' host said that they are full: dial slower for a while, on all gateways.

        Args:
            began_at: When the launch that failed began, UTC seconds.
            retry_after_s: What they asked for, in seconds.

        Raises:
            DatabaseUnavailableError: The database is away.
        """
        async with self._database.writer() as connection:
            pace = await slot_rows.locked_pace(connection)
            await slot_rows.keep_pace(connection, slowed(pace, self._clock(), began_at, retry_after_s))


async def _allowed_at(connection: AsyncConnection, wanted: Wanted, now: float) -> float:
    """When the number may be called once more, UTC seconds; `now` when it may be."""
    if wanted.frequency is None:
        return now
    rang, engaged = await slot_rows.times(connection, wanted, now)
    return next_allowed(rang, wanted.frequency, now, engaged)
