"""Daily's REST API and the start API as far as the gateway meets them, misbehaving on command."""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web


@dataclass
class Answer:
    """What a route answers once: a status and a body, or nothing at all."""

    status: int = 200
    body: Any = None
    text: str | None = None
    delay_s: float = 0
    hang: bool = False
    reset: bool = False
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Seen:
    """A request that arrived."""

    path: str
    headers: dict[str, str]
    body: Any


class Far:
    """`async with Far() as far:`; script answers in `far.rooms`, `.tokens`, `.starts`, `.deletes`.

    An empty script means the documented success. `far.present` says who is in a room, as Daily does.
    """

    def __init__(self) -> None:
        self.rooms: deque[Answer] = deque()
        self.tokens: deque[Answer] = deque()
        self.starts: deque[Answer] = deque()
        self.deletes: deque[Answer] = deque()
        self.probes: deque[Answer] = deque()
        self.always_start: Answer | None = None
        self.room_delay_s = 0.0
        self._named: set[str] = set()
        self.seen: list[Seen] = []
        self.deleted: list[str] = []
        self.asked: list[str] = []
        self.present: dict[str, list[dict[str, Any]]] = {}
        self._changed = asyncio.Event()
        self._released = asyncio.Event()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/v1/rooms", self._room)
        app.router.add_post("/v1/meeting-tokens", self._token)
        app.router.add_get("/v1/rooms", self._no_rooms)
        app.router.add_get("/v1/rooms/{name}/presence", self._presence)
        app.router.add_post("/v1/rooms/{name}/{what:eject|dialOut/stop}", self._fine)
        app.router.add_delete("/v1/rooms/{name}", self._delete)
        app.router.add_get("/v1/", self._probe)
        app.router.add_get("/status", self._probe)
        app.router.add_post("/start", self._start)
        app.router.add_post("/cloud/v1/public/{agent}/start", self._start)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._released.set()
        await self._runner.cleanup()

    def of(self, ending: str) -> list[Seen]:
        """The requests to paths with this ending."""
        return [seen for seen in self.seen if seen.path.endswith(ending)]

    async def until(self, condition: Callable[[], bool], deadline_s: float = 60) -> None:
        """Wait until something is true that a request to here makes true."""
        async with asyncio.timeout(deadline_s):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def release(self) -> None:
        """Let every hanging request end."""
        self._released.set()

    async def _room(self, request: web.Request) -> web.StreamResponse:
        body = await self._note(request)
        await asyncio.sleep(self.room_delay_s)
        if body["name"] in self._named:
            info = f"a room named {body['name']} already exists"
            return web.json_response({"error": "invalid-request-error", "info": info}, status=400)
        self._named.add(body["name"])
        room = {
            "id": "8f3f7d3c-9a1e-4d57-8f0d-5b7d3c7f0a11",
            "name": body["name"],
            "api_created": True,
            "privacy": "public",
            "url": f"https://clinic.daily.co/{body['name']}",
            "created_at": "2026-01-01T00:00:00.000Z",
            "config": dict(body["properties"]),
        }
        if "sip" in body["properties"]:
            room["config"]["sip_uri"] = {"endpoint": f"{body['name']}.0@daily-1-app.dapp.signalwire.com"}
        return await self._play(request, self.rooms, room)

    async def _no_rooms(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"total_count": 0, "data": []})

    async def _presence(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.match_info["name"])
        self._changed.set()
        people = self.present.get(request.match_info["name"], [])
        return web.json_response({"total_count": len(people), "data": people})

    async def _fine(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({})

    async def _token(self, request: web.Request) -> web.StreamResponse:
        await self._note(request)
        return await self._play(request, self.tokens, {"token": "eyJhbGciOiJIUzI1NiJ9.e30.c2VjcmV0"})

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        await self._note(request)
        answer = await self._play(request, self.deletes, {"deleted": True})
        if answer.status == 200:
            self.deleted.append(request.match_info["name"])
            self._named.discard(request.match_info["name"])
            self._changed.set()
        return answer

    async def _probe(self, request: web.Request) -> web.StreamResponse:
        await self._note(request)
        return await self._play(request, self.probes, {"status": "ready"})

    async def _start(self, request: web.Request) -> web.StreamResponse:
        await self._note(request)
        success = {"sessionId": "host-session"} if "public" in request.path else None
        if not self.starts and self.always_start is not None:
            self.starts.append(self.always_start)
        return await self._play(request, self.starts, success)

    async def _note(self, request: web.Request) -> Any:
        text = await request.text()
        body = json.loads(text) if text else None
        self.seen.append(Seen(request.path, dict(request.headers), body))
        self._changed.set()
        return body

    async def _play(self, request: web.Request, script: deque[Answer], success: Any) -> web.StreamResponse:
        answer = script.popleft() if script else Answer(body=success)
        if answer.delay_s:
            await asyncio.sleep(answer.delay_s)
        if answer.hang:
            await self._released.wait()
        if answer.reset and request.transport is not None:
            request.transport.abort()
        text = json.dumps(answer.body) if answer.text is None else answer.text
        return web.Response(
            status=answer.status, text=text, content_type="application/json", headers=answer.headers
        )
