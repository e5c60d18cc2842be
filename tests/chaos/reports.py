"""What a light bot says over the link, with the bot's own sender."""

from collections.abc import AsyncIterator, Callable
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
        self._told = 0

    def tell(self, kind: BotFact, **data: Any) -> None:
        """Report one thing."""
        self._told += 1
        self._link.tell(kind.value, data)

    @property
    def taken(self) -> int:
        """How many reports the gateway has taken, once the link is closed; 0 when it wanted no more."""
        return 0 if self._link._stopped else self._told - len(self._link._queue)

    async def ordered(self) -> EndedReason:
        """Wait until the gateway wants the call to end."""
        return await self._link.ordered()


@asynccontextmanager
async def link_reports(
    request: AgentRequest, http: aiohttp.ClientSession, note: Callable[[str], None]
) -> AsyncIterator[LinkReports]:
    """The link of one bot: beats while the block lasts, and delivers what is left at its end.

    Args:
        request: Of the bot.
        http: HTTP client.
        note: Told, when everything is over, the call's id and how many reports were taken.
    """
    link = Link.of(request, http)
    assert link is not None
    link.start()
    reports = LinkReports(link)
    try:
        yield reports
    finally:
        await link.close(LINGER_S)
        note(f"{request.call_id} {reports.taken}")
