"""An HTTP endpoint that keeps what it is sent, the REST API at hand, and patience."""

import asyncio
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

DEADLINE_S = 30.0
KEY = {"Authorization": "Bearer a-key"}


async def eventually(holds: Callable[[], bool]) -> None:
    """Wait until something holds; raises TimeoutError after half a minute."""
    async with asyncio.timeout(DEADLINE_S):
        while not holds():
            await asyncio.sleep(0.005)


@dataclass
class Caught:
    """One request that came in."""

    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


@dataclass
class Catcher:
    """Keeps every request and answers as told: the next of `statuses`, else 200, with `answer` as JSON."""

    url: str = ""
    caught: list[Caught] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    answer: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Self:
        self.gate.set()
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._serve)
        self._server = TestServer(app, host="127.0.0.1")
        await self._server.start_server()
        self.url = str(self._server.make_url("/")).rstrip("/")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.gate.set()
        await self._server.close()

    async def _serve(self, request: web.Request) -> web.Response:
        self.caught.append(Caught(request.path, dict(request.headers), await request.read()))
        status = self.statuses.pop(0) if self.statuses else 200
        await self.gate.wait()
        return web.json_response(self.answer, status=status, headers=self.headers)

    async def wait_for(self, count: int) -> list[Caught]:
        await eventually(lambda: len(self.caught) >= count)
        return self.caught


class Api:
    """An HTTP API by its base URL: `await api("POST", "/rooms", {...})` gives status and JSON."""

    def __init__(
        self, base_url: str, http: aiohttp.ClientSession, headers: dict[str, str] | None = None
    ) -> None:
        self.base_url = base_url
        self._http = http
        self._headers = KEY if headers is None else headers

    async def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        more.setdefault("headers", self._headers)
        if body is not None:
            more["data"] = io.BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
        async with self._http.request(method, self.base_url + path, **more) as reply:
            raw = await reply.read()
            return reply.status, json.loads(raw) if raw else None
