"""How far a campaign has come: its calls counted by state and reason."""

from dataclasses import dataclass, field

from sqlalchemy import func, select

from frontdesk.calls.models import State
from frontdesk.calls.tables import calls
from frontdesk.campaigns.models import Campaign, CampaignState
from frontdesk.storage.database import Database

PENDING = "pending"
NEVER_CALLED = {CampaignState.COMPLETED: "expired", CampaignState.CANCELED: "canceled"}
"""What a row is that was no call when its campaign came there."""
WAITING = (State.SCHEDULED, State.QUEUED, State.RESCHEDULED)


@dataclass(frozen=True, slots=True)
class Counts:
    """The calls of a campaign.

    Args:
        states: How many are in each state.
        reasons: How many have ended for each reason.
    """

    states: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def all(self) -> int:
        """All calls."""
        return sum(self.states.values())

    @property
    def ended(self) -> int:
        """Those that are over."""
        return self.states.get(State.ENDED, 0)

    @property
    def going_on(self) -> int:
        """Those that are being made at this moment."""
        return self.all - self.ended - self.waiting

    @property
    def waiting(self) -> int:
        """Those that wait for an attempt."""
        return sum(self.states.get(state, 0) for state in WAITING)

    @property
    def queued(self) -> int:
        """Those that could be made at once."""
        return self.states.get(State.QUEUED, 0)

    def rows_left(self, campaign: Campaign) -> dict[str, int]:
        """Rows that are no calls: `pending` while they may become some, else `expired` or `canceled`."""
        left = dict.fromkeys((PENDING, *NEVER_CALLED.values()), 0)
        left[NEVER_CALLED.get(campaign.state, PENDING)] = max(0, campaign.report.callable - self.all)
        return left


class Counting:
    """Counts the calls of campaigns.

    Args:
        database: The books.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, campaign_id: str) -> Counts:
        """All calls of a campaign.

        Raises:
            DatabaseUnavailableError: The books are away.
        """
        columns = (calls.c.state, calls.c.ended_reason)
        query = select(*columns, func.count().label("n")).where(calls.c.campaign_id == campaign_id)
        async with self._database.reader() as connection:
            rows = (await connection.execute(query.group_by(*columns))).all()
        states: dict[str, int] = {}
        reasons: dict[str, int] = {}
        for row in rows:
            states[row.state] = states.get(row.state, 0) + row.n
            if row.ended_reason:
                reasons[row.ended_reason] = reasons.get(row.ended_reason, 0) + row.n
        return Counts(states, reasons)

    async def open_states(self, campaign_id: str) -> Counts:
        """The calls that have not ended; cheap, however many have.

        Raises:
            DatabaseUnavailableError: The books are away.
        """
        query = select(calls.c.state, func.count().label("n")).where(
            calls.c.campaign_id == campaign_id, calls.c.state.in_([s for s in State if s is not State.ENDED])
        )
        async with self._database.reader() as connection:
            rows = (await connection.execute(query.group_by(calls.c.state))).all()
        return Counts({row.state: row.n for row in rows})

    async def ids(self, campaign_id: str, states: tuple[State, ...], limit: int) -> list[str]:
        """Ids of calls in one of these states.

        Raises:
            DatabaseUnavailableError: The books are away.
        """
        query = select(calls.c.id).where(calls.c.campaign_id == campaign_id, calls.c.state.in_(states))
        async with self._database.reader() as connection:
            return list((await connection.execute(query.limit(limit))).scalars())
