"""Looks at all campaigns that somebody must see to, again and again."""

import asyncio
from collections.abc import Awaitable, Callable, Container
from contextlib import suppress
from dataclasses import dataclass, replace

from loguru import logger

from frontdesk.campaigns.feeder import Feeder
from frontdesk.campaigns.loading import Loader
from frontdesk.campaigns.models import Campaign, CampaignState
from frontdesk.campaigns.settling import Settling
from frontdesk.campaigns.store import CampaignStore
from frontdesk.errors import DatabaseUnavailableError, FrontdeskError

STOPPED = "was not read to the end, for the gateway stopped: send it again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """Who does what.

    Args:
        feeder: For campaigns that run.
        settling: For those that were canceled.
        loader: For those whose file was being read by a gateway that is no more.
        loading: Ids of those whose file is being read here.
    """

    feeder: Feeder
    settling: Settling
    loader: Loader
    loading: Container[str]


class Rounds:
    """Each campaign has one gateway that sees to it; a dead one's campaigns are taken over.

    Args:
        campaigns: In the books.
        hands: Who does what.
        own_id: Of this gateway.
        is_dead: Whether another gateway is no more.
        every_s: How often to look, in seconds, when nobody says that something is to be done.
    """

    def __init__(
        self,
        campaigns: CampaignStore,
        hands: Hands,
        *,
        own_id: str,
        is_dead: Callable[[str], Awaitable[bool]],
        every_s: float = 0.5,
    ) -> None:
        self._campaigns = campaigns
        self._hands = hands
        self._own_id = own_id
        self._is_dead = is_dead
        self._every_s = every_s
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Look at once."""
        self._wake.set()

    async def run(self) -> None:
        """Until canceled, whatever the database does."""
        while True:
            try:
                await self.once()
            except DatabaseUnavailableError:
                pass
            except Exception as error:  # noqa: BLE001 - it must go on
                logger.error("campaigns could not be looked at: {}", type(error).__name__)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._every_s)
            self._wake.clear()

    async def once(self) -> None:
        """One round.

        Raises:
            DatabaseUnavailableError: The books are away.
        """
        for campaign in await self._campaigns.at_work():
            if await self._is_ours(campaign):
                await self._see_to(replace(campaign, owner=self._own_id))

    async def _is_ours(self, campaign: Campaign) -> bool:
        if campaign.owner == self._own_id:
            return True
        if campaign.owner is not None and not await self._is_dead(campaign.owner):
            return False
        return await self._campaigns.take_over(campaign, self._own_id)

    async def _see_to(self, campaign: Campaign) -> None:
        try:
            await self._do(campaign)
        except DatabaseUnavailableError:
            raise
        except FrontdeskError as error:
            logger.warning("campaign {} waits: {}", campaign.id, error.code)
        except Exception as error:  # noqa: BLE001 - one campaign must not harm the others
            kind = type(error).__name__
            logger.error("campaign {} cannot go on: {}", campaign.id, kind)
            await self._hands.feeder.pause(campaign, "fault", {"error": kind})

    async def _do(self, campaign: Campaign) -> None:
        if campaign.state is CampaignState.RUNNING:
            await self._hands.feeder.feed(campaign)
        elif campaign.state is CampaignState.CANCELED:
            await self._hands.settling.settle(campaign)
        elif campaign.id not in self._hands.loading:
            await self._hands.loader.fail(campaign, STOPPED)
