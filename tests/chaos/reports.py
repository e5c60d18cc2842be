"""What a light bot says over the link, with the bot's own sender."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from frontdesk.agent.link import Link
from frontdesk.agent.link_post import bearer, link_url, read_object
from frontdesk.calls.models import BotFact
from frontdesk.contract import AgentRequest
from frontdesk.ended import EndedReason

CLAIM_S = 60.0
"""How long a bot goes on asking whether it may dial."""
ONE_TRY = aiohttp.ClientTimeout(total=10)
LINGER_S = 60.0
"""How long a bot that has left goes on trying to deliver its last reports."""


class LinkReports:
    """Reports over the link."""

    def __init__(self, link: Link, http: aiohttp.ClientSession, request: AgentRequest) -> None:
        self._link = link
        self._http = http
        self._request = request
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

    async def may_dial(self) -> bool:
        """Claim the attempt, again until it is granted or not."""
        callback = self._request.callback
        assert callback is not None
        url = link_url(callback, self._request.call_id, "claim")
        body = {"session_id": f"{self._request.session_id}-{secrets.token_hex(3)}"}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLAIM_S):
                while True:
                    granted = await self._ask(url, body, bearer(callback))
                    if granted is not None:
                        return granted
                    await asyncio.sleep(0.3)
        return False

    async def _ask(self, url: str, body: Mapping[str, str], headers: Mapping[str, str]) -> bool | None:
        """One try; None when the gateway did not decide."""
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with self._http.post(url, json=body, headers=headers, timeout=ONE_TRY) as answer:
                content = await read_object(answer)
                if answer.status == 200:
                    return bool(content["granted"])
                if answer.status in {401, 403, 410} or content.get("retryable") is False:
                    return False
        return None


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
    reports = LinkReports(link, http, request)
    try:
        yield reports
    finally:
        await link.close(LINGER_S)
        note(f"{request.call_id} {reports.taken}")
