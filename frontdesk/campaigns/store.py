"""Campaigns in the database, and the log of what happened to them."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from sqlalchemy import RowMapping, Select, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from frontdesk.calls.models import Data
from frontdesk.campaigns.models import Campaign, CampaignState, Report
from frontdesk.campaigns.tables import campaign_log, campaigns
from frontdesk.storage.database import Database
from frontdesk.storage.json_text import to_text
from frontdesk.storage.statement import inserting_once

_INSERT = inserting_once(campaigns)
_JSON = ("settings", "report")
_AT_WORK = (CampaignState.LOADING, CampaignState.RUNNING, CampaignState.CANCELED)
Position = tuple[float, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a campaign's log.

    Args:
        at: UTC seconds.
        what: Such as `started` or `paused`.
        by: Id of the API key, or `gateway`.
        data: Why, and how much; nothing personal.
    """

    at: float
    what: str
    by: str
    data: Data = field(default_factory=dict)


class CampaignStore:
    """Reads and writes campaigns; every write is one short transaction.

    Every method raises `DatabaseUnavailableError` while the books are away.

    Args:
        database: The books.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, campaign: Campaign, entry: Entry) -> bool:
        """Enter a campaign; False when its id is taken."""
        row = asdict(campaign) | {"erased_at": None}
        row |= {name: to_text(row[name]) for name in _JSON}
        async with self._database.writer() as connection:
            made = await _INSERT.execute(connection, row)
            if made.rowcount:
                await write_log(connection, campaign.id, entry)
        return bool(made.rowcount)

    async def find(self, campaign_id: str, organization_id: str | None = None) -> Campaign | None:
        """One campaign; of one organization alone, unless None is given."""
        query = select(campaigns).where(campaigns.c.id == campaign_id)
        if organization_id is not None:
            query = query.where(campaigns.c.organization_id == organization_id)
        found = await self._campaigns(query)
        return found[0] if found else None

    async def page(self, organization_id: str | None, after: Position | None, limit: int) -> list[Campaign]:
        """Campaigns, newest first, behind a position."""
        place = (campaigns.c.created_at, campaigns.c.id)
        query = select(campaigns).order_by(*(column.desc() for column in place)).limit(limit)
        if organization_id is not None:
            query = query.where(campaigns.c.organization_id == organization_id)
        if after is not None:
            query = query.where(tuple_(*place) < tuple_(*after))
        return await self._campaigns(query)

    async def at_work(self) -> list[Campaign]:
        """Those that somebody must see to: being read, running, or canceled with calls left."""
        query = select(campaigns).where(campaigns.c.ended_at.is_(None), campaigns.c.state.in_(_AT_WORK))
        return await self._campaigns(query.order_by(campaigns.c.created_at))

    async def take_over(self, campaign: Campaign, owner: str) -> bool:
        """Become the gateway that sees to a campaign, in place of the one that did."""
        same = campaigns.c.owner.is_not_distinct_from(campaign.owner)
        change = update(campaigns).where(campaigns.c.id == campaign.id, same).values(owner=owner)
        async with self._database.writer() as connection:
            return bool((await connection.execute(change)).rowcount)

    async def change(
        self, campaign_id: str, states: Iterable[CampaignState], entry: Entry, **values: Any
    ) -> bool:
        """Change a campaign that is in one of these states, and write it into its log; False: it is not."""
        these = (campaigns.c.id == campaign_id, campaigns.c.state.in_(list(states)))
        change = update(campaigns).where(*these, campaigns.c.ended_at.is_(None))
        async with self._database.writer() as connection:
            done = await connection.execute(change.values(updated_at=entry.at, **values))
            if done.rowcount:
                await write_log(connection, campaign_id, entry)
        return bool(done.rowcount)

    async def begin_anew(self, campaign: Campaign, entry: Entry, before: Campaign) -> bool:
        """Let a campaign that failed, or whose gateway is gone, be read again; False: somebody else did."""
        values = asdict(campaign) | {"created_at": before.created_at, "erased_at": None}
        same = campaigns.c.owner.is_not_distinct_from(before.owner)
        these = (campaigns.c.id == before.id, campaigns.c.state == before.state, same)
        change = update(campaigns).where(*these, campaigns.c.updated_at == before.updated_at).values(values)
        async with self._database.writer() as connection:
            done = await connection.execute(change)
            if done.rowcount:
                await write_log(connection, campaign.id, entry)
        return bool(done.rowcount)

    async def log(self, campaign_id: str) -> list[Entry]:
        """What happened to a campaign, in order; the newest thousand."""
        query = select(campaign_log).where(campaign_log.c.campaign_id == campaign_id)
        query = query.order_by(campaign_log.c.at.desc(), campaign_log.c.id.desc()).limit(1000)
        async with self._database.reader() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [Entry(row["at"], row["what"], row["by"] or "gateway", row["data"]) for row in reversed(rows)]

    async def _campaigns(self, query: Select[Any]) -> list[Campaign]:
        async with self._database.reader() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [_campaign(row) for row in rows]


async def write_log(connection: AsyncConnection, campaign_id: str, *entries: Entry) -> None:
    """Append to a campaign's log, in the transaction of what it tells."""
    rows: Sequence[dict[str, Any]] = [
        {
            "campaign_id": campaign_id,
            "id": uuid.uuid4().hex,
            "at": entry.at,
            "what": entry.what,
            "by": entry.by,
            "data": entry.data,
        }
        for entry in entries
    ]
    await connection.execute(insert(campaign_log), rows)


async def locked_report(connection: AsyncConnection, campaign_id: str) -> Report:
    """What the file held, as the books count it; nobody else counts until the transaction ends."""
    query = select(campaigns.c.report).where(campaigns.c.id == campaign_id)
    found = (await connection.execute(query.with_for_update(key_share=True))).scalar_one_or_none()
    return Report() if found is None else _report(found)


async def count_refused(connection: AsyncConnection, campaign_id: str, rows: int) -> None:
    """Count rows that could be called, and no more can, in the transaction of what it tells."""
    report = refused(await locked_report(connection, campaign_id), rows)
    change = update(campaigns).where(campaigns.c.id == campaign_id)
    await connection.execute(change.values(report=asdict(report)))


def refused(report: Report, rows: int) -> Report:
    """The report with more rows refused that could be called."""
    return replace(report, callable=report.callable - rows, refused=report.refused + rows)


def _campaign(row: RowMapping) -> Campaign:
    told = {one.name: row[one.name] for one in fields(Campaign)}
    told["report"] = _report(row["report"])
    told["state"] = CampaignState(row["state"])
    return Campaign(**told)


def _report(told: Mapping[str, Any]) -> Report:
    return Report(**{**told, "variables": tuple(told.get("variables", ()))})
