"""Daily's domain webhooks: who wants which events, and how they are delivered (Daily docs, webhooks)."""

import asyncio
import base64
import itertools
import secrets
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from frontdesk.simulator.faults.plan import EventFault
from frontdesk.simulator.loopback import NotLoopbackError, Reply
from frontdesk.simulator.rest.apilog import Exchange, iso
from frontdesk.simulator.rooms.room import Room
from frontdesk.simulator.webhooks.dialin import compact, sign, stamp

if TYPE_CHECKING:
    from frontdesk.simulator.world import World

RetryType = Literal["circuit-breaker", "exponential"]
FAILURES_TO_TRIP = 3
EXPONENTIAL_TRIES = 5
FIRST_DELAY_S, LAST_DELAY_S, DELAY_FACTOR = 15.0, 900.0, 4.0
"""Daily says five tries, backing off to at most 15 minutes; the steps between are the simulator's."""


@dataclass(slots=True)
class WebhookEndpoint:
    """One registered endpoint. Times are Unix seconds."""

    url: str
    hmac: str
    event_types: frozenset[str]
    retry_type: RetryType
    basic_auth: str | None
    created_at: float
    updated_at: float
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))
    state: Literal["ACTIVE", "FAILED", "INACTIVE"] = "ACTIVE"
    failed_count: int = 0
    last_moment_pushed: float | None = None

    def succeeded(self, now: float) -> None:
        """Count a push that was answered 200."""
        self.failed_count = 0
        self.last_moment_pushed = now

    def failed(self) -> None:
        """Count a push that was not; the circuit breaker trips after three in a row."""
        self.failed_count += 1
        if self.retry_type == "circuit-breaker" and self.failed_count >= FAILURES_TO_TRIP:
            self.state = "FAILED"


def retry_delays(retry_type: RetryType) -> list[float]:
    """Seconds before each try after the first."""
    if retry_type == "circuit-breaker":
        return []
    steps = range(EXPONENTIAL_TRIES - 1)
    return [min(LAST_DELAY_S, FIRST_DELAY_S * DELAY_FACTOR**step) for step in steps]


def new_secret() -> str:
    """A base64 HMAC secret, as Daily provisions one."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


class Events:
    """Sends domain events to the registered endpoints, in tasks of its own."""

    def __init__(self, world: "World") -> None:
        self.endpoints: dict[str, WebhookEndpoint] = {}
        self.domain_id = world.settings.domain_id
        self._client = world.client
        self._clock = world.clock
        self._switches = world.switches
        self._faults = world.faults
        self._log = world.api_log
        self._meetings = world.meetings
        self._numbers = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: list[dict[str, Any]] = []

    async def emit(self, event_type: str, room: Room, payload: dict[str, Any]) -> None:
        """Wrap a payload in Daily's envelope and start its delivery; returns at once.

        `room` and, for everything about calls, `domain_id` and `timestamp` are filled in where missing.
        """
        envelope = self._envelope(event_type, room, payload)
        self._meetings.heard(event_type, envelope["payload"])
        fault = self._faults.event(event_type)
        if fault is None:
            self._push(envelope)
        elif not fault.withhold:
            self._disturb(envelope, fault)

    async def probe(self, endpoint: WebhookEndpoint) -> bool:
        """Send the test request of registering; Daily wants a 200 quickly."""
        reply = await self._post(endpoint, {"test": "test"}, signed=self._switches.event_probe_signed)
        return reply.status == 200  # noqa: PLR2004

    async def aclose(self) -> None:
        """Cancel all deliveries on their way and wait until they are gone."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _envelope(self, event_type: str, room: Room, payload: dict[str, Any]) -> dict[str, Any]:
        now = self._clock.wall()
        filled: dict[str, Any] = {"room": room.name, **payload}
        if event_type.partition(".")[0] in {"dialin", "dialout", "calltransfer"}:
            at = str(int(now)) if self._switches.payload_timestamp == "string" else int(now)
            filled = {"domain_id": self.domain_id, "timestamp": at, **filled}
        subject = filled.get("session_id") or filled.get("meeting_id") or room.id
        event_id = f"{next(self._numbers)}-{event_type.replace('.', '-')}-{subject}-{int(now * 1000)}"
        return {"version": "1.0.0", "type": event_type, "id": event_id, "payload": filled, "event_ts": now}

    def _disturb(self, envelope: dict[str, Any], fault: EventFault) -> None:
        if fault.hold_back:
            self._held.append(envelope)
            if len(self._held) < fault.hold_back:
                return
            released, self._held = self._held[::-1], []
            for held in released:
                self._push(held)
            return
        for _ in range(fault.copies):
            self._push(envelope, fault.delay_s)

    def _push(self, envelope: dict[str, Any], delay_s: float = 0.0) -> None:
        for endpoint in self.endpoints.values():
            if envelope["type"] in endpoint.event_types:
                self._spawn(self._deliver(endpoint, envelope, delay_s))

    def _spawn(self, delivery: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(delivery)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, endpoint: WebhookEndpoint, envelope: dict[str, Any], delay_s: float) -> None:
        if delay_s:
            await self._clock.sleep(delay_s)
        for pause in [0.0, *retry_delays(endpoint.retry_type)]:
            if pause:
                await self._clock.sleep(pause)
            if endpoint.uuid not in self.endpoints or endpoint.state != "ACTIVE":
                return
            if (await self._post(endpoint, envelope)).status == 200:  # noqa: PLR2004
                endpoint.succeeded(self._clock.wall())
                return
            endpoint.failed()

    async def _post(self, endpoint: WebhookEndpoint, message: Any, *, signed: bool = True) -> Reply:
        body = compact(message)
        headers = self._headers(endpoint, body, signed=signed)
        try:
            timeout_s = self._switches.event_webhook_timeout_s
            reply = await self._client.post(endpoint.url, body, headers=headers, timeout_s=timeout_s)
        except NotLoopbackError as error:
            reply = Reply(None, error=str(error))
        at = self._clock.wall()
        self._log.add("webhook", Exchange(at, "POST", endpoint.url, reply.status or 0, body, reply.body))
        return reply

    def _headers(self, endpoint: WebhookEndpoint, body: bytes, *, signed: bool) -> dict[str, str]:
        headers = {}
        if signed:
            timestamp = stamp(self._clock.wall(), self._switches.event_timestamp_unit)
            headers["X-Webhook-Timestamp"] = timestamp
            headers["X-Webhook-Signature"] = sign(endpoint.hmac, timestamp, body)
        if endpoint.basic_auth:
            headers["Authorization"] = f"Basic {endpoint.basic_auth}"
        return headers


def endpoint_object(endpoint: WebhookEndpoint, domain_id: str) -> dict[str, Any]:
    """An endpoint as `/webhooks` shows it."""
    pushed = endpoint.last_moment_pushed
    shown = {
        "uuid": endpoint.uuid,
        "url": endpoint.url,
        "hmac": endpoint.hmac,
        "basicAuth": endpoint.basic_auth or "",
        "retryType": endpoint.retry_type,
        "eventTypes": sorted(endpoint.event_types),
        "state": endpoint.state,
        "failedCount": endpoint.failed_count,
        "domainId": domain_id,
        "createdAt": iso(endpoint.created_at),
        "updatedAt": iso(endpoint.updated_at),
    }
    return shown if pushed is None else shown | {"lastMomentPushed": iso(pushed)}
