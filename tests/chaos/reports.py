"""What a light bot says over the link, with the bot's own sender."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from frontdesk.agent.link import Link
from frontdesk.calls.models import BotFact
from frontdesk.contract import AgentRequest
from frontdesk.ended import EndedReason

LINGER_S = 60.0
"""How long a bot that has left goes on trying to deliver its last reports."""


class LinkReports:
    """Reports over the link."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def tell(self, kind: BotFact, **data: Any) -> None:
        """Report one thing."""
        self._link.tell(kind.value, data)

    async def ordered(self) -> EndedReason:
        """Wait until the gateway wants the call to end."""
        return await self._link.ordered()


@asynccontextmanager
async def link_reports(request: AgentRequest, http: aiohttp.ClientSession) -> AsyncIterator[LinkReports]:
    """The link of one bot: beats while the block lasts, and delivers what is left at its end."""
    link = Link.of(request, http)
    assert link is not None
    link.start()
    try:
        yield LinkReports(link)
    finally:
        await link.close(LINGER_S)
