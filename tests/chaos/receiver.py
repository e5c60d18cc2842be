"""A CRM that receives events and is at times slow, broken, or gone in the middle of its answer."""

import asyncio
import random
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web
from pydantic_core import from_json
from standardwebhooks import Webhook, WebhookVerificationError

SLOW_S = 0.3


@dataclass(frozen=True)
class Mood:
    """How often the CRM fails, as shares of all deliveries."""

    refuses: float = 0.08
    drops: float = 0.05
    slow: float = 0.05


CALM = Mood(0, 0, 0)


@dataclass
class Received:
    """What has arrived: payloads by event id, and the order of first arrivals within each call."""

    payloads: dict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    order: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    events: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    taken: set[str] = field(default_factory=set)
    unverified: int = 0
    deliveries: int = 0


class Receiver:
    """Serves `POST /events` on loopback and verifies with the `standardwebhooks` package.

    Args:
        secrets: Every one of them must verify every delivery: two are valid during a rotation.
        mood: How it behaves.
        seed: Of its moods.
    """

    def __init__(self, secrets: tuple[str, ...], mood: Mood = CALM, seed: int = 0) -> None:
        self.received = Received()
        self.mood = mood
        self._webhooks = [Webhook(secret) for secret in secrets]
        self._random = random.Random(seed)
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/events", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/events"
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        received, luck = self.received, self._random.random()
        received.deliveries += 1
        event_id = request.headers.get("webhook-id", "")
        received.payloads[event_id].add(body)
        if not self._verified(body, dict(request.headers)):
            received.unverified += 1
            return web.Response(status=401)
        if luck < self.mood.refuses:
            return web.Response(status=500)
        self._note(event_id, from_json(body))
        if luck < self.mood.refuses + self.mood.drops and request.transport is not None:
            request.transport.abort()
        elif luck < self.mood.refuses + self.mood.drops + self.mood.slow:
            await asyncio.sleep(SLOW_S)
        return web.Response(status=204)

    def _verified(self, body: bytes, headers: dict[str, str]) -> bool:
        lower = {name.lower(): value for name, value in headers.items()}
        try:
            for webhook in self._webhooks:
                webhook.verify(body, lower)
        except WebhookVerificationError:
            return False
        return True

    def _note(self, event_id: str, event: dict[str, Any]) -> None:
        if event_id in self.received.taken:
            return
        self.received.taken.add(event_id)
        data = event["data"]
        self.received.order[data["call_id"]].append(data["sequence"])
        self.received.events[data["call_id"]].append({**event, "arrived_at": time.time()})
