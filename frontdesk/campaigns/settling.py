"""Ends what a canceled campaign has left."""

import time
from collections import defaultdict
from collections.abc import Callable

from loguru import logger

from frontdesk.calls.ledger import Ledger
from frontdesk.calls.models import Fact, GatewayFact, Source, State
from frontdesk.campaigns.counts import WAITING, Counting
from frontdesk.campaigns.models import Campaign, CampaignState
from frontdesk.campaigns.row_store import RowStore
from frontdesk.campaigns.store import CampaignStore, Entry
from frontdesk.ended import EndedReason

_AT_ONCE = 100
_BY = "gateway"
_OPEN = tuple(state for state in State if state is not State.ENDED)


class Settling:
    """Calls off what a canceled campaign has waiting; what goes on only when that was asked for.

    Args:
        campaigns: In the books.
        rows: In the books.
        counting: Of their calls.
        ledger: Where it is recorded that a call is to be hung up.
        wake: Tells the reaper that a call, by its id, wants attention.
        clock: UTC seconds.
    """

    def __init__(
        self,
        campaigns: CampaignStore,
        rows: RowStore,
        counting: Counting,
        ledger: Ledger,
        wake: Callable[[str], object],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._campaigns = campaigns
        self._rows = rows
        self._counting = counting
        self._ledger = ledger
        self._wake = wake
        self._clock = clock
        self._asked: defaultdict[str, set[str]] = defaultdict(set)

    async def settle(self, campaign: Campaign) -> None:
        """One pass: call off what there is, or say that everything has ended.

        Raises:
            DatabaseUnavailableError: The books are away.
            NotRecordedError: Nothing takes the wish to hang up.
        """
        asked = self._asked[campaign.id]
        states = _OPEN if campaign.hang_up else WAITING
        found = await self._counting.ids(campaign.id, states, _AT_ONCE + len(asked))
        wanted = [call_id for call_id in found if call_id not in asked]
        if wanted:
            await self._ledger.record(*(self._wish(call_id) for call_id in wanted))
            asked.update(wanted)
            for call_id in wanted:
                self._wake(call_id)
            return
        if not (await self._counting.open_states(campaign.id)).all:
            await self._end(campaign)

    def _wish(self, call_id: str) -> Fact:
        """The same fact as when the CRM cancels the call itself."""
        data = {"why": EndedReason.CANCELED, "by": "campaign"}
        return Fact(
            call_id, "hang_up:canceled", Source.GATEWAY, GatewayFact.HANG_UP, self._clock(), 0, {**data}
        )

    async def _end(self, campaign: Campaign) -> None:
        ended = (await self._counting.of(campaign.id)).ended
        if ended < await self._rows.called(campaign.id):
            return
        now = self._clock()
        entry = Entry(now, "settled", _BY, {"calls": ended})
        if await self._campaigns.change(campaign.id, [CampaignState.CANCELED], entry, ended_at=now):
            logger.info("campaign {} is over: it was canceled", campaign.id)
        self._asked.pop(campaign.id, None)
