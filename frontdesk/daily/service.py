"""What the gateway does with Daily's REST API, in one piece."""

from dataclasses import dataclass
from typing import Self

import aiohttp

from frontdesk.daily.api import DailyApi
from frontdesk.daily.cloud_sessions import CloudSessions
from frontdesk.daily.events.routes import EventsDoor, Receiver
from frontdesk.daily.hangup import HangUp
from frontdesk.daily.presence import Presence
from frontdesk.daily.removal import RoomRemover
from frontdesk.daily.watchdog import WebhookWatchdog
from frontdesk.daily.webhooks import EVENTS_PATH, DomainWebhooks
from frontdesk.doors.signature import SignatureCheck
from frontdesk.settings import GatewaySettings, url_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Daily:
    """Daily's REST API, and what is done with it."""

    api: DailyApi
    remover: RoomRemover
    hang_up: HangUp
    presence: Presence

    @classmethod
    def of(cls, http: aiohttp.ClientSession, settings: GatewaySettings) -> Self:
        """All of it, as the settings say."""
        url, key = url_text(settings.daily_api_url), settings.daily_api_key.get_secret_value()
        api = DailyApi(http, api_url=url, api_key=key, timeout_s=settings.upstream_timeout_s)
        remover = RoomRemover(http, api_url=url, api_key=key, timeout_s=settings.upstream_timeout_s)
        private = settings.pipecat_private_key
        sessions = CloudSessions(
            http,
            api_url=url_text(settings.pipecat_api_url),
            private_key=private.get_secret_value() if private else None,
        )
        return cls(api=api, remover=remover, hang_up=HangUp(api, remover, sessions), presence=Presence(api))

    def watchdog(self, settings: GatewaySettings) -> WebhookWatchdog | None:
        """Keeps Daily's webhook of events alive; None when it is not set up."""
        secret = settings.daily_events_secret
        if settings.public_url is None or secret is None:
            return None
        url = url_text(settings.public_url) + EVENTS_PATH
        return WebhookWatchdog(DomainWebhooks(self.api, url=url, secret=secret.get_secret_value()))


def events_door(settings: GatewaySettings, inbox: Receiver) -> EventsDoor:
    """The door for Daily's events, as the settings say."""
    secret = settings.daily_events_secret
    check = SignatureCheck(secret.get_secret_value(), settings.signature_tolerance_s) if secret else None
    return EventsDoor(inbox, check, open_locally=not settings.production)
