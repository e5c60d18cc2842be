"""Makes calls of a campaign's rows, just in time: only a few of them wait at any moment.

A row is accepted by a key of its own, so that it is one call however often it is tried, by however many
gateways, and whatever dies in between.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from loguru import logger

from frontdesk.calls.models import Data
from frontdesk.campaigns.acceptor import Acceptor
from frontdesk.campaigns.breaker import Breaker
from frontdesk.campaigns.calling import Calling, Fate, Outcome, Whole
from frontdesk.campaigns.checking import told
from frontdesk.campaigns.counts import Counting, Counts
from frontdesk.campaigns.models import Campaign, CampaignState
from frontdesk.campaigns.row_store import ProblemRow, Ready, RowStore
from frontdesk.campaigns.settings import CampaignSettings
from frontdesk.campaigns.store import CampaignStore, Entry
from frontdesk.errors import FrontdeskError, UnknownOrganizationError
from frontdesk.organizations import Organizations

_BY = "gateway"
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class LookAhead:
    """How many calls of a campaign may wait.

    Args:
        due: That could be made at once; enough to dial at full speed until the feeder looks again.
        later: That wait for a better hour, or for another attempt.
    """

    due: int
    later: int = 10_000

    @classmethod
    def at(cls, dials_per_s: float) -> "LookAhead":
        """Enough for a gateway that dials so fast."""
        return cls(due=20 + round(4 * dials_per_s))

    def room(self, counts: Counts, concurrency: int | None = None) -> int:
        """How many more rows may become calls; few of a campaign that may have few calls at once."""
        due = self.due if concurrency is None else min(self.due, 2 * concurrency + 2)
        later = counts.waiting - counts.queued
        return max(0, min(due - counts.queued, self.later - later))


class Feeder:
    """Feeds running campaigns, one pass at a time.

    Args:
        campaigns: In the books.
        rows: In the books.
        counting: Of their calls.
        breaker: Says when to pause.
        acceptance: Makes calls of rows.
        organizations: Whose campaigns.
        ahead: How many calls may wait.
        clock: UTC seconds.
    """

    def __init__(
        self,
        campaigns: CampaignStore,
        rows: RowStore,
        counting: Counting,
        breaker: Breaker,
        acceptance: Acceptor,
        organizations: Organizations,
        *,
        ahead: LookAhead,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._campaigns = campaigns
        self._rows = rows
        self._counting = counting
        self._breaker = breaker
        self._calling = Calling(rows, acceptance)
        self._organizations = organizations
        self._ahead = ahead
        self._clock = clock

    async def feed(self, campaign: Campaign) -> None:
        """One pass over a running campaign: pause it, make calls of rows, or complete it.

        Raises:
            DatabaseUnavailableError: The books are away; the next pass goes on where this one stopped.
        """
        settings = CampaignSettings.model_validate(campaign.settings)
        now = self._clock()
        why = await self._breaker.why_pause(campaign, settings.circuit_breaker, now)
        if why is not None:
            await self.pause(campaign, "calls_fail", why)
            return
        if settings.begins_at > now:
            return
        counts = await self._counting.open_states(campaign.id)
        room = self._ahead.room(counts, settings.concurrency)
        rows = (
            [] if settings.ends_at <= now else await self._rows.ready(campaign.id, campaign.fed, max(1, room))
        )
        if rows:
            await self._accept(campaign, settings, rows[:room])
        elif not counts.all:
            await self._complete(campaign)

    async def pause(self, campaign: Campaign, why: str, data: Data) -> None:
        """Pause a running campaign, and write down why.

        Raises:
            DatabaseUnavailableError: The books are away.
        """
        entry = Entry(self._clock(), "paused", _BY, {"why": why, **data})
        changed = {"state": CampaignState.PAUSED, "paused_why": why}
        if await self._campaigns.change(campaign.id, [CampaignState.RUNNING], entry, **changed):
            logger.warning("campaign {} is paused: {}", campaign.id, why)

    async def _complete(self, campaign: Campaign) -> None:
        """Every row has ended; a call that is still on its way into the books is not there yet."""
        ended = (await self._counting.of(campaign.id)).ended
        if ended < await self._rows.called(campaign.id):
            return
        now = self._clock()
        changed = {"state": CampaignState.COMPLETED, "ended_at": now}
        entry = Entry(now, "completed", _BY, {"calls": ended})
        if await self._campaigns.change(campaign.id, [CampaignState.RUNNING], entry, **changed):
            logger.info("campaign {} is complete", campaign.id)

    async def _accept(self, campaign: Campaign, settings: CampaignSettings, rows: Sequence[Ready]) -> None:
        try:
            organization = self._organizations.by_id(campaign.organization_id)
        except UnknownOrganizationError as error:
            await self.pause(campaign, "organization_gone", {"code": error.code})
            return
        whole = Whole(campaign.id, organization, settings.for_rows(), settings.timezone)
        for start in range(0, len(rows), _AT_ONCE):
            some = rows[start : start + _AT_ONCE]
            outcomes = await asyncio.gather(*(self._calling.call(whole, row) for row in some))
            stop = await self._note(campaign, outcomes)
            if stop is not None:
                await self._halt(campaign, stop)
                return

    async def _note(self, campaign: Campaign, outcomes: Sequence[Outcome]) -> Outcome | None:
        """Write down what became of rows; the first one at which feeding stops, if there is one.

        Calls behind that one are noted, too: they are made.
        """
        calls: list[tuple[int, str]] = []
        stop: Outcome | None = None
        behind: list[tuple[int, str]] = []
        for one in outcomes:
            if one.fate is Fate.CALLED:
                (calls if stop is None else behind).append((one.number, one.call_id))
            elif one.fate in {Fate.AGAIN, Fate.HALTS}:
                stop = stop or one
            elif stop is None and one.error is not None:
                await self._rows.fed(campaign.id, calls, self._clock())
                calls = []
                await self._refuse(campaign, one.number, one.error)
        await self._rows.fed(campaign.id, calls, self._clock())
        await self._rows.fed(campaign.id, behind, self._clock(), up_to=0)
        return stop

    async def _halt(self, campaign: Campaign, stop: Outcome) -> None:
        """Pause when it is no use to go on: every row stays what it was."""
        if stop.fate is Fate.HALTS and stop.error is not None:
            why: Data = {
                "row": stop.number,
                "code": stop.error.code,
                "problems": [dict(one) for one in told(stop.error)],
            }
            await self.pause(campaign, "rows_refused", why)

    async def _refuse(self, campaign: Campaign, number: int, error: FrontdeskError) -> None:
        entry = Entry(self._clock(), "row_refused", _BY, {"row": number, "code": error.code})
        await self._rows.refuse(campaign.id, ProblemRow(number, told(error)), entry)
