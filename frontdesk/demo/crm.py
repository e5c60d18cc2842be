"""The demo's CRM: a small receiver that verifies what it is told with the `standardwebhooks` package."""

import asyncio
import base64
import json
import secrets
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from frontdesk.demo.parts import LOOPBACK

LAST_EVENT = "call.ended"


@dataclass
class CallEvents:
    """What the CRM was told of one call, in the order of arrival."""

    events: list[dict[str, Any]] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def types(self) -> list[str]:
        """Their types."""
        return [event["type"] for event in self.events]

    @property
    def gapless(self) -> bool:
        """Whether they are numbered 1, 2, 3 and so on, in the order of their arrival."""
        return [event["data"]["sequence"] for event in self.events] == [*range(1, len(self.events) + 1)]


class Crm:
    """Serves `POST /events` on loopback. Used as an async context manager; `url` is known inside."""

    def __init__(self) -> None:
        self.secret = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
        self.url = ""
        self.refused = 0
        self._webhook = Webhook(self.secret)
        self._calls: dict[str, CallEvents] = {}
        self._ids: set[str] = set()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/events", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, LOOPBACK, 0).start()
        self.url = f"http://{LOOPBACK}:{self._runner.addresses[0][1]}/events"
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._runner.cleanup()

    def call(self, call_id: str) -> CallEvents:
        """What was told of a call so far."""
        return self._calls.setdefault(call_id, CallEvents())

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.text()
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            self._webhook.verify(body, headers)
        except WebhookVerificationError:
            self.refused += 1
            return web.Response(status=401)
        if headers["webhook-id"] not in self._ids:
            self._ids.add(headers["webhook-id"])
            self._note(json.loads(body))
        return web.Response(status=204)

    def _note(self, event: dict[str, Any]) -> None:
        call = self.call(event["data"]["call_id"])
        call.events.append(event)
        if event["type"] == LAST_EVENT:
            call.ended.set()
