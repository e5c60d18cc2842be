"""`/rooms` (Daily docs, rooms)."""

import re
import secrets
import string
from typing import TYPE_CHECKING, Any

from frontdesk.simulator.api import Problem, Request, Route
from frontdesk.simulator.rest.apilog import iso
from frontdesk.simulator.rest.errors import invalid, not_found
from frontdesk.simulator.rest.fields import check_choice, optional_object, refuse_unknown
from frontdesk.simulator.rest.pages import page
from frontdesk.simulator.rest.properties import check_room_properties
from frontdesk.simulator.rooms.room import Room, RoomExists

if TYPE_CHECKING:
    from frontdesk.simulator.world import World

_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_ALPHABET = string.ascii_letters + string.digits


class RoomRoutes:
    """Create, read, list, change and delete rooms."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def routes(self) -> list[Route]:
        """Their table."""
        return [
            Route("POST", "/rooms", self.create),
            Route("GET", "/rooms", self.list_rooms),
            Route("GET", "/rooms/{name}", self.read),
            Route("POST", "/rooms/{name}", self.update),
            Route("DELETE", "/rooms/{name}", self.delete, limit="deletes"),
        ]

    async def create(self, request: Request) -> dict[str, Any]:
        """Make a room; without a name it gets a random one."""
        refuse_unknown(request.body, {"name", "privacy", "properties"})
        name = request.body.get("name")
        if name is None:
            name = "".join(secrets.choice(_ALPHABET) for _ in range(20))
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise invalid("room name may hold letters, digits, - and _ only, at most 128 of them")
        privacy, properties = self._checked(request.body, "public")
        try:
            room = self._world.rooms.create(name, properties, privacy)
        except RoomExists as error:
            raise invalid(self._world.switches.room_exists_info.format(name=name)) from error
        return self.show(room)

    async def read(self, request: Request) -> dict[str, Any]:
        """One room."""
        return self.show(live_room(self._world, request.params["name"]))

    async def list_rooms(self, request: Request) -> dict[str, Any]:
        """All rooms that have not expired, newest first."""
        now = self._world.clock.wall()
        rooms = [room for room in reversed(self._world.rooms.all()) if not room.expired(now)]
        return page(rooms, request.query, cursor=lambda room: room.id, show=self.show)

    async def update(self, request: Request) -> dict[str, Any]:
        """Change privacy and properties; a property set to null is taken away."""
        room = live_room(self._world, request.params["name"])
        refuse_unknown(request.body, {"privacy", "properties"})
        privacy, properties = self._checked(request.body, room.privacy)
        removed = {name for name, value in (request.body.get("properties") or {}).items() if value is None}
        kept = {name: value for name, value in room.properties.items() if name not in removed}
        self._world.rooms.update(room, kept | properties, privacy)
        return self.show(room)

    async def delete(self, request: Request) -> dict[str, Any]:
        """Remove a room; by switch everybody inside is thrown out."""
        room = live_room(self._world, request.params["name"])
        await self._world.rooms.delete(room.name, eject=self._world.switches.room_deletion_ejects)
        return {"deleted": True, "name": room.name}

    def show(self, room: Room) -> dict[str, Any]:
        """A room as the REST API shows it; `sip_uri` has Daily's addresses for the room."""
        config = dict(room.properties)
        if room.sip_endpoints:
            prefix = "sip:" if self._world.switches.endpoint_prefix else ""
            first, *extra = [prefix + endpoint for endpoint in room.sip_endpoints]
            config["sip_uri"] = {"endpoint": first} | ({"extra_endpoints": extra} if extra else {})
        return {
            "id": room.id,
            "name": room.name,
            "api_created": True,
            "privacy": room.privacy,
            "url": room.url,
            "created_at": iso(room.created_at),
            "config": config,
        }

    def _checked(self, body: dict[str, Any], privacy: str) -> tuple[str, dict[str, Any]]:
        wanted = body.get("privacy") or privacy
        check_choice("privacy", wanted, ("public", "private"))
        properties = optional_object(body, "properties")
        check_room_properties(properties, self._world.switches)
        return wanted, {name: value for name, value in properties.items() if value is not None}


def live_room(world: "World", name: str) -> Room:
    """The room of that name; raises the 404 or 400 of the switch when there is none or it has expired."""
    room = world.rooms.get(name)
    if room is None or room.expired(world.clock.wall()):
        raise no_room(world, name)
    return room


def no_room(world: "World", name: str) -> Problem:
    """What a room that does not exist is answered."""
    if world.switches.unknown_room_status == 404:  # noqa: PLR2004
        return not_found(f"room {name} not found")
    return invalid("room not found")
