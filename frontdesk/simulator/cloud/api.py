"""Pipecat Cloud's HTTP API: start with a public key, sessions with a private one; under `/cloud/v1`."""

import uuid
from typing import TYPE_CHECKING, Any

from frontdesk.simulator.api import JsonApi, Problem, Request, Route
from frontdesk.simulator.cloud.errors import cloud_error
from frontdesk.simulator.cloud.sessions import Agent, Session, session_object
from frontdesk.simulator.webhooks.dialin import compact

if TYPE_CHECKING:
    from frontdesk.simulator.world import World

MAX_BODY, MAX_WEBSOCKET_BODY = 2**20, 4096
PUBLIC_PREFIX = "pk_"
_BEARER = "Bearer "
_OBJECTS = ("body", "dailyRoomProperties", "dailyMeetingTokenProperties")
_FLAGS = ("createDailyRoom", "enableDefaultIceServers")


class CloudApi(JsonApi):
    """Serves `POST /public/{agent}/start` and `/agents/{agent}/sessions`."""

    max_body = MAX_BODY

    def __init__(self, world: "World") -> None:
        self._world = world
        self._cloud = world.cloud
        sessions, one = "/agents/{agent}/sessions", "/agents/{agent}/sessions/{session}"
        super().__init__(
            [
                Route("POST", "/public/{agent}/start", self.start),
                Route("GET", sessions, self.list_sessions),
                Route("GET", one, self.read_session),
                Route("DELETE", one, self.stop_session),
            ]
        )

    def no_route(self) -> Problem:
        """An unknown endpoint."""
        return cloud_error(404, "API endpoint not found")

    def too_large(self) -> Problem:
        """More than 1 MB: refused before a bot starts."""
        return cloud_error(413)

    def bad_json(self, info: str) -> Problem:
        """Not JSON."""
        return cloud_error(400, f"Invalid request: {info}")

    def bad_request(self, info: str) -> Problem:
        """JSON of the wrong shape."""
        return cloud_error(400, f"Invalid request: {info}")

    def authorize(self, route: Route, header: str | None) -> str:
        """Public keys start bots, private keys see sessions."""
        settings = self._world.settings
        key = (header or "").removeprefix(_BEARER)
        public = route.segments[0] == "public"
        wanted = settings.cloud_public_key if public else settings.cloud_private_key
        prefix = PUBLIC_PREFIX if public else self._world.switches.private_key_prefix
        known = key == wanted if wanted is not None else key.startswith(prefix) and len(key) > len(prefix)
        if not header or not header.startswith(_BEARER) or not known or key in settings.refused_api_keys:
            raise cloud_error(401)
        return key

    async def start(self, request: Request) -> dict[str, Any]:
        """Check a start request, then start a bot."""
        body = request.body
        for name in _FLAGS:
            if body.get(name) is not None and not isinstance(body[name], bool):
                raise self.bad_request(f"{name} must be a boolean")
        for name in _OBJECTS:
            if body.get(name) is not None and not isinstance(body[name], dict):
                raise self.bad_request(f"{name} must be an object")
        self._check_transport(body)
        return await self._cloud.start(request.params["agent"], body)

    async def list_sessions(self, request: Request) -> dict[str, Any]:
        """Sessions of an agent, newest first."""
        agent = self._agent(request)
        query = request.query
        limit, offset = _count(query, "limit", 10), _count(query, "offset", 0)
        found = [one for one in reversed(agent.sessions.values()) if _fits(one, query)]
        shown = [session_object(one) for one in found[offset : offset + limit]]
        return {"total_count": len(found), "sessions": shown}

    async def read_session(self, request: Request) -> dict[str, Any]:
        """One session."""
        return session_object(self._session(request), details=True)

    async def stop_session(self, request: Request) -> dict[str, str]:
        """Stop a session at once."""
        session = self._session(request)
        await self._cloud.stop(session)
        return {"status": "terminated", "session_id": session.id}

    def _check_transport(self, body: dict[str, Any]) -> None:
        transport = body.get("transport")
        if transport not in {None, "daily", "webrtc", "websocket"}:
            raise self.bad_request("transport must be one of daily, webrtc, websocket")
        if transport == "websocket" and len(compact(body.get("body") or {})) > MAX_WEBSOCKET_BODY:
            raise self.too_large()
        if transport in {"webrtc", "websocket"}:
            raise self.bad_request(f"the simulator has no {transport} transport")

    def _agent(self, request: Request) -> Agent:
        agent = self._cloud.agents.get(request.params["agent"])
        if agent is None:
            raise cloud_error(404)
        return agent

    def _session(self, request: Request) -> Session:
        agent = self._agent(request)
        try:
            wanted = str(uuid.UUID(request.params["session"]))
        except ValueError as error:
            raise cloud_error(400, "Invalid session ID format") from error
        session = agent.sessions.get(wanted)
        if session is None:
            raise cloud_error(404, "Session not found")
        return session


def _count(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isascii() or not text.isdecimal():
        raise cloud_error(400, "Invalid parameters")
    return int(text)


def _fits(session: Session, query: dict[str, str]) -> bool:
    status, start_type = query.get("status", "all"), query.get("startType", "all")
    if status not in {"active", "ended", "all"} or start_type not in {"cold", "warm", "all"}:
        raise cloud_error(400, "Invalid parameters")
    state = "active" if session.ended_at is None else "ended"
    kind = "cold" if session.cold else "warm"
    return status in {"all", state} and start_type in {"all", kind}
