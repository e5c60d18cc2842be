"""Our endpoint for the domain's events, as Daily keeps it: made, shown, woken (Daily docs, webhooks)."""

from dataclasses import dataclass, field
from typing import Any, Literal

from frontdesk.daily.api import DailyApi
from frontdesk.errors import DailyNotFoundError, DailyRefusedError, DailyUnavailableError, WebhookRefusedError

EVENTS_PATH = "/daily-events"
RETRY_TYPE = "exponential"
"""Five tries for each event. The default, circuit-breaker, stops for good after three failures in a row."""
_TYPES = {
    "dialin": ("ready", "connected", "stopped", "warning", "error"),
    "dialout": ("connected", "answered", "stopped", "warning", "error"),
    "calltransfer": ("triggered", "initiated", "answered", "completed"),
    "meeting": ("started", "ended"),
    "participant": ("joined", "left"),
}
EVENT_TYPES = tuple(f"{subject}.{what}" for subject, whats in _TYPES.items() for what in whats)
_CARD_WORDS = ("card", "payment", "billing")
Outcome = Literal["created", "updated", "unchanged"]


@dataclass(frozen=True, slots=True)
class Webhook:
    """One registered endpoint, as Daily shows it."""

    uuid: str
    url: str
    state: str
    failed_count: int
    last_pushed: str | None
    retry_type: str
    event_types: frozenset[str]
    hmac: str | None = field(default=None, repr=False)

    @property
    def active(self) -> bool:
        """Whether Daily delivers."""
        return self.state == "ACTIVE"


class DomainWebhooks:
    """The endpoints of a Daily domain, ours among them.

    Args:
        api: Daily.
        url: Ours.
        secret: What Daily signs with; base64.
        timeout_s: Longest wait for a registration: Daily asks our endpoint before it answers.
    """

    def __init__(self, api: DailyApi, *, url: str, secret: str, timeout_s: float = 30.0) -> None:
        self.url = url
        self._api = api
        self._secret = secret
        self._timeout_s = timeout_s

    async def list_all(self) -> list[Webhook]:
        """Every endpoint of the domain.

        Raises:
            DailyError: Daily did not tell.
        """
        return _read_all(await self._api.ask("GET", "/webhooks"))

    async def ours(self) -> list[Webhook]:
        """The endpoints with our address; more than one when somebody registered by hand.

        Raises:
            DailyError: Daily did not tell.
        """
        return [webhook for webhook in await self.list_all() if webhook.url == self.url]

    async def register(self) -> Outcome:
        """Have Daily send its events to us, once: what is registered already is only corrected.

        Raises:
            WebhookRefusedError: Daily did not take our endpoint.
            DailyError: Daily did something else than asked.
        """
        found = await self.ours()
        if not found:
            await self._put("/webhooks")
            return "created"
        first, *doubles = sorted(found, key=lambda webhook: not webhook.active)
        for double in doubles:
            await self._remove(double)
        if self._is_right(first) and not doubles:
            return "unchanged"
        await self.wake(first)
        return "updated"

    async def wake(self, webhook: Webhook) -> None:
        """Bring an endpoint up to date; a failed one is active again after that.

        Raises:
            WebhookRefusedError: Daily did not take our endpoint.
            DailyError: Daily did something else than asked.
        """
        await self._put(f"/webhooks/{webhook.uuid}")

    async def remove(self) -> int:
        """Take our endpoint away; how many were there.

        Raises:
            DailyError: Daily did something else than asked.
        """
        found = await self.ours()
        for webhook in found:
            await self._remove(webhook)
        return len(found)

    def _is_right(self, webhook: Webhook) -> bool:
        return (
            webhook.active
            and webhook.retry_type == RETRY_TYPE
            and webhook.event_types == set(EVENT_TYPES)
            and webhook.hmac == self._secret
        )

    async def _put(self, path: str) -> None:
        body = {
            "url": self.url,
            "eventTypes": list(EVENT_TYPES),
            "retryType": RETRY_TYPE,
            "hmac": self._secret,
        }
        try:
            await self._api.ask("POST", path, body, timeout_s=self._timeout_s)
        except DailyRefusedError as error:
            raise _refused(error) from error

    async def _remove(self, webhook: Webhook) -> None:
        try:
            await self._api.ask("DELETE", f"/webhooks/{webhook.uuid}")
        except DailyNotFoundError:
            return


def _refused(error: DailyRefusedError) -> WebhookRefusedError:
    """What stands behind Daily's 400; its texts are not documented."""
    detail = None
    if any(word in error.info.lower() for word in _CARD_WORDS):
        detail = "Add a payment card to the Daily account: webhooks need one."
    return WebhookRefusedError(detail, upstream_status=error.upstream_status, info=error.info)


def _read_all(answer: Any) -> list[Webhook]:
    if not isinstance(answer, list):
        raise DailyUnavailableError("Daily answered with something that is not a list of webhooks.")
    return [_read(one) for one in answer if isinstance(one, dict)]


def _read(one: dict[str, Any]) -> Webhook:
    return Webhook(
        uuid=str(one.get("uuid")),
        url=str(one.get("url")),
        state=str(one.get("state")),
        failed_count=int(one.get("failedCount") or 0),
        last_pushed=one.get("lastMomentPushed") or None,
        retry_type=str(one.get("retryType")),
        event_types=frozenset(one.get("eventTypes") or ()),
        hmac=one.get("hmac"),
    )
