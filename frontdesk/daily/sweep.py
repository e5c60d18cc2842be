"""Rooms that no call needs any more, whoever forgot them, are found by their names and deleted."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Protocol

from loguru import logger

from frontdesk.daily.api import DailyApi
from frontdesk.daily.pace import Priority
from frontdesk.daily.presence import Presence
from frontdesk.daily.removal import RoomRemover
from frontdesk.daily.room_names import UNKNOWN_INSTALLATION, RoomName, parse_room
from frontdesk.errors import DailyError, DailyUnavailableError, DatabaseUnavailableError

_PAGE = 100
_MOST_PAGES = 200
_BETWEEN_PAGES_S = 0.25
_UNTIL_KNOWN_S = 1.0


class Installation(Protocol):
    """Whose rooms are ours."""

    @property
    def id(self) -> str:
        """Six hex digits in the names of our rooms."""


class CallLife(Protocol):
    """How a call stands."""

    @property
    def ended_at(self) -> float | None:
        """UTC seconds; None while it goes on."""


class KnownCall(Protocol):
    """A call of the ledger."""

    @property
    def state(self) -> CallLife:
        """How it stands."""


class Calls(Protocol):
    """The ledger, as far as the sweep needs it."""

    async def load(self, call_id: str) -> KnownCall | None:
        """The call of that id, if there is one."""


class RoomSweep:
    """Deletes rooms of ours whose call has ended, or was never written down. Others' rooms are not touched.

    A room that was made before we knew who we are is ours if we know its call; the others expire.

    Args:
        api: Daily.
        rooms: Deletes them, after everything that is urgent.
        calls: Knows which calls go on.
        installation: Ours.
        older_than_s: How long a room or the end of its call must lie back, in seconds.
        every_s: Seconds between two sweeps, on average; each pause is a fifth shorter or longer.
        clock: UTC seconds.
        sleep: How to wait, in seconds.
    """

    def __init__(
        self,
        api: DailyApi,
        rooms: RoomRemover,
        calls: Calls,
        installation: Installation,
        *,
        older_than_s: float = 600.0,
        every_s: float = 900.0,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._api = api
        self._rooms = rooms
        self._presence = Presence(api)
        self._calls = calls
        self._installation = installation
        self._older_than_s = older_than_s
        self._every_s = every_s
        self._clock = clock
        self._sleep = sleep

    async def run(self) -> None:
        """Sweep now and then until canceled; for the first time as soon as it is known what is ours."""
        while True:
            while self._own() is None:
                await self._sleep(_UNTIL_KNOWN_S)
            await self.sweep()
            await self._sleep(self._every_s * random.uniform(0.8, 1.2))  # noqa: S311 - spreads gateways

    async def sweep(self) -> int:
        """Sweep once; how many rooms were deleted. What goes wrong is left to the next sweep."""
        deleted = 0
        try:
            for name in await self._ours():
                if await self._is_left_over(name):
                    await self._rooms.delete(name, Priority.CLEAN_UP)
                    deleted += 1
        except (DailyError, DatabaseUnavailableError) as error:
            logger.warning("the sweep of rooms was cut short: {}", error.code)
        except Exception as error:  # noqa: BLE001 - the next sweep may succeed
            logger.error("the sweep of rooms failed: {}", type(error).__name__)
        if deleted:
            logger.info("{} rooms without a call were deleted", deleted)
        return deleted

    async def _ours(self) -> list[str]:
        """Names of our rooms that are old enough. All pages first: a deleted room ends the paging."""
        names: list[str] = []
        query = {"limit": str(_PAGE)}
        for _ in range(_MOST_PAGES):
            page = _rooms(await self._api.ask("GET", "/rooms", query=query))
            names += [room["name"] for room in page if self._may_go(room)]
            if len(page) < _PAGE:
                break
            query["starting_after"] = str(page[-1].get("id"))
            await self._sleep(_BETWEEN_PAGES_S)
        return names

    def _may_go(self, room: dict[str, Any]) -> bool:
        name = parse_room(str(room.get("name")))
        if name is None or name.installation not in {self._own(), UNKNOWN_INSTALLATION}:
            return False
        created_at = _unix(room.get("created_at"))
        return created_at is not None and self._clock() - created_at > self._older_than_s

    def _own(self) -> str | None:
        own = self._installation.id
        return None if own == UNKNOWN_INSTALLATION else own

    async def _is_left_over(self, room: str) -> bool:
        name = parse_room(room)
        assert isinstance(name, RoomName)  # noqa: S101 - chosen by its name
        call = await self._calls.load(name.call_id)
        if call is not None:
            ended_at = call.state.ended_at
            return ended_at is not None and self._clock() - ended_at > self._older_than_s
        if name.installation == UNKNOWN_INSTALLATION:
            return False
        who = await self._presence.ask(room)
        # With a phone in it, it may be a call that another gateway is still to write down.
        return who is not None and who.phones == 0


def _rooms(answer: Any) -> list[dict[str, Any]]:
    rooms = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(rooms, list):
        raise DailyUnavailableError("Daily answered with something that is not a list of rooms.")
    return [room for room in rooms if isinstance(room, dict)]


def _unix(text: object) -> float | None:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
