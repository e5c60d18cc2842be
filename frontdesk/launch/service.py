"""The launch of one call: a room, then a bot in it, or neither."""

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import aiohttp
from loguru import logger

from frontdesk.contract import AgentRequest, DialinSettings
from frontdesk.crm.callers import Callers
from frontdesk.daily.removal import RoomRemover
from frontdesk.daily.rooms import Room
from frontdesk.errors import FrontdeskError, LaunchError, RoomError, RoomNameTakenError
from frontdesk.launch.books import Books
from frontdesk.launch.call import Call
from frontdesk.link.callbacks import Callbacks
from frontdesk.settings import GatewaySettings
from server_utils import create_daily_room, start_bot

Ours = Callable[[RoomError | None], Awaitable[None]]
"""Raises when a call is not ours to launch; told how its room could not be made."""


@dataclass(frozen=True, slots=True)
class Launched:
    """A bot is on its way into a room."""

    room_url: str
    session_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Launcher:
    """Gives calls a room and a bot.

    Args:
        http: The application's session.
        settings: Where Daily and the host of the bots are.
        remover: Deletes rooms that never became a call's.
        books: Told of every step.
        callbacks: What bots are told of the link.
        callers: What the CRM says of callers.
    """

    http: aiohttp.ClientSession
    settings: GatewaySettings
    remover: RoomRemover
    books: Books
    callbacks: Callbacks
    callers: Callers

    @contextmanager
    def launching(self, call: Call, *, first: int = 1, ours: Ours | None = None) -> Iterator["Launch"]:
        """The launch of one call; a room that got no bot is deleted soon after.

        Args:
            call: Its first attempt is in the books, or about to be.
            first: Number of that attempt.
            ours: Awaited between room and bot.
        """
        launch = Launch(call, self, first, ours)
        try:
            yield launch
        finally:
            launch.close()


class Launch:
    """One call on its way to a bot; may be tried more than once.

    A try that may have left a room or a bot behind is followed by another attempt with a room of its own.
    """

    def __init__(self, call: Call, launcher: Launcher, first: int, ours: Ours | None) -> None:
        self._call = call
        self._by = launcher
        self._number = first
        self._ours = ours
        self._room: Room | None = None
        self._may_exist: list[str] = []
        self._spoiled: FrontdeskError | None = None
        self._bot_may_dial = False

    async def attempt(self) -> Launched:
        """Make a room, or use the one of a try that certainly started no bot, and start a bot in it.

        Raises:
            RoomError: Daily gave no room.
            LaunchError: No bot could be started.
            Exception: Whatever `ours` raises.
        """
        self._move_on()
        began = time.perf_counter()
        try:
            room = self._room = self._room or await self._make_room()
        except RoomError as error:
            await self._check_ours(error)
            if self._may_exist or isinstance(error, RoomNameTakenError):
                self._spoiled = error
            raise
        await self._check_ours()
        request = self._request(room)
        await self._start(request, room, began)
        self._room = None
        return Launched(room.url, request.session_id)

    async def give_up(self, error: FrontdeskError, *, final: bool = True) -> None:
        """No bot will come: write it down, and leave the rest to whoever closes the attempts of the books.

        Args:
            error: Why.
            final: No other attempt follows, whatever the plan of the call says.
        """
        room_made = bool(self._room or self._may_exist or self._spoiled)
        call_id, books = self._call.call_id, self._by.books
        if await books.gave_up(call_id, self._number, error, room_made=room_made, final=final):
            self._room = None
            self._may_exist.clear()

    def close(self) -> None:
        """Give up rooms without a bot that nobody else will delete.

        That of a call out whose bot may be dialing is left: whoever closes the attempts of the books knows.
        """
        if self._bot_may_dial:
            return
        names = [self._room.name] if self._room else self._may_exist
        for name in names:
            self._by.remover.remove(name)
        self._room = None
        self._may_exist = []

    def _move_on(self) -> None:
        """Leave an attempt behind that may have left something behind; the reaper clears it away."""
        if self._spoiled is None:
            return
        self._number += 1
        self._by.books.moved_on(self._call, self._number, self._spoiled)
        self._spoiled = self._room = None
        self._may_exist = []

    async def _check_ours(self, error: RoomError | None = None) -> None:
        if self._ours is None:
            return
        try:
            await self._ours(error)
        except Exception:
            self._may_exist.clear()  # the room of this name is another gateway's, not ours to delete
            raise

    async def _make_room(self) -> Room:
        return await create_daily_room(
            self._call.line,
            self._by.http,
            self._by.settings,
            name=self._call.room(self._number),
            limits=self._call.limits,
            transfers=self._call.organization.transfers,
            abandon=self._may_exist.append,
        )

    def _request(self, room: Room) -> AgentRequest:
        call, callers = self._call, self._by.callers
        incoming = isinstance(call.line, DialinSettings)
        context = callers.known(call.call_id) if incoming else None
        ask = incoming and context is None and callers.asked(call.call_id)
        callback = self._by.callbacks.callback_for(call.call_id, self._number, call.limits, ask_context=ask)
        return call.request(room, self._number, callback=callback, context=context)

    async def _start(self, request: AgentRequest, room: Room, began: float) -> None:
        incoming = isinstance(self._call.line, DialinSettings)
        self._bot_may_dial = not incoming
        try:
            host = await start_bot(request, self._by.http, self._by.settings)
        except LaunchError as error:
            self._bot_may_dial = self._bot_may_dial and error.ambiguous
            if error.ambiguous:
                self._spoiled = error
            if error.ambiguous and incoming:
                self._by.remover.remove(room.name)  # a bot that was started all the same must find nobody
            raise
        self._by.books.started(self._call.call_id, self._number, request.session_id, host, room.url)
        logger.info(
            "bot started",
            direction=request.direction,
            attempt=self._number,
            organization=request.organization_slug,
            session_id=request.session_id,
            host_session_id=host.id,
            launch_ms=round((time.perf_counter() - began) * 1000),
        )
