"""Daily's signed requests: how they are signed, and the webhook of an incoming call (pinless dial-in)."""

import asyncio
import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from frontdesk.simulator.clock import Clock
from frontdesk.simulator.loopback import LoopbackClient, NotLoopbackError, Reply
from frontdesk.simulator.rest.apilog import ApiLog, Exchange
from frontdesk.simulator.switches import Switches

PINLESS_HEADERS = ("X-Pinless-Signature", "X-Pinless-Timestamp")


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Base64 HMAC-SHA256 over `timestamp.body` with the base64-decoded secret (Daily docs, dial-in)."""
    message = timestamp.encode() + b"." + body
    return base64.b64encode(hmac.new(base64.b64decode(secret), message, hashlib.sha256).digest()).decode()


def stamp(wall: float, unit: Literal["s", "ms"]) -> str:
    """Unix time as it stands in a timestamp header."""
    return str(int(wall * 1000 if unit == "ms" else wall))


def compact(value: Any) -> bytes:
    """JSON without a space, as Daily sends it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """A call as Daily's webhook tells it; `from_` is None when the caller withholds the number."""

    call_id: str
    call_domain: str
    to: str
    from_: str | None
    sip_headers: dict[str, str] | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    """Fields to add or overwrite, for tests of what a gateway tolerates."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One HTTP exchange of a webhook; `attempt` counts from 1, `took_s` is seconds."""

    url: str
    attempt: int
    status: int | None
    took_s: float
    error: str | None = None
    answer: str = ""

    @property
    def ok(self) -> bool:
        """Whether the endpoint answered 200."""
        return self.status == 200  # noqa: PLR2004


class DialinTarget(Protocol):
    """What a delivery needs of a dial-in config."""

    @property
    def room_creation_api(self) -> str | None:
        """URL of the webhook."""

    @property
    def hmac(self) -> str:
        """Base64 secret."""

    @property
    def phone_number(self) -> str | None:
        """The configured number."""


def call_body(call: IncomingCall, switches: Switches) -> dict[str, Any]:
    """The JSON object of the webhook, with `From` as the switch says when the number is withheld."""
    body: dict[str, Any] = {"To": call.to}
    if call.from_ is not None:
        body["From"] = call.from_
    elif switches.withheld_from != "missing":
        body["From"] = {"empty": "", "anonymous": "anonymous", "null": None}[switches.withheld_from]
    body |= {"callId": call.call_id, "callDomain": call.call_domain}
    if call.sip_headers is not None:
        body["sipHeaders"] = call.sip_headers
    return body | call.extra


class DialinWebhooks:
    """Tells a gateway that somebody calls, as Daily does."""

    def __init__(self, client: LoopbackClient, clock: Clock, switches: Switches, log: ApiLog) -> None:
        self._client = client
        self._clock = clock
        self._switches = switches
        self._log = log

    async def send(self, config: DialinTarget, call: IncomingCall, *, copies: int = 1) -> list[Delivery]:
        """Send the webhook `copies` times at the same moment; returns every exchange, tries again included.

        Returns an empty list when the config has no URL. Never raises for what the endpoint does.
        """
        if not config.room_creation_api:
            return []
        body = compact(call_body(call, self._switches))
        sent = await asyncio.gather(*(self._deliver(config, body) for _ in range(copies)))
        return [delivery for deliveries in sent for delivery in deliveries]

    async def probe(self, config: DialinTarget) -> Delivery | None:
        """Send the test request of configuring. Its outcome changes nothing (Daily docs, pinlessDialin)."""
        if not config.room_creation_api:
            return None
        body: dict[str, Any] = {"Test": "test"}
        if self._switches.probe_body == "to":
            body = {"To": config.phone_number}
        return await self._once(config, compact(body), 1, signed=self._switches.probe_signed)

    async def _deliver(self, config: DialinTarget, body: bytes) -> list[Delivery]:
        deliveries = [await self._once(config, body, 1)]
        while _may_retry(deliveries[-1]) and len(deliveries) <= self._switches.dialin_webhook_retries:
            await self._clock.sleep(self._switches.dialin_webhook_retry_delay_s)
            deliveries.append(await self._once(config, body, len(deliveries) + 1))
        return deliveries

    async def _once(
        self, config: DialinTarget, body: bytes, attempt: int, *, signed: bool = True
    ) -> Delivery:
        url = config.room_creation_api or ""
        headers = self._signature(config.hmac, body) if signed else {}
        started = self._clock.monotonic()
        reply = await self._post(url, body, headers)
        at = self._clock.wall()
        self._log.add("webhook", Exchange(at, "POST", url, reply.status or 0, body, reply.body))
        took = self._clock.monotonic() - started
        answer = reply.body.decode(errors="replace")
        return Delivery(url, attempt, reply.status, took, reply.error, answer)

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> Reply:
        try:
            timeout_s = self._switches.dialin_webhook_timeout_s
            return await self._client.post(url, body, headers=headers, timeout_s=timeout_s)
        except NotLoopbackError as error:
            return Reply(None, error=str(error))

    def _signature(self, secret: str, body: bytes) -> dict[str, str]:
        timestamp = stamp(self._clock.wall(), self._switches.dialin_timestamp_unit)
        return dict(zip(PINLESS_HEADERS, (sign(secret, timestamp, body), timestamp), strict=True))


def _may_retry(delivery: Delivery) -> bool:
    return delivery.status is None or delivery.status >= 500  # noqa: PLR2004
