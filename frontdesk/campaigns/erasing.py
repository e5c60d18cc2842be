"""What campaigns hold of people is erased: some time after their end, and when somebody asks for it."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from loguru import logger
from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from frontdesk.campaigns.models import CampaignState
from frontdesk.campaigns.raw import problem
from frontdesk.campaigns.store import Entry, count_refused, write_log
from frontdesk.campaigns.tables import campaign_rows, campaigns
from frontdesk.errors import DatabaseUnavailableError
from frontdesk.storage.database import Database

_EVERY_S = 3600.0
_AT_ONCE = 200
_GONE: dict[str, Any] = {"phone_number": None, "patient_id": None, "request": None}
_NEVER_CALLED = [problem("row", "was erased")]
_HOLDS = or_(
    campaign_rows.c.phone_number.is_not(None),
    campaign_rows.c.patient_id.is_not(None),
    campaign_rows.c.request.is_not(None),
)
_SAID = ("variables", "metadata", "voicemail")
"""Of `settings`: only who sent it knows what it says, as of calls."""
_STANDS = (CampaignState.DRAFT, CampaignState.PAUSED)


async def erase_person(
    connection: AsyncConnection,
    organization_id: str | None,
    *,
    patient_id: str | None = None,
    phone_number: str | None = None,
) -> int:
    """Erase the rows of a person; those that are no calls yet never become any. Returns how many they were.

    Args:
        connection: In a transaction.
        organization_id: Of whose campaigns; None for those of all.
        patient_id: The CRM's own id.
        phone_number: E.164.
    """
    rows = campaign_rows.c
    person = rows.patient_id == patient_id if phone_number is None else rows.phone_number == phone_number
    theirs: ColumnElement[bool] = campaigns.c.erased_at.is_(None)
    if organization_id is not None:
        theirs = and_(theirs, campaigns.c.organization_id == organization_id)
    found = await connection.execute(select(campaigns.c.id).where(theirs).order_by(campaigns.c.id))
    total = 0
    for campaign_id in found.scalars().all():
        these = and_(rows.campaign_id == campaign_id, person)
        kept = await _forget_uncalled(connection, campaign_id, these)
        done = await connection.execute(update(campaign_rows).where(these).values(**_GONE))
        total += kept + done.rowcount
    return total


async def _forget_uncalled(connection: AsyncConnection, campaign_id: str, these: ColumnElement[bool]) -> int:
    """Rows that could still have become calls; afterwards they cannot."""
    uncalled = and_(these, campaign_rows.c.call_id.is_(None), campaign_rows.c.problems.is_(None))
    done = await connection.execute(
        update(campaign_rows).where(uncalled).values(**_GONE, problems=_NEVER_CALLED)
    )
    if done.rowcount:
        await count_refused(connection, campaign_id, done.rowcount)
    return done.rowcount


class Forgetting:
    """Erases the rows of campaigns that ended some days ago; drafts and pauses of that age are canceled.

    Args:
        database: The books.
        retention_days: After how many days.
        clock: UTC seconds.
    """

    def __init__(
        self, database: Database, *, retention_days: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._retention_s = retention_days * 86_400.0
        self._clock = clock

    async def run(self) -> None:
        """Once an hour, until canceled."""
        while True:
            try:
                await self.forget()
            except DatabaseUnavailableError:
                logger.warning("no rows of campaigns are erased for now: the database is away")
            except Exception as error:  # noqa: BLE001 - what must go tries again; its text may be personal
                logger.error("no rows of campaigns are erased for now: {}", type(error).__name__)
            await asyncio.sleep(_EVERY_S)

    async def forget(self) -> None:
        """Erase what is old now.

        Raises:
            DatabaseUnavailableError: The books are away; what is left comes next time.
        """
        now = self._clock()
        await self._cancel_forgotten(now - self._retention_s, now)
        old = (campaigns.c.ended_at < now - self._retention_s, campaigns.c.erased_at.is_(None))
        async with self._database.reader() as connection:
            ids = list((await connection.execute(select(campaigns.c.id).where(*old))).scalars())
        for campaign_id in ids:
            await self._erase(campaign_id, now)

    async def _cancel_forgotten(self, before: float, now: float) -> None:
        these = (campaigns.c.state.in_(_STANDS), campaigns.c.updated_at < before)
        async with self._database.writer() as connection:
            ids = list((await connection.execute(select(campaigns.c.id).where(*these))).scalars())
            change = update(campaigns).where(campaigns.c.id.in_(ids))
            await connection.execute(change.values(state=CampaignState.CANCELED, updated_at=now))
            for campaign_id in ids:
                await write_log(
                    connection, campaign_id, Entry(now, "canceled", "gateway", {"why": "retention"})
                )

    async def _erase(self, campaign_id: str, now: float) -> None:
        rows = campaign_rows.c
        some = select(rows.number).where(rows.campaign_id == campaign_id, _HOLDS).limit(_AT_ONCE)
        change = update(campaign_rows).where(rows.campaign_id == campaign_id, rows.number.in_(some))
        erased = 1
        while erased:
            async with self._database.writer() as connection:
                erased = (await connection.execute(change.values(**_GONE))).rowcount
            await asyncio.sleep(0)
        this = campaigns.c.id == campaign_id
        async with self._database.writer() as connection:
            told = (await connection.execute(select(campaigns.c.settings).where(this))).scalar_one()
            kept = {name: value for name, value in told.items() if name not in _SAID}
            await connection.execute(update(campaigns).where(this).values(settings=kept, erased_at=now))
        logger.info("the rows of campaign {} are erased", campaign_id)
