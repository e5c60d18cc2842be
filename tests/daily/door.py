"""POST /daily-events alone, on a loopback port, as Daily meets it."""

import asyncio
import contextlib
import io
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import uvicorn
from fastapi import FastAPI

from frontdesk.daily.events import routes
from frontdesk.daily.events.routes import EventsDoor, Receiver
from frontdesk.daily.webhooks import EVENTS_PATH
from frontdesk.doors.problems import install_problem_handlers
from frontdesk.doors.signature import SignatureCheck, sign

SECRET = "ZXZlbnRzLXNlY3JldC0wMTIzNDU2Nzg5"


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass
class Door:
    """Where it is, and how it behaves: `statuses` are answered instead, one each."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    seen: int = 0

    async def knock(
        self,
        body: object,
        secret: str | None = SECRET,
        timestamp: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        """Post as Daily does; unsigned without a secret. Status and JSON of the answer."""
        content = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
        sent = {"Content-Type": "application/json"}
        if secret is not None:
            stamp = timestamp or str(int(time.time() * 1000))
            sent |= {"X-Webhook-Timestamp": stamp, "X-Webhook-Signature": sign(secret, stamp, content)}
        sent |= headers or {}
        async with (
            aiohttp.ClientSession() as http,
            http.post(self.url, data=io.BytesIO(content), headers=sent) as answer,
        ):
            return answer.status, await answer.json(content_type=None)


@asynccontextmanager
async def door_of(
    inbox: Receiver, secret: str | None = SECRET, *, open_locally: bool = True
) -> AsyncIterator[Door]:
    """Open a door before an inbox."""
    door = Door()
    app = FastAPI()
    app.state.daily_events = EventsDoor(
        inbox, SignatureCheck(secret, 300) if secret else None, open_locally=open_locally
    )
    routes.install(app)
    install_problem_handlers(app)
    server = _Server(uvicorn.Config(_moody(app, door), "127.0.0.1", 0, log_level="error", lifespan="off"))
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(60):
        while not server.started:
            await asyncio.sleep(0.005)
    door.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}{EVENTS_PATH}"
    try:
        yield door
    finally:
        server.should_exit = True
        await task


def _moody(app: FastAPI, door: Door) -> Any:
    async def serve(scope: Any, receive: Any, send: Any) -> None:
        door.seen += 1
        if not door.statuses:
            await app(scope, receive, send)
            return
        status = door.statuses.pop(0)
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    return serve
