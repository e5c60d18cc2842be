"""The launch of one call: a room, then a bot in it, or neither."""

import time
from dataclasses import dataclass

import aiohttp
from loguru import logger

from frontdesk.daily.removal import RoomRemover
from frontdesk.launch.call import Call
from frontdesk.settings import GatewaySettings
from server_utils import create_daily_room, start_bot


@dataclass(frozen=True, slots=True)
class Launched:
    """A bot is on its way into a room."""

    room_url: str
    session_id: str


class Launcher:
    """Gives calls a room and a bot."""

    def __init__(self, http: aiohttp.ClientSession, settings: GatewaySettings, remover: RoomRemover) -> None:
        self._http = http
        self._settings = settings
        self._remover = remover

    async def launch(self, call: Call, attempt: int = 1) -> Launched:
        """Make a room and start a bot in it; if the bot cannot be started, the room is deleted soon after.

        Raises:
            RoomError: Daily gave no room.
            LaunchError: No bot could be started.
        """
        began = time.perf_counter()
        room = await create_daily_room(
            call.line,
            self._http,
            self._settings,
            limits=call.limits,
            transfers=call.organization.transfers,
            abandon=self._remover.remove,
        )
        request = call.request(room, attempt)
        try:
            host_session = await start_bot(request, self._http, self._settings)
        except BaseException:
            self._remover.remove(room.name)
            raise
        logger.info(
            "bot started",
            direction=request.direction,
            room=room.name,
            organization=call.organization.slug,
            session_id=request.session_id,
            host_session_id=host_session,
            launch_ms=round((time.perf_counter() - began) * 1000),
        )
        return Launched(room.url, request.session_id)
