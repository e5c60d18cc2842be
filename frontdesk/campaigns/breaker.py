"""Pauses a campaign whose calls fail: nobody is called while something is broken."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, select

from frontdesk.calls.models import Data
from frontdesk.calls.tables import attempts
from frontdesk.campaigns.models import Campaign
from frontdesk.campaigns.settings import CircuitBreaker
from frontdesk.ended import EndedReason
from frontdesk.engine.tables import dial_slots
from frontdesk.storage.database import Database

_NEWEST = 500
_NAMED = 5


@dataclass(frozen=True, slots=True)
class EndedAttempt:
    """An attempt to call that is over; `failed`: for a reason that is not the callee's."""

    call_id: str
    failed: bool
    reason: str | None = None


def verdict(ended: Sequence[EndedAttempt], rule: CircuitBreaker) -> Data | None:
    """Why a campaign must be paused, for its log; None while it may go on.

    That every bot was busy is no failure: dialing slows down by itself.

    Args:
        ended: The attempts within the window, the newest first.
        rule: Of the campaign.
    """
    counted = [one for one in ended if one.reason != EndedReason.CAPACITY]
    failed = [one for one in counted if one.failed]
    if not rule.enabled or len(counted) < rule.least or len(failed) < rule.failed_share * len(counted):
        return None
    reasons = Counter(one.reason or "unknown" for one in failed)
    return {
        "failed": len(failed),
        "of": len(counted),
        "reasons": dict(reasons.most_common()),
        "calls": [one.call_id for one in failed[:_NAMED]],
    }


class Breaker:
    """Looks at how the calls of campaigns end.

    Args:
        database: The books.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def why_pause(self, campaign: Campaign, rule: CircuitBreaker, now: float) -> Data | None:
        """Why a campaign must be paused now; what was before it was resumed is forgotten.

        Raises:
            DatabaseUnavailableError: The books are away.
        """
        since = max(now - rule.window_s, campaign.running_since or 0.0)
        same = and_(attempts.c.call_id == dial_slots.c.call_id, attempts.c.number == dial_slots.c.attempt)
        query = (
            select(dial_slots.c.call_id, dial_slots.c.failed, attempts.c.ended_reason)
            .select_from(dial_slots.outerjoin(attempts, same))
            .where(dial_slots.c.campaign_id == campaign.id, dial_slots.c.released_at >= since)
            .where(attempts.c.ended_reason.is_distinct_from(EndedReason.CAPACITY))
            .order_by(dial_slots.c.released_at.desc())
            .limit(max(_NEWEST, rule.least))
        )
        async with self._database.reader() as connection:
            rows = (await connection.execute(query)).all()
        ended = [EndedAttempt(row.call_id, bool(row.failed), row.ended_reason) for row in rows]
        return verdict(ended, rule)
