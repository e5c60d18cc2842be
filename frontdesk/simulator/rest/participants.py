"""Who is in a room, and throwing them out (Daily docs, presence and eject)."""

from typing import TYPE_CHECKING, Any

from frontdesk.simulator.api import Request, Route
from frontdesk.simulator.rest.apilog import iso
from frontdesk.simulator.rest.errors import invalid
from frontdesk.simulator.rest.fields import check_types, refuse_unknown, whole_number
from frontdesk.simulator.rest.rooms import live_room
from frontdesk.simulator.rooms.room import Room

if TYPE_CHECKING:
    from frontdesk.simulator.world import World

MAX_EJECTED = 100


class ParticipantRoutes:
    """Presence and eject."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def routes(self) -> list[Route]:
        """Their table."""
        return [
            Route("GET", "/rooms/{name}/presence", self.presence),
            Route("POST", "/rooms/{name}/eject", self.eject),
            Route("GET", "/presence", self.all_presence),
        ]

    async def presence(self, request: Request) -> dict[str, Any]:
        """Everybody in one room."""
        room = live_room(self._world, request.params["name"])
        people = self._people(room)
        for field, wanted in (
            ("userId", request.query.get("userId")),
            ("userName", request.query.get("userName")),
        ):
            people = [one for one in people if wanted is None or one[field] == wanted]
        limit = whole_number(request.query, "limit", len(people))
        return {"total_count": len(people), "data": people[:limit]}

    async def all_presence(self, _request: Request) -> dict[str, Any]:
        """Everybody in every room, by room name."""
        return {room.name: self._people(room) for room in self._world.rooms.all() if room.occupied}

    async def eject(self, request: Request) -> dict[str, Any]:
        """Throw participants out by participant id or user id."""
        room = live_room(self._world, request.params["name"])
        refuse_unknown(request.body, {"ids", "user_ids", "ban"})
        check_types(request.body, {"ids": "array", "user_ids": "array", "ban": "boolean"})
        ids, user_ids = request.body.get("ids") or [], request.body.get("user_ids") or []
        if max(len(ids), len(user_ids)) > MAX_EJECTED:
            raise invalid(f"at most {MAX_EJECTED} participants can be ejected at a time")
        chosen = [one["id"] for one in self._people(room) if one["id"] in ids or one["userId"] in user_ids]
        return {"ejectedIds": await room.eject(chosen)}

    def _people(self, room: Room) -> list[dict[str, Any]]:
        now = self._world.clock.wall()
        named_only = self._world.switches.presence_user_id == "null"
        return [_presence(room, one, now, named_only=named_only) for one in room.participants()]


def _presence(room: Room, participant: dict[str, Any], now: float, *, named_only: bool) -> dict[str, Any]:
    info = participant["info"]
    generated = info["userId"] == participant["id"]
    return {
        "room": room.name,
        "id": participant["id"],
        "userId": None if named_only and generated else info["userId"],
        "userName": info["userName"],
        "mtgSessionId": room.meeting_id,
        "joinTime": iso(info["joinedAt"]),
        "duration": max(0, int(now - info["joinedAt"])),
    }
