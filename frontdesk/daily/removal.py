"""Rooms that nobody needs any more are deleted in the background, gently."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import aiohttp
from loguru import logger
from tenacity import AsyncRetrying, RetryError, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_exponential_jitter

from frontdesk.tasks import InFlight


class _NotDeletedError(Exception):
    """Daily did not delete a room; the text is its status."""


class RoomRemover:
    """Deletes rooms one after the other: Daily takes two a second (Daily docs, REST API rate limits).

    Args:
        http: The application's session.
        api_url: Daily's REST API, without a slash at its end.
        api_key: Key of the Daily domain.
        timeout_s: Longest wait for one answer.
        sleep: How to wait, in seconds.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        *,
        api_url: str,
        api_key: str,
        timeout_s: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._http = http
        self._api_url = api_url
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._sleep = sleep
        self._one_at_a_time = asyncio.Lock()
        self._tasks = InFlight()

    def remove(self, room_name: str) -> None:
        """Delete a room soon; a room that is gone already is fine."""
        self._tasks.start(self._remove(room_name))

    async def drain(self, timeout_s: float) -> None:
        """Wait until every room is deleted, but not longer than this; rooms end by themselves anyway."""
        await self._tasks.drain(timeout_s)

    async def _remove(self, room_name: str) -> None:
        attempts = AsyncRetrying(
            retry=retry_if_exception_type((_NotDeletedError, aiohttp.ClientError, TimeoutError)),
            stop=stop_after_attempt(6),
            wait=wait_exponential_jitter(multiplier=0.5, max=15, jitter=0.5),
            sleep=self._sleep,
        )
        async with self._one_at_a_time:
            try:
                await attempts(self._delete, room_name)
            except RetryError:
                logger.warning("room {} could not be deleted; it ends by itself", room_name)

    async def _delete(self, room_name: str) -> None:
        url = f"{self._api_url}/rooms/{room_name}"
        async with self._http.delete(url, headers=self._headers, timeout=self._timeout) as answer:
            if answer.status not in {HTTPStatus.OK, HTTPStatus.NOT_FOUND}:
                raise _NotDeletedError(answer.status)
