"""The real gateway on a loopback port inside the test's event loop."""

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import uvicorn
from fastapi import FastAPI

from frontdesk.doors.shutdown import Deadline, Server
from frontdesk.doors.signature import sign
from frontdesk.engine.memory_queue import MemoryQueue
from frontdesk.settings import GatewaySettings
from frontdesk.tuning import Tuning
from server import UVICORN, create_app

SECRET = "dGVzdC1zZWNyZXQtMDEyMzQ1Njc4OQ=="
KEY = "test-key-1"
UNHURRIED: dict[str, Any] = {
    "outreach_rules": "off",
    "capacity": 5000,
    "dial_starts_per_s": 100,
    "spool_after_s": 2,
    "dialout_wait_s": 30,
}
"""Settings of gateways whose calls out wait for nothing, their phones being simulated, and whose books and
bots are waited for, on however busy a machine."""
UNHURRIED_WEBHOOK_S = 30.0
"""When a webhook is answered at the latest where that is not what is tested; Daily would not wait so long."""


class _Server(Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass
class Reply:
    """An answer of the gateway."""

    status: int
    headers: dict[str, str]
    body: Any
    took_s: float


class Gateway:
    """Speaks HTTP with a running gateway."""

    def __init__(self, app: FastAPI, server: uvicorn.Server, url: str, http: aiohttp.ClientSession) -> None:
        self.app = app
        self.server = server
        self.url = url
        self.http = http

    async def send(self, method: str, path: str, **options: Any) -> Reply:
        """Send a request and read the answer, which must be JSON, or say that it is CSV."""
        began = time.monotonic()
        async with self.http.request(method, self.url + path, **options) as answer:
            text = await answer.text()
        body = text if answer.content_type == "text/csv" else json.loads(text) if text else None
        return Reply(
            answer.status,
            {name.lower(): value for name, value in answer.headers.items()},
            body,
            time.monotonic() - began,
        )

    async def ring(self, call: object, path: str = "/daily-dialin-webhook", **options: Any) -> Reply:
        """Post a webhook as Daily does: compact JSON, signed, milliseconds."""
        body = call if isinstance(call, bytes) else json.dumps(call, separators=(",", ":")).encode()
        return await self.send("POST", path, data=body, headers=signed(body), **options)

    async def dial(self, body: object, headers: dict[str, str] | None = None) -> Reply:
        """Post to /dialout with a key."""
        return await self.send(
            "POST", "/dialout", json=body, headers={"Authorization": f"Bearer {KEY}"} | (headers or {})
        )


def signed(body: bytes, secret: str = SECRET, timestamp: str | None = None) -> dict[str, str]:
    """Daily's headers for a body."""
    stamp = timestamp or str(int(time.time() * 1000))
    return {
        "Content-Type": "application/json",
        "X-Pinless-Signature": sign(secret, stamp, body),
        "X-Pinless-Timestamp": stamp,
    }


def incoming(**changes: object) -> dict[str, object]:
    """An incoming call of its own, as Daily tells of it."""
    call: dict[str, object] = {
        "To": "+14155550100",
        "From": "+12025550123",
        "callId": str(uuid.uuid4()),
        "callDomain": "0b8e2a4c-1111-4222-8333-944455556666",
    }
    return {name: value for name, value in (call | changes).items() if value is not ...}


def books(folder: Path) -> dict[str, str]:
    """Settings of books that nobody else has."""
    return {"database_url": f"sqlite:///{folder}/books.db", "spool_dir": f"{folder}/spool"}


@asynccontextmanager
async def serving(
    settings: GatewaySettings,
    last_launches_s: float = 20,
    tuning: Tuning | None = None,
    *,
    with_books: bool = True,
) -> AsyncIterator[Gateway]:
    """A gateway with these settings, and this long for what is under way at its end.

    Its queue is in memory: a process has room for one durable queue. Its books are ready, if it has any.
    """
    app = create_app(settings, tuning=tuning or Tuning(queue=MemoryQueue))
    app.state.deadline = Deadline(last_launches_s)
    config = uvicorn.Config(app, "127.0.0.1", 0, **UVICORN)
    server = _Server(config, app.state.deadline)
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(60):
        while not server.started:
            if task.done():
                task.result()
            await asyncio.sleep(0.005)
        if with_books:
            await app.state.readiness._database.ready.wait()
    port = server.servers[0].sockets[0].getsockname()[1]
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http:
        try:
            yield Gateway(app, server, f"http://127.0.0.1:{port}", http)
        finally:
            server.should_exit = True
            await task
