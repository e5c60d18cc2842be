"""What the gateway depends on: Daily, the host of the bots, and the books."""

import asyncio
import time
from collections.abc import Callable
from http import HTTPStatus

import aiohttp
from sqlalchemy import text

from frontdesk.errors import DatabaseUnavailableError
from frontdesk.settings import GatewaySettings, url_text
from frontdesk.storage.database import Database

_TIMEOUT_S = 3
_REMEMBERED_S = 10


class Readiness:
    """Asks all of them whether they answer; remembers it for ten seconds, to spare them.

    Args:
        http: The application's session.
        settings: Where they are.
        database: Holds the books.
        now: Monotonic seconds.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        settings: GatewaySettings,
        database: Database,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._settings = settings
        self._database = database
        self._now = now
        self._asked = float("-inf")
        self._checks: dict[str, str] = {}
        self._one_at_a_time = asyncio.Lock()

    async def checks(self) -> dict[str, str]:
        """Each part with `ok` or, in a word or two, what is wrong with it."""
        async with self._one_at_a_time:
            if self._now() - self._asked > _REMEMBERED_S:
                daily, bots, books = await asyncio.gather(self._daily(), self._bots(), self._books())
                self._checks = {"daily": daily, "bots": bots, "database": books}
                self._asked = self._now()
        return self._checks

    async def _daily(self) -> str:
        key = self._settings.daily_api_key.get_secret_value()
        url = f"{url_text(self._settings.daily_api_url)}/"
        status = await self._status(url, {"Authorization": f"Bearer {key}"})
        refused = {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
        return "key refused" if status in refused else _verdict(status)

    async def _bots(self) -> str:
        """Pipecat Cloud documents no probe for a public key: that it answers at all must do."""
        if self._settings.production:
            return _verdict(await self._status(url_text(self._settings.pipecat_api_url), {}))
        return _verdict(await self._status(f"{url_text(self._settings.local_server_url)}/status", {}))

    async def _books(self) -> str:
        try:
            async with asyncio.timeout(_TIMEOUT_S), self._database.reader() as connection:
                await connection.execute(text("SELECT 1"))
        except (DatabaseUnavailableError, TimeoutError):
            return "unreachable"
        return "ok"

    async def _status(self, url: str, headers: dict[str, str]) -> int | None:
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        try:
            async with self._http.get(url, headers=headers, timeout=timeout, allow_redirects=False) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None


def _verdict(status: int | None) -> str:
    if status is None:
        return "unreachable"
    return "ok" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "failing"
