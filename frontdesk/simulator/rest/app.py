"""Daily's REST API as one ASGI application, with its order of checks (facts: live-checked 2026-09-02).

Unknown path or method (404), then the shape of the Authorization header (400), then the key (401), then the
rate limit (429), then JSON, then the fields.
"""

import math
from typing import TYPE_CHECKING

from starlette.types import Scope

from frontdesk.simulator.api import JsonApi, Problem, Route
from frontdesk.simulator.rest.apilog import Exchange
from frontdesk.simulator.rest.calls import CallRoutes
from frontdesk.simulator.rest.dialin_config_routes import DialinConfigRoutes
from frontdesk.simulator.rest.errors import invalid
from frontdesk.simulator.rest.logs import LogRoutes
from frontdesk.simulator.rest.meeting_tokens import MeetingTokenRoutes
from frontdesk.simulator.rest.meetings import MeetingRoutes
from frontdesk.simulator.rest.numbers import NumberRoutes
from frontdesk.simulator.rest.participants import ParticipantRoutes
from frontdesk.simulator.rest.rooms import RoomRoutes
from frontdesk.simulator.rest.webhooks import WebhookRoutes

if TYPE_CHECKING:
    from frontdesk.simulator.world import World

_BEARER = "Bearer "
_NO_ROUTE = Problem(404, {"error": "not-found", "info": "api endpoint does not exist"})
_ODD_HEADER = Problem(400, {"error": "authorization-header-error", "info": "invalid authorization header"})
_WRONG_KEY = Problem(401, {"error": "authentication-error"})


def routes(world: "World") -> list[Route]:
    """Every endpoint of the simulated Daily."""
    parts = (
        RoomRoutes(world),
        MeetingTokenRoutes(world),
        ParticipantRoutes(world),
        CallRoutes(world),
        DialinConfigRoutes(world),
        NumberRoutes(world.numbers, world.clock, world.switches),
        WebhookRoutes(world),
        MeetingRoutes(world),
        LogRoutes(world),
    )
    return [route for part in parts for route in part.routes()]


class DailyRest(JsonApi):
    """Mount it under `/v1`."""

    def __init__(self, world: "World") -> None:
        super().__init__(routes(world))
        self._world = world
        self._refused = frozenset(world.settings.refused_api_keys)

    def no_route(self) -> Problem:
        """The same for an unknown path and a wrong method; there is no 405."""
        return _NO_ROUTE

    def too_large(self) -> Problem:
        """Nothing is documented for huge bodies."""
        return invalid("request entity too large")

    def bad_json(self, info: str) -> Problem:
        """The documented code; the text is the parser's."""
        return Problem(400, {"error": "json-parsing-error", "info": info})

    def bad_request(self, info: str) -> Problem:
        """JSON that is not an object."""
        return invalid(info)

    def authorize(self, route: Route, header: str | None) -> str:  # noqa: ARG002 (all routes want a key)
        """Check the header's shape, then the key."""
        key = (header or "").removeprefix(_BEARER).strip()
        if not header or not header.startswith(_BEARER) or not key:
            raise _ODD_HEADER
        wanted = self._world.settings.daily_api_key
        if key in self._refused or (wanted is not None and key != wanted):
            raise _WRONG_KEY
        self._world.tokens.saw_key(key)
        return key

    def admit(self, route: Route) -> None:
        """Count the request for its rate limit."""
        wait_s = self._world.limits.take(route.limit)
        if wait_s is None:
            return
        headers = {"Retry-After": str(math.ceil(wait_s))} if self._world.switches.retry_after else {}
        raise Problem(429, {"error": "rate-limit-error", "info": "rate limit exceeded"}, headers)

    def served(self, scope: Scope, status: int, request: bytes, response: bytes) -> None:
        """Keep the exchange for `/logs/api`."""
        at, path = self._world.clock.wall(), scope["path"]
        self._world.api_log.add("api", Exchange(at, scope["method"], path, status, request, response))
