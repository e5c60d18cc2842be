"""The launch of one call: a room, then a bot in it, or neither."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import aiohttp
from loguru import logger

from frontdesk.contract import AgentRequest
from frontdesk.daily.removal import RoomRemover
from frontdesk.daily.rooms import Room
from frontdesk.errors import LaunchError
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

    @contextmanager
    def launching(self, call: Call) -> Iterator["Launch"]:
        """The launch of one call; a room that got no bot is deleted soon after."""
        launch = Launch(call, self._http, self._settings, self._remover)
        try:
            yield launch
        finally:
            launch.close()


class Launch:
    """One call on its way to a bot; may be tried more than once."""

    def __init__(
        self, call: Call, http: aiohttp.ClientSession, settings: GatewaySettings, remover: RoomRemover
    ) -> None:
        self._call = call
        self._http = http
        self._settings = settings
        self._remover = remover
        self._attempt = 0
        self._room: Room | None = None

    async def attempt(self) -> Launched:
        """Make a room, or use the one of an attempt that certainly started no bot, and start a bot in it.

        Raises:
            RoomError: Daily gave no room.
            LaunchError: No bot could be started.
        """
        self._attempt += 1
        began = time.perf_counter()
        self._room = self._room or await self._make_room()
        request = self._call.request(self._room, self._attempt)
        host_session = await self._start(request)
        logger.info(
            "bot started",
            direction=request.direction,
            room=self._room.name,
            organization=request.organization_slug,
            session_id=request.session_id,
            host_session_id=host_session,
            launch_ms=round((time.perf_counter() - began) * 1000),
        )
        url, self._room = self._room.url, None
        return Launched(url, request.session_id)

    async def _start(self, request: AgentRequest) -> str | None:
        try:
            return await start_bot(request, self._http, self._settings)
        except LaunchError as error:
            if error.ambiguous:
                self.close()  # a bot that was started all the same must not meet the next one
            raise

    async def _make_room(self) -> Room:
        return await create_daily_room(
            self._call.line,
            self._http,
            self._settings,
            limits=self._call.limits,
            transfers=self._call.organization.transfers,
            abandon=self._remover.remove,
        )

    def close(self) -> None:
        """Give up the room, if there is one without a bot."""
        if self._room is not None:
            self._remover.remove(self._room.name)
            self._room = None
