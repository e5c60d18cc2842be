"""The gateway hangs up by itself: lines are stopped, the room is emptied and deleted, the bot is stopped."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Protocol

from loguru import logger

from frontdesk.daily.api import DailyApi, no_such_room
from frontdesk.daily.cloud_sessions import CloudSessions
from frontdesk.daily.pace import Priority
from frontdesk.daily.removal import RoomRemover
from frontdesk.errors import DailyError

LOCAL_HOST = "local"
_CLEAN_UP_S = 1.0
"""How long an order waits for the deletion of a room that nobody is in; the next one asks again."""


class Closing(Protocol):
    """What is to be closed: an attempt's room, the dialed legs in it, and its bot."""

    @property
    def room(self) -> str | None:
        """The room's name; None when none was made."""

    @property
    def legs(self) -> Sequence[str]:
        """Daily's session ids of the dialed legs that ring or are open."""

    @property
    def host(self) -> str | None:
        """Where the bot runs: `local`, or an agent on Pipecat Cloud."""

    @property
    def host_session_id(self) -> str | None:
        """The host's id of the bot's session."""

    @property
    def stop_bot(self) -> bool:
        """Whether the bot must be stopped: it may not have ended by itself."""


class HangUp:
    """Executes what the life of a call orders. Whoever orders it repeats the order until it is confirmed.

    Args:
        api: Daily.
        rooms: Deletes rooms, what is urgent first.
        sessions: Stops bots on Pipecat Cloud.
        step_s: Longest time for one step, in seconds.
        turn_s: Longest time for the deletion, the wait for its turn included, in seconds.
    """

    def __init__(
        self,
        api: DailyApi,
        rooms: RoomRemover,
        sessions: CloudSessions,
        *,
        step_s: float = 3.0,
        turn_s: float = 6.0,
    ) -> None:
        self._api = api
        self._rooms = rooms
        self._sessions = sessions
        self._step_s = step_s
        self._turn_s = turn_s

    async def close(self, order: Closing) -> str | None:
        """Close one attempt.

        With legs or a bot to stop it is urgent: the legs are stopped, everybody is thrown out, then the
        room is deleted. Without, the room only waits its turn to be deleted. Never raises for Daily's or
        Pipecat Cloud's troubles.

        Returns:
            How it was confirmed: `deleted`, or `no_room` when there never was one. None when Daily did not
            confirm that the room is gone: to be repeated.
        """
        self._stop_bot(order)
        if not order.room:
            return "no_room"
        if order.legs or order.stop_bot:
            gone = await self._cut(order.room, order.legs)
        else:
            gone = await self._rooms.clean_up(order.room, _CLEAN_UP_S)
        return "deleted" if gone else None

    async def drain(self, timeout_s: float) -> None:
        """Wait for bots that are being stopped, but not longer than this."""
        await self._sessions.drain(timeout_s)

    async def _cut(self, room: str, legs: Sequence[str]) -> bool:
        """End what may still go on in a room."""
        await asyncio.gather(*(self._stop_leg(room, leg) for leg in legs))
        await self._step(self._empty(room), room, "emptied")
        deletion = self._rooms.delete(room, Priority.HANG_UP)
        return await self._step(deletion, room, "deleted", within_s=self._turn_s)

    def _stop_bot(self, order: Closing) -> None:
        if order.stop_bot and order.host_session_id and order.host not in {None, "", LOCAL_HOST}:
            self._sessions.stop(str(order.host), order.host_session_id)

    async def _stop_leg(self, room: str, leg: str) -> None:
        stop = self._api.ask("POST", f"/rooms/{room}/dialOut/stop", {"sessionId": leg})
        await self._step(stop, room, "rid of a phone")

    async def _empty(self, room: str) -> None:
        """Throw everybody out: whether the deletion of a room does is not documented."""
        answer = await self._api.ask("GET", f"/rooms/{room}/presence")
        people = answer.get("data") if isinstance(answer, dict) else None
        ids = [one["id"] for one in people or [] if isinstance(one, dict) and isinstance(one.get("id"), str)]
        if ids:
            await self._api.ask("POST", f"/rooms/{room}/eject", {"ids": ids[:100]})

    async def _step(
        self, work: Coroutine[Any, Any, Any], room: str, what: str, within_s: float | None = None
    ) -> bool:
        """Whether Daily did it, or there is nothing left to do it to."""
        try:
            async with asyncio.timeout(within_s or self._step_s):
                await work
        except TimeoutError:
            logger.warning("room {} was not {} in time", room, what)
            return False
        except DailyError as error:
            if no_such_room(error):
                return True
            logger.warning("room {} was not {}: {}", room, what, error.code)
            return False
        return True
