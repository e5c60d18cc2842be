"""Rooms that nobody needs any more are deleted: lines that must end at once, the rest gently."""

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
from loguru import logger
from tenacity import AsyncRetrying, RetryError, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_exponential_jitter

from frontdesk.daily.api import DailyApi, no_such_room
from frontdesk.daily.pace import Priority, Turns
from frontdesk.errors import DailyError
from frontdesk.tasks import InFlight

_DELETIONS, _WINDOW_S = 50, 30.0
"""Daily docs, REST API rate limits: DELETE /rooms/:name takes about two a second, or 50 in 30 seconds."""
_MOST_WAITING = 2000
_WORTH_WAITING = 10
"""With more rooms than this ahead of it, nobody waits for the deletion of one."""
_REMEMBERED = 5000


class RoomRemover:
    """Deletes rooms at the rate that Daily takes; what hangs up on somebody goes before cleaning up.

    Args:
        http: The application's session.
        api_url: Daily's REST API, without a slash at its end.
        api_key: Key of the Daily domain.
        timeout_s: Longest wait for one answer.
        sleep: How to wait between two tries, in seconds.
        turns: Daily's rate limit.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        *,
        api_url: str,
        api_key: str,
        timeout_s: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        turns: Turns | None = None,
    ) -> None:
        self._api = DailyApi(http, api_url=api_url, api_key=api_key, timeout_s=timeout_s)
        self._sleep = sleep
        self._turns = turns or Turns(_DELETIONS, _WINDOW_S)
        self._one_at_a_time = asyncio.Lock()
        self._tasks = InFlight()
        self._waiting: dict[str, asyncio.Task[None]] = {}
        self._deleted: dict[str, bool] = {}

    def remove(self, room_name: str) -> None:
        """Delete a room soon; a room that is gone already is fine.

        When too many wait, it is left to its own end: rooms expire, and the sweep looks after the rest.
        """
        self._remove_soon(room_name)

    async def clean_up(self, room_name: str, within_s: float) -> bool:
        """Delete a room soon; whether it is gone already. Asked again later, it does not cost a second turn.

        Args:
            room_name: Nobody is in it any more.
            within_s: How long to wait for it, when not many are ahead of it.
        """
        if self._was_deleted(room_name):
            return True
        task = self._remove_soon(room_name)
        if task is not None and len(self._waiting) <= _WORTH_WAITING:
            await asyncio.wait({task}, timeout=within_s)
        return self._was_deleted(room_name)

    async def delete(self, room_name: str, priority: Priority = Priority.HANG_UP) -> None:
        """Delete a room once, in its turn; a room that is gone already is fine.

        Raises:
            DailyError: Daily did not confirm that the room is gone.
        """
        await self._turns.take(priority)
        try:
            await self._api.ask("DELETE", f"/rooms/{room_name}")
        except DailyError as error:
            if not no_such_room(error):
                raise

    async def drain(self, timeout_s: float) -> None:
        """Wait until every room is deleted, but not longer than this; rooms end by themselves anyway."""
        await self._tasks.drain(timeout_s)

    def _remove_soon(self, room_name: str) -> asyncio.Task[None] | None:
        task = self._waiting.get(room_name)
        if task is None and len(self._waiting) >= _MOST_WAITING:
            logger.warning("room {} is left to its own end: too many wait to be deleted", room_name)
            return None
        if task is None:
            task = self._waiting[room_name] = self._tasks.start(self._remove(room_name))
            task.add_done_callback(lambda _: self._waiting.pop(room_name, None))
        return task

    async def _remove(self, room_name: str) -> None:
        attempts = AsyncRetrying(
            retry=retry_if_exception_type(DailyError),
            stop=stop_after_attempt(6),
            wait=wait_exponential_jitter(multiplier=0.5, max=15, jitter=0.5),
            sleep=self._sleep,
        )
        async with self._one_at_a_time:
            try:
                await attempts(self.delete, room_name, Priority.CLEAN_UP)
            except RetryError:
                logger.warning("room {} could not be deleted; it ends by itself", room_name)
                return
        self._remember(room_name)

    def _was_deleted(self, room_name: str) -> bool:
        """Told once: a room might be made again."""
        return self._deleted.pop(room_name, False)

    def _remember(self, room_name: str) -> None:
        self._deleted[room_name] = True
        if len(self._deleted) > _REMEMBERED:
            del self._deleted[next(iter(self._deleted))]
