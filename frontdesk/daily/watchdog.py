"""Daily's events keep coming: an endpoint that Daily has given up is woken again."""

import asyncio
import random
from collections.abc import Awaitable, Callable

from loguru import logger

from frontdesk.daily.webhooks import DomainWebhooks
from frontdesk.errors import DailyError

MISSING, UNKNOWN, ACTIVE = "MISSING", "UNKNOWN", "ACTIVE"


class WebhookWatchdog:
    """Looks after our endpoint at Daily, every minute or so; several gateways may do so at once.

    Args:
        webhooks: Our endpoint.
        every_s: Seconds between two looks, on average; each is a fifth shorter or longer.
        sleep: How to wait, in seconds.
    """

    def __init__(
        self,
        webhooks: DomainWebhooks,
        *,
        every_s: float = 60.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._webhooks = webhooks
        self._every_s = every_s
        self._sleep = sleep
        self._told: str | None = None

    async def run(self) -> None:
        """Look after it until canceled."""
        while True:
            await self._sleep(self._every_s * random.uniform(0.8, 1.2))  # noqa: S311 - spreads gateways
            await self.look()

    async def look(self) -> str:
        """Look once: the state that was found, before it was mended."""
        try:
            state = await self._look()
        except DailyError as error:
            self._tell(UNKNOWN, f"the state of Daily's webhook is unknown: {error.code}")
            return UNKNOWN
        return state

    async def _look(self) -> str:
        found = await self._webhooks.ours()
        if not found:
            self._tell(MISSING, "Daily sends its events nowhere: run `frontdesk daily webhooks register`")
            return MISSING
        asleep = [webhook for webhook in found if not webhook.active]
        if len(asleep) < len(found):
            self._tell(ACTIVE, None)
            return ACTIVE
        await self._webhooks.wake(asleep[0])
        self._tell(ACTIVE, f"Daily had given up on our webhook ({asleep[0].state}); it is active again")
        return asleep[0].state

    def _tell(self, state: str, text: str | None) -> None:
        """Say it once, not every minute."""
        if text is not None and (state != self._told or state == ACTIVE):
            logger.warning("{}", text)
        self._told = state
