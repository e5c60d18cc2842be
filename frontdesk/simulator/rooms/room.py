"""Daily's rooms: who is in them, when they expire, and what those inside are told."""

import asyncio
import uuid
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

from frontdesk.simulator.rooms.client import RoomClient

__all__ = ["Presence", "Room", "RoomClient", "RoomExists", "Rooms"]

if TYPE_CHECKING:
    from frontdesk.simulator.clock import Clock
    from frontdesk.simulator.phone.leg import Leg


class RoomExists(ValueError):  # noqa: N818
    """A room of that name is there already."""


class Room:
    """One room. `sip_endpoint` has no `sip:` prefix; `created_at` is Unix time in seconds."""

    def __init__(
        self, name: str, url: str, properties: dict[str, Any], privacy: str, created_at: float
    ) -> None:
        self.id = str(uuid.uuid4())
        self.name = name
        self.url = url
        self.properties = properties
        self.privacy = privacy
        self.created_at = created_at
        self.sip_endpoints = _sip_endpoints(name, properties)
        self.ready_endpoints: set[str] = set()
        self.clients: dict[str, RoomClient] = {}
        self.legs: dict[str, Leg] = {}
        self.meeting_id: str | None = None
        self.meeting_started_at = 0.0

    @property
    def sip_endpoint(self) -> str | None:
        """The first SIP address of the room, or None when it takes no calls."""
        return self.sip_endpoints[0] if self.sip_endpoints else None

    def expired(self, now: float) -> bool:
        """Whether the room is past its `exp` (Unix seconds): a zombie for most of the API."""
        expires = self.properties.get("exp")
        return expires is not None and float(expires) <= now

    @property
    def occupied(self) -> bool:
        """Whether anybody, bot or phone, is inside."""
        return bool(self.clients or self.legs)

    def participants(self) -> list[dict[str, Any]]:
        """Everybody inside, bots first, as participant objects."""
        bots = [client.participant() for client in self.clients.values()]
        return bots + [leg.participant() for leg in self.legs.values()]

    def emit(self, event: str, *args: Any) -> None:
        """Tell every bot inside of an event."""
        for client in list(self.clients.values()):
            client.emit(event, *args)

    async def eject(self, ids: Iterable[str]) -> list[str]:
        """Throw participants out; returns the ids of those who were inside."""
        gone = []
        for participant_id in ids:
            if participant_id in self.clients:
                self.clients[participant_id].close()
                gone.append(participant_id)
            elif participant_id in self.legs:
                await self.legs[participant_id].end("ejected")
                gone.append(participant_id)
        return gone


def _sip_endpoints(name: str, properties: dict[str, Any]) -> list[str]:
    """Addresses in the form seen in webhooks, `<room>.<n>@daily-…-app.dapp.signalwire.com`."""
    sip = properties.get("sip")
    if not sip:
        return []
    count = int(sip.get("num_endpoints") or 1) if isinstance(sip, dict) else 1
    return [f"{name}.{number}@daily-23097230720-app.dapp.signalwire.com" for number in range(count)]


Presence: TypeAlias = Callable[[Room, RoomClient], None]


class Rooms:
    """Every room of the domain.

    `on_client_joined` and `on_client_left` are called with (room, client) after the fact; when the last bot
    has left, `room.clients` is already empty.
    """

    def __init__(self, clock: "Clock", base_url: str) -> None:
        self._clock = clock
        self._rooms: dict[str, Room] = {}
        self._by_sip: dict[str, Room] = {}
        self._expiries: dict[str, asyncio.Task[None]] = {}
        self.base_url = base_url
        self.on_client_joined: list[Presence] = []
        self.on_client_left: list[Presence] = []

    def create(self, name: str, properties: dict[str, Any], privacy: str) -> Room:
        """Make a room. Raises `RoomExists` if the name is taken by a room that has not expired."""
        now = self._clock.wall()
        taken = self._rooms.get(name)
        if taken and not taken.expired(now):
            raise RoomExists(name)
        room = Room(name, f"{self.base_url}/{name}", properties, privacy, now)
        self._rooms[name] = room
        self._by_sip.update(dict.fromkeys(room.sip_endpoints, room))
        return room

    def update(self, room: Room, properties: dict[str, Any], privacy: str) -> None:
        """Change a room's properties: SIP addresses follow its `sip` property, and its expiry counts anew."""
        room.properties, room.privacy = properties, privacy
        for endpoint in room.sip_endpoints:
            self._by_sip.pop(endpoint, None)
        room.sip_endpoints = _sip_endpoints(room.name, properties)
        self._by_sip.update(dict.fromkeys(room.sip_endpoints, room))
        self._forget_expiry(room)
        if room.clients:
            self._watch_expiry(room)

    def get(self, name: str) -> Room | None:
        """The room of that name, expired or not."""
        return self._rooms.get(name)

    def by_sip(self, endpoint: str) -> Room | None:
        """The room behind a SIP address, with or without the `sip:` prefix."""
        return self._by_sip.get(endpoint.removeprefix("sip:"))

    def all(self) -> list[Room]:
        """Every room, in the order of creation."""
        return list(self._rooms.values())

    async def delete(self, name: str, *, eject: bool = True) -> bool:
        """Remove a room and throw everybody out, unless told not to; False if there was none."""
        room = self._rooms.pop(name, None)
        if room is None:
            return False
        for endpoint in room.sip_endpoints:
            self._by_sip.pop(endpoint, None)
        if eject:
            await self._empty(room)
        return True

    def join(self, room: Room, client: RoomClient) -> None:
        """Let a bot in. The caller has checked its token."""
        room.clients[client.id] = client
        self._watch_expiry(room)
        for callback in self.on_client_joined:
            callback(room, client)

    def leave(self, room: Room, client: RoomClient) -> None:
        """A bot is gone; a second call does nothing."""
        if room.clients.pop(client.id, None) is None:
            return
        if not room.clients:
            self._forget_expiry(room)
        for callback in self.on_client_left:
            callback(room, client)

    async def close(self) -> None:
        """Throw everybody out of every room."""
        for room in self.all():
            await self._empty(room)

    async def _empty(self, room: Room) -> None:
        self._forget_expiry(room)
        await room.eject([*room.clients, *room.legs])

    def _watch_expiry(self, room: Room) -> None:
        ends = room.properties.get("exp") if room.properties.get("eject_at_room_exp") else None
        if ends is not None and room.name not in self._expiries:
            self._expiries[room.name] = asyncio.create_task(self._expire(room, float(ends)))

    def _forget_expiry(self, room: Room) -> None:
        task = self._expiries.pop(room.name, None)
        if task and task is not asyncio.current_task():
            task.cancel()

    async def _expire(self, room: Room, ends: float) -> None:
        await self._clock.sleep(ends - self._clock.wall())
        await self._empty(room)
