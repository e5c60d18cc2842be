"""The rows of campaigns in the database."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import bindparam, delete, func, select, update

from frontdesk.campaigns.models import CampaignState, Report, Row
from frontdesk.campaigns.raw import Problem
from frontdesk.campaigns.store import Entry, count_refused, locked_report, refused, write_log
from frontdesk.campaigns.tables import campaign_rows, campaigns
from frontdesk.patients.models import Patient
from frontdesk.patients.tables import patients
from frontdesk.storage.database import Database
from frontdesk.storage.json_text import to_text
from frontdesk.storage.statement import inserting_once

_INSERT = inserting_once(campaign_rows)
_number = campaign_rows.c.number
_GOOD = campaign_rows.c.problems.is_(None)
_UNCALLED = campaign_rows.c.call_id.is_(None)
_CHUNK = 1000
_CALLED = (
    update(campaign_rows)
    .where(campaign_rows.c.campaign_id == bindparam("campaign"), bindparam("row") == _number)
    .values(call_id=bindparam("call"))
)


class NotOursError(Exception):
    """Another gateway sees to the campaign, or it is not being read any more."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A row that can become a call."""

    number: int
    request: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ProblemRow:
    """A row that cannot be called, and why."""

    number: int
    problems: tuple[Problem, ...]


class RowStore:
    """Reads and writes rows; every write is one short transaction.

    Every method raises `DatabaseUnavailableError` while the books are away.

    Args:
        database: The books.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self, campaign_id: str, owner: str, rows: Sequence[Row], report: Report, now: float
    ) -> None:
        """Keep rows that were read, and how far reading has come; safe to repeat.

        `report` counts what was read: rows that were erased since then stay refused.

        Raises:
            NotOursError: Another gateway reads the file now.
        """
        these = (campaigns.c.id == campaign_id, campaigns.c.owner == owner)
        mark = update(campaigns).where(*these, campaigns.c.state == CampaignState.LOADING)
        values = [_values(campaign_id, row) for row in rows]
        async with self._database.writer() as connection:
            gone = (await locked_report(connection, campaign_id)).refused
            now_told = asdict(refused(report, gone))
            done = await connection.execute(mark.values(updated_at=now, report=now_told))
            if not done.rowcount:
                raise NotOursError
            await _INSERT.execute_many(connection, values)

    async def clear(self, campaign_id: str, owner: str) -> None:
        """Forget the rows that were read of a file before, a thousand at a time.

        Raises:
            NotOursError: Another gateway reads the file now.
        """
        these = (campaigns.c.id == campaign_id, campaigns.c.owner == owner)
        unread = campaigns.c.state.in_([CampaignState.LOADING, CampaignState.FAILED])
        mark = update(campaigns).where(*these, unread).values(fed=0)
        some = select(_number).where(campaign_rows.c.campaign_id == campaign_id)
        some = some.order_by(_number).limit(_CHUNK)
        change = delete(campaign_rows).where(campaign_rows.c.campaign_id == campaign_id, _number.in_(some))
        gone = 1
        while gone:
            async with self._database.writer() as connection:
                if not (await connection.execute(mark)).rowcount:
                    raise NotOursError
                gone = (await connection.execute(change)).rowcount

    async def first_with(self, campaign_id: str, numbers: Iterable[str]) -> dict[str, int]:
        """By phone number, the row of the campaign that calls it."""
        phone = campaign_rows.c.phone_number
        query = select(phone, func.min(_number)).where(
            campaign_rows.c.campaign_id == campaign_id, phone.in_(list(numbers)), _GOOD
        )
        async with self._database.reader() as connection:
            return {row[0]: row[1] for row in await connection.execute(query.group_by(phone))}

    async def patients(self, organization_id: str, ids: Iterable[str]) -> dict[str, Patient]:
        """Those patients of an organization that are stored, by id."""
        wanted = list(ids)
        if not wanted:
            return {}
        query = select(patients).where(
            patients.c.organization_id == organization_id, patients.c.id.in_(wanted)
        )
        async with self._database.reader() as connection:
            return {row["id"]: Patient(**row) for row in (await connection.execute(query)).mappings()}

    async def ready(self, campaign_id: str, after: int, limit: int) -> list[Ready]:
        """The next rows that can become calls, and are none yet."""
        query = select(_number, campaign_rows.c.request).where(
            campaign_rows.c.campaign_id == campaign_id, _number > after, _GOOD, _UNCALLED
        )
        async with self._database.reader() as connection:
            rows = await connection.execute(query.order_by(_number).limit(limit))
            return [Ready(row.number, row.request or {}) for row in rows]

    async def fed(
        self, campaign_id: str, calls: Sequence[tuple[int, str]], now: float, *, up_to: int | None = None
    ) -> None:
        """Note which rows are calls now: row and call id, in the order of rows.

        Args:
            campaign_id: Of the rows.
            calls: Row and call id.
            now: UTC seconds.
            up_to: The row up to which all are calls, or never will be; the last one of `calls` when absent.
        """
        if not calls:
            return
        last = calls[-1][0] if up_to is None else up_to
        values = [{"campaign": campaign_id, "row": row, "call": call} for row, call in calls]
        async with self._database.writer() as connection:
            await connection.execute(_CALLED, values)
            await connection.execute(_fed_to(campaign_id, last, now))

    async def is_good(self, campaign_id: str, number: int) -> bool:
        """Whether a row can become a call still: it was neither refused nor erased."""
        query = select(_number).where(campaign_rows.c.campaign_id == campaign_id, _number == number, _GOOD)
        async with self._database.reader() as connection:
            return (await connection.execute(query)).first() is not None

    async def refuse(self, campaign_id: str, row: ProblemRow, entry: Entry) -> None:
        """Note that a row cannot become a call after all."""
        change = update(campaign_rows).where(
            campaign_rows.c.campaign_id == campaign_id, _number == row.number, _GOOD, _UNCALLED
        )
        async with self._database.writer() as connection:
            done = await connection.execute(change.values(problems=list(row.problems)))
            if done.rowcount:
                await count_refused(connection, campaign_id, 1)
                await write_log(connection, campaign_id, entry)
            await connection.execute(_fed_to(campaign_id, row.number, entry.at))

    async def problems(self, campaign_id: str, after: int, limit: int) -> list[ProblemRow]:
        """Rows that cannot be called, in order."""
        query = select(_number, campaign_rows.c.problems).where(
            campaign_rows.c.campaign_id == campaign_id, _number > after, ~_GOOD
        )
        async with self._database.reader() as connection:
            rows = await connection.execute(query.order_by(_number).limit(limit))
            return [ProblemRow(row.number, tuple(row.problems)) for row in rows]

    async def called(self, campaign_id: str) -> int:
        """How many rows are calls."""
        query = (
            select(func.count())
            .select_from(campaign_rows)
            .where(campaign_rows.c.campaign_id == campaign_id, campaign_rows.c.call_id.is_not(None))
        )
        async with self._database.reader() as connection:
            return int((await connection.execute(query)).scalar_one())


def _fed_to(campaign_id: str, number: int, now: float) -> Any:
    behind = (campaigns.c.id == campaign_id, campaigns.c.fed < number)
    return update(campaigns).where(*behind).values(fed=number, updated_at=now)


def _values(campaign_id: str, row: Row) -> dict[str, Any]:
    return {
        "campaign_id": campaign_id,
        "number": row.number,
        "phone_number": row.phone_number,
        "patient_id": row.patient_id,
        "request": None if row.request is None else to_text(row.request),
        "problems": to_text(row.problems) if row.problems else None,
        "call_id": None,
    }
