"""`/meeting-tokens` (Daily docs, meeting tokens)."""

from typing import TYPE_CHECKING, Any

from frontdesk.simulator.api import Request, Route
from frontdesk.simulator.rest.errors import invalid
from frontdesk.simulator.rest.fields import optional_object
from frontdesk.simulator.rest.properties import check_token_properties
from frontdesk.simulator.rooms.tokens import InvalidTokenError

if TYPE_CHECKING:
    from frontdesk.simulator.world import World


class MeetingTokenRoutes:
    """Make and check tokens."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def routes(self) -> list[Route]:
        """Their table."""
        return [
            Route("POST", "/meeting-tokens", self.create),
            Route("GET", "/meeting-tokens/{token}", self.read),
        ]

    async def create(self, request: Request) -> dict[str, str]:
        """Sign a token; a room that it names must exist."""
        properties = optional_object(request.body, "properties")
        check_token_properties(properties, self._world.switches)
        now = self._world.clock.wall()
        name = properties.get("room_name")
        if name is not None:
            room = self._world.rooms.get(name)
            if room is None or room.expired(now):
                raise invalid("room not found")
        given = {name: value for name, value in properties.items() if value is not None}
        return {"token": self._world.tokens.sign(given, key=request.key, now=now)}

    async def read(self, request: Request) -> dict[str, Any]:
        """Validate a token and show its properties."""
        ignore_nbf = request.query.get("ignoreNbf") == "true"
        now = self._world.clock.wall()
        try:
            return self._world.tokens.read(request.params["token"], now=now, ignore_nbf=ignore_nbf)
        except InvalidTokenError as error:
            raise invalid(str(error)) from error
