"""Bots on Pipecat Cloud that must go: their sessions are stopped (Pipecat Cloud REST, sessions)."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import aiohttp
from loguru import logger
from tenacity import AsyncRetrying, RetryError, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_exponential_jitter

from frontdesk.tasks import InFlight

_GONE = {HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST}  # 400: not the id of a session, says the description


class _NotStoppedError(Exception):
    """Pipecat Cloud did not stop a session; the text is its status."""


class CloudSessions:
    """Stops sessions in the background, again and again for about half a minute.

    A bot whose room is gone leaves by itself when it is alive; this is for the one that hangs.

    Args:
        http: The application's session.
        api_url: Pipecat Cloud's API, without a slash at its end.
        private_key: A private key; without one nothing is stopped.
        timeout_s: Longest wait for one answer.
        sleep: How to wait between two tries, in seconds.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        *,
        api_url: str,
        private_key: str | None,
        timeout_s: float = 5.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._http = http
        self._api_url = api_url
        self._headers = {"Authorization": f"Bearer {private_key}"} if private_key else None
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._sleep = sleep
        self._tasks = InFlight()
        self._stopping: set[str] = set()

    def stop(self, agent: str, session_id: str) -> None:
        """Stop a session soon; one that has ended is fine."""
        if self._headers is None or session_id in self._stopping:
            return
        self._stopping.add(session_id)
        self._tasks.start(self._stop(agent, session_id))

    async def drain(self, timeout_s: float) -> None:
        """Wait until every session is stopped, but not longer than this."""
        await self._tasks.drain(timeout_s)

    async def _stop(self, agent: str, session_id: str) -> None:
        attempts = AsyncRetrying(
            retry=retry_if_exception_type((_NotStoppedError, aiohttp.ClientError, TimeoutError)),
            stop=stop_after_attempt(6),
            wait=wait_exponential_jitter(multiplier=0.5, max=15, jitter=0.5),
            sleep=self._sleep,
        )
        try:
            await attempts(self._delete, agent, session_id)
        except RetryError:
            logger.warning("session {} of agent {} could not be stopped", session_id, agent)
        finally:
            self._stopping.discard(session_id)

    async def _delete(self, agent: str, session_id: str) -> None:
        url = f"{self._api_url}/agents/{agent}/sessions/{session_id}"
        async with self._http.delete(url, headers=self._headers, timeout=self._timeout) as answer:
            if answer.status >= HTTPStatus.BAD_REQUEST and answer.status not in _GONE:
                raise _NotStoppedError(answer.status)
