"""Which campaigns must not dial now, and how many of their calls may go on at once."""

from sqlalchemy import select

from frontdesk.campaigns.models import CampaignState
from frontdesk.campaigns.tables import campaigns
from frontdesk.storage.database import Database


class Holds:
    """Asked before every dial of a campaign's call, and once more when its slot is taken.

    Every method raises `DatabaseUnavailableError` while the books are away.

    Args:
        database: The books.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def hold(self, campaign_id: str) -> str | None:
        """Why the campaign's calls must wait, such as `campaign_paused`; None when they may be made.

        A campaign that is not known holds its calls: nobody can say that it runs.
        """
        query = select(campaigns.c.state).where(campaigns.c.id == campaign_id)
        async with self._database.reader() as connection:
            state = (await connection.execute(query)).scalar_one_or_none()
        if state == CampaignState.RUNNING:
            return None
        return f"campaign_{state or 'unknown'}"

    async def most_at_once(self, campaign_id: str) -> int | None:
        """How many of the campaign's calls may go on at once; None for no limit of its own."""
        query = select(campaigns.c.settings).where(campaigns.c.id == campaign_id)
        async with self._database.reader() as connection:
            settings = (await connection.execute(query)).scalar_one_or_none()
        return (settings or {}).get("concurrency")
