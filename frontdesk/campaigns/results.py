"""What became of each row, as CSV: a page at a time, however many there are."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import RowMapping, select

from frontdesk.calls.tables import calls
from frontdesk.calls.views import rfc3339
from frontdesk.campaigns.counts import NEVER_CALLED, PENDING
from frontdesk.campaigns.models import Campaign, CampaignState
from frontdesk.campaigns.tables import campaign_rows
from frontdesk.ended import EndedReason
from frontdesk.storage.database import Database

_PAGE = 500
COLUMNS = (
    "row",
    "phone_number",
    "patient_id",
    "external_id",
    "call_id",
    "state",
    "ended_reason",
    "retryable",
    "attempts",
    "next_attempt_at",
    "answered_at",
    "ended_at",
    "problems",
)
_OF_CALL = ("state", "ended_reason", "attempt", "next_attempt_at", "answered_at", "ended_at")
_FULL_WIDTH = ("\uff1d", "\uff0b", "\uff0d", "\uff20")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", *_FULL_WIDTH)
NOT_CALLABLE = "not_callable"


class Results:
    """Reads results.

    Args:
        database: The books.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def csv(self, campaign: Campaign) -> AsyncIterator[bytes]:
        """The file, piece by piece; rows in their order.

        Raises:
            DatabaseUnavailableError: The books are away; also in the middle.
        """
        yield _written([COLUMNS])
        after = 0
        while rows := await self._page(campaign.id, after):
            yield _written([_line(row, campaign.state) for row in rows])
            after = rows[-1]["number"]

    async def _page(self, campaign_id: str, after: int) -> Sequence[RowMapping]:
        row = campaign_rows.c
        columns = (row.number, row.phone_number, row.patient_id, row.request, row.problems, row.call_id)
        query = (
            select(*columns, *(calls.c[name] for name in _OF_CALL))
            .select_from(campaign_rows.outerjoin(calls, calls.c.id == row.call_id))
            .where(row.campaign_id == campaign_id, row.number > after)
            .order_by(row.number)
            .limit(_PAGE)
        )
        async with self._database.reader() as connection:
            return (await connection.execute(query)).mappings().all()


def _line(row: RowMapping, state: CampaignState) -> list[Any]:
    reason = row["ended_reason"]
    return [
        row["number"],
        row["phone_number"] or "",
        _plain(row["patient_id"]),
        _plain((row["request"] or {}).get("external_id")),
        row["call_id"] or "",
        _state(row, state),
        reason or "",
        str(EndedReason(reason).retryable).lower() if reason else "",
        row["attempt"] or 0,
        *(_time(row[name]) for name in ("next_attempt_at", "answered_at", "ended_at")),
        "; ".join(_plain(f"{one['field']} {one['message']}") for one in row["problems"] or ()),
    ]


def _state(row: RowMapping, state: CampaignState) -> str:
    if row["state"] is not None:
        return str(row["state"])
    if row["problems"] is not None:
        return NOT_CALLABLE
    return NEVER_CALLED.get(state, PENDING)


def _plain(value: object) -> str:
    """Text that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else text


def _time(seconds: float | None) -> str:
    return "" if seconds is None else rfc3339(datetime.fromtimestamp(seconds, UTC))


def _written(lines: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(lines)
    return text.getvalue().encode()
