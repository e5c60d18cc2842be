"""`/webhooks` (Daily docs, webhooks): endpoints for domain events."""

import base64
import binascii
from typing import TYPE_CHECKING, Any

from frontdesk.simulator.api import Request, Route
from frontdesk.simulator.rest.errors import invalid, not_found
from frontdesk.simulator.rest.fields import check_choice, check_types, refuse_unknown, required_text
from frontdesk.simulator.webhooks.domain import WebhookEndpoint, endpoint_object, new_secret

if TYPE_CHECKING:
    from frontdesk.simulator.world import World

_KINDS = {
    "recording": ("ready-to-download", "started", "error"),
    "streaming": ("started", "updated", "ended", "error"),
    "meeting": ("started", "ended"),
    "participant": ("joined", "left"),
    "waiting-participant": ("joined", "left"),
    "batch-processor": ("job-finished", "error"),
    "dialout": ("connected", "answered", "stopped", "warning", "error"),
    "dialin": ("ready", "connected", "stopped", "warning", "error"),
    "transcript": ("ready-to-download", "started", "error"),
    "calltransfer": ("triggered", "initiated", "answered", "completed"),
}
EVENT_TYPES = frozenset(f"{subject}.{what}" for subject, whats in _KINDS.items() for what in whats)
_FIELDS = {
    "url": "string",
    "basicAuth": "string",
    "retryType": "string",
    "eventTypes": "array",
    "hmac": "string",
}


class WebhookRoutes:
    """Register endpoints, see how they fare, wake them up again."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._events = world.events

    def routes(self) -> list[Route]:
        """Their table."""
        return [
            Route("POST", "/webhooks", self.create),
            Route("GET", "/webhooks", self.list_webhooks),
            Route("GET", "/webhooks/{id}", self.read),
            Route("POST", "/webhooks/{id}", self.update),
            Route("DELETE", "/webhooks/{id}", self.delete),
        ]

    async def create(self, request: Request) -> dict[str, Any]:
        """Register an endpoint; it must answer the test request with 200."""
        body = _checked(request.body)
        (url,) = required_text(body, "url")
        now = self._world.clock.wall()
        endpoint = WebhookEndpoint(
            url=url,
            hmac=body.get("hmac") or new_secret(),
            event_types=frozenset(body.get("eventTypes") or EVENT_TYPES),
            retry_type=body.get("retryType") or "circuit-breaker",
            basic_auth=body.get("basicAuth"),
            created_at=now,
            updated_at=now,
        )
        await self._probe(endpoint)
        self._events.endpoints[endpoint.uuid] = endpoint
        return self._show(endpoint)

    async def list_webhooks(self, _request: Request) -> list[dict[str, Any]]:
        """All endpoints."""
        return [self._show(endpoint) for endpoint in self._events.endpoints.values()]

    async def read(self, request: Request) -> dict[str, Any]:
        """One endpoint."""
        return self._show(self._found(request))

    async def update(self, request: Request) -> dict[str, Any]:
        """Change an endpoint, or only wake a failed one: it is probed, and active again."""
        endpoint = self._found(request)
        body = _checked(request.body)
        before = (endpoint.url, endpoint.hmac)
        endpoint.url = body.get("url") or endpoint.url
        endpoint.hmac = body.get("hmac") or endpoint.hmac
        try:
            await self._probe(endpoint)
        except Exception:
            endpoint.url, endpoint.hmac = before
            raise
        endpoint.event_types = frozenset(body.get("eventTypes") or endpoint.event_types)
        endpoint.retry_type = body.get("retryType") or endpoint.retry_type
        endpoint.basic_auth = body.get("basicAuth", endpoint.basic_auth)
        endpoint.state, endpoint.failed_count = "ACTIVE", 0
        endpoint.updated_at = self._world.clock.wall()
        return self._show(endpoint)

    async def delete(self, request: Request) -> dict[str, Any]:
        """Forget an endpoint; what is on its way to it is dropped."""
        endpoint = self._found(request)
        self._events.endpoints.pop(endpoint.uuid, None)
        return self._show(endpoint)

    async def _probe(self, endpoint: WebhookEndpoint) -> None:
        if not await self._events.probe(endpoint):
            raise invalid("webhook url did not return a 200 status code")

    def _found(self, request: Request) -> WebhookEndpoint:
        endpoint = self._events.endpoints.get(request.params["id"])
        if endpoint is None:
            raise not_found("webhook not found")
        return endpoint

    def _show(self, endpoint: WebhookEndpoint) -> dict[str, Any]:
        return endpoint_object(endpoint, self._events.domain_id)


def _checked(body: dict[str, Any]) -> dict[str, Any]:
    refuse_unknown(body, _FIELDS)
    check_types(body, _FIELDS)
    if body.get("retryType") is not None:
        check_choice("retryType", body["retryType"], ("circuit-breaker", "exponential"))
    for event_type in body.get("eventTypes") or []:
        check_choice("eventTypes", event_type, sorted(EVENT_TYPES))
    try:
        base64.b64decode(body.get("hmac") or "", validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid("property 'hmac' must be base64") from error
    return body
