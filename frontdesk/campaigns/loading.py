"""Reads the file of a campaign into the books: checked row by row, in batches, beside everything else.

The event loop belongs to people who call in: rows are checked for a few milliseconds at a time, and each
transaction is a short one. Memory holds one batch, however long the file is.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from loguru import logger

from frontdesk.campaigns.checking import RowCheck, patient_id_of
from frontdesk.campaigns.files import CampaignFile, FileError
from frontdesk.campaigns.models import Campaign, CampaignState, Report, Row
from frontdesk.campaigns.raw import RawRow
from frontdesk.campaigns.row_store import NotOursError, RowStore
from frontdesk.campaigns.settings import CampaignSettings
from frontdesk.campaigns.store import CampaignStore, Entry
from frontdesk.campaigns.tally import Tally, do_not_call, duplicate
from frontdesk.errors import DatabaseUnavailableError
from frontdesk.gate.do_not_call import DoNotCall

MOST_ROWS = 100_000
BATCH = 200
_SLICE_S = 0.001
_PAUSE_S = 0.002
_AGAIN_S = 0.5
_BY = "gateway"
_FAULT = "could not be read by a fault of the gateway; its log names it"
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Loading:
    """What is needed to read one file.

    Args:
        campaign: In the state `loading`, with this gateway as its owner.
        file: Looked at.
        check: Of its rows.
    """

    campaign: Campaign
    file: CampaignFile
    check: RowCheck


class Loader:
    """Reads files into the books, one at a time.

    Args:
        campaigns: In the books.
        rows: In the books.
        do_not_call: Who must not be called.
        clock: UTC seconds.
        most_rows: A file with more is refused.
    """

    def __init__(
        self,
        campaigns: CampaignStore,
        rows: RowStore,
        do_not_call: DoNotCall,
        *,
        clock: Callable[[], float] = time.time,
        most_rows: int = MOST_ROWS,
    ) -> None:
        self._campaigns = campaigns
        self._rows = rows
        self._do_not_call = do_not_call
        self._clock = clock
        self._most_rows = most_rows
        self._alone = asyncio.Lock()

    async def load(self, work: Loading) -> None:
        """Read a file; the campaign is a draft, runs or has failed afterwards.

        While the database is away it waits; when another gateway has taken the file over, it stops.
        """
        async with self._alone:
            try:
                report = await self._read(work)
                await _patiently(self._finish, work.campaign, report)
            except FileError as error:
                await self._fail(work.campaign, str(error))
            except NotOursError:
                logger.warning("campaign {} is no more read here: canceled, or taken over", work.campaign.id)
            except Exception as error:  # noqa: BLE001 - nobody waits for it; its text may be personal
                logger.error("campaign {} cannot be read: {}", work.campaign.id, type(error).__name__)
                await self._fail(work.campaign, _FAULT)

    async def _read(self, work: Loading) -> Report:
        await _patiently(self._rows.clear, work.campaign.id, work.campaign.owner or "")
        tally = Tally(work.file.variables)
        async for raw in _batches(work.file.rows()):
            rows = await _patiently(self._checked, work, raw)
            report = tally.count(rows)
            if report.rows > self._most_rows:
                raise FileError(f"has more than {self._most_rows} rows")
            await _patiently(self._keep, work.campaign, rows, report)
        if not tally.report.rows:
            raise FileError("holds no rows")
        return tally.report

    async def _keep(self, campaign: Campaign, rows: Sequence[Row], report: Report) -> None:
        await self._rows.add(campaign.id, campaign.owner or "", rows, report, self._clock())

    async def _checked(self, work: Loading, raw: Sequence[RawRow]) -> list[Row]:
        organization_id = work.campaign.organization_id
        work.check.patients.know(await self._rows.patients(organization_id, _patient_ids(raw)))
        breath = Breath()
        rows = []
        for one in raw:
            rows.append(await work.check.row(one))
            await breath.take()
        return await self._named(work.campaign, rows)

    async def _named(self, campaign: Campaign, rows: Sequence[Row]) -> list[Row]:
        """The same rows; who must not be called, and who is called by an earlier row, is named."""
        numbers = {row.phone_number for row in rows if row.phone_number and not row.problems}
        refusing = await self._do_not_call.among(campaign.organization_id, numbers)
        first = await self._rows.first_with(campaign.id, numbers - refusing)
        return [_name(row, refusing, first) for row in rows]

    async def _finish(self, campaign: Campaign, report: Report) -> None:
        """Rows may have been erased since they were read: the books have counted that."""
        settings = CampaignSettings.model_validate(campaign.settings)
        now = self._clock()
        known = await self._campaigns.find(campaign.id)
        callable_now = known.report.callable if known else 0
        starts = settings.start and report.clean and callable_now > 0
        values = {"started_at": now, "running_since": now} if starts else {}
        counts = {"rows": report.rows, "callable": callable_now, "started": starts}
        await self._campaigns.change(
            campaign.id,
            [CampaignState.LOADING],
            Entry(now, "loaded", _BY, dict(counts)),
            state=CampaignState.RUNNING if starts else CampaignState.DRAFT,
            **values,
        )
        logger.info("campaign {}: {} of {} rows can be called", campaign.id, callable_now, report.rows)

    async def _fail(self, campaign: Campaign, why: str) -> None:
        await _patiently(self.fail, campaign, why)
        await _patiently(self._rows.clear, campaign.id, campaign.owner or "")

    async def fail(self, campaign: Campaign, why: str) -> None:
        """End a campaign whose file cannot be read to the end.

        Raises:
            DatabaseUnavailableError: The books are away.
        """
        now = self._clock()
        report = {"report": {"error": why}, "state": CampaignState.FAILED, "ended_at": now}
        entry = Entry(now, "failed", _BY, {"why": why})
        if await self._campaigns.change(campaign.id, [CampaignState.LOADING], entry, **report):
            logger.warning("campaign {}: its file could not be read to the end", campaign.id)


class Breath:
    """Lets the event loop see to others after every few milliseconds of work."""

    def __init__(self) -> None:
        self._since = time.perf_counter()

    async def take(self) -> None:
        """Pause, if enough was worked."""
        if time.perf_counter() - self._since >= _SLICE_S:
            await asyncio.sleep(_PAUSE_S)
            self._since = time.perf_counter()


async def _batches(rows: Iterable[RawRow | None]) -> AsyncIterator[list[RawRow]]:
    batch = []
    breath = Breath()
    for row in rows:
        await breath.take()
        if row is None:
            continue
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


async def _patiently(work: Callable[..., Awaitable[Result]], *given: object) -> Result:
    """Do something with the database, however long it is away."""
    while True:
        try:
            return await work(*given)
        except DatabaseUnavailableError:
            await asyncio.sleep(_AGAIN_S)


def _patient_ids(raw: Sequence[RawRow]) -> set[str]:
    named = (patient_id_of(row.values) for row in raw if row.values is not None)
    return {one for one in named if one is not None}


def _name(row: Row, refusing: set[str], first: dict[str, int]) -> Row:
    """`first` learns which row calls a number."""
    number = row.phone_number
    if number is None or row.problems:
        return row
    if number in refusing:
        return replace(row, request=None, problems=(do_not_call(),))
    if first.setdefault(number, row.number) != row.number:
        return replace(row, request=None, problems=(duplicate(first[number]),))
    return row
