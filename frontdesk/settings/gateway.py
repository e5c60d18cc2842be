"""The settings of the gateway."""

import base64
import binascii
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, HttpUrl, SecretStr, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from frontdesk.settings.base import is_loopback, url_text
from frontdesk.settings.ledger import LedgerSettings

PIPECAT_API_URL = "https://api.pipecat.daily.co/v1"


class GatewaySettings(LedgerSettings):
    """What the gateway reads."""

    host: str = Field("127.0.0.1", description="Address that the gateway listens on.")
    port: int = Field(8080, ge=1, le=65535, description="Port that the gateway listens on.")
    public_url: HttpUrl | None = Field(
        None,
        validate_default=True,
        description="The gateway's address as bots and Daily reach it; needed in production.",
    )
    daily_api_key: SecretStr = Field(description="API key of the Daily domain that owns the phone numbers.")
    local_server_url: HttpUrl = Field(
        HttpUrl("http://127.0.0.1:7860"), description="The dev runner that starts bots in local mode."
    )
    pipecat_api_url: HttpUrl = Field(HttpUrl(PIPECAT_API_URL), description="Pipecat Cloud's API.")
    pipecat_api_key: SecretStr | None = Field(
        None,
        validate_default=True,
        description="Public key (pk_…) of Pipecat Cloud; needed in production.",
    )
    pipecat_private_key: SecretStr | None = Field(
        None,
        description="Private key (sk_…) of Pipecat Cloud; with it the gateway can stop a bot that hangs.",
    )
    pipecat_agent_name: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        validate_default=True,
        description="Agent on Pipecat Cloud; after a comma, agents to use when the first is full. "
        "Needed in production.",
    )
    pinless_hmac_secret: SecretStr | None = Field(
        None,
        validate_default=True,
        description="`hmac` of the dial-in configuration (base64); needed unless local on loopback.",
    )
    daily_events_secret: SecretStr | None = Field(
        None,
        description="Base64 secret that signs Daily's events; `frontdesk daily webhooks` gives it to Daily.",
    )
    signature_tolerance_s: float = Field(
        300, gt=0, description="Most seconds between a webhook's timestamp and our clock."
    )
    frontdesk_api_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (),
        description="Keys that may use the API for the default organization, separated by commas. "
        "`frontdesk keys` makes others. Without any, only this machine gets in; in production nobody does.",
    )
    max_call_duration_s: int = Field(3600, ge=60, le=14000, description="Longest call, in seconds.")
    ring_timeout_s: int = Field(
        45, ge=5, le=120, description="How long a callee's phone may ring, in seconds."
    )
    dial_attempts: int = Field(
        5,
        ge=1,
        le=10,
        description="Most dials of one attempt: the bot dials again by itself when no phone rang.",
    )
    capacity: int = Field(50, ge=1, description="Most calls at once, in and out.")
    incoming_reserve: int = Field(
        10, ge=0, description="How many of them calls out never take: kept for people who call in."
    )
    single_reserve: int = Field(
        1, ge=0, description="How many of the rest campaigns never take: kept for single calls out."
    )
    dial_starts_per_s: float = Field(
        1.0, gt=0, le=100, description="Most dials that start in a second; Daily takes about one."
    )
    outreach_rules: Literal["enforced", "off"] = Field(
        "enforced",
        description="Whether calls out obey quiet hours, limits and lists; `off` is for simulated phones: "
        "it needs a DAILY_API_URL on this machine.",
    )
    engine_database_url: SecretStr | None = Field(
        None,
        description="Where the queue of calls out is; a file beside the books' own, or the same PostgreSQL.",
    )
    webhook_budget_s: float = Field(
        2.5, gt=0, lt=3, description="When the dial-in webhook answers at the latest, in seconds."
    )
    hold_budget_s: float = Field(
        40,
        gt=0,
        le=120,
        description="How long a bot is sought for a caller on hold, in seconds: twice the length of the "
        "number's hold music.",
    )
    dialout_wait_s: float = Field(
        5, gt=0, le=60, description="How long POST /dialout waits for the launch, in seconds."
    )
    upstream_timeout_s: float = Field(
        10, gt=0, le=60, description="Longest wait for Daily to give a room and its token, in seconds."
    )
    launch_timeout_s: float = Field(
        60,
        gt=0,
        le=300,
        description="Longest wait for the start API, in seconds; a cold start may hold its answer.",
    )
    upstream_connections: int = Field(
        512, ge=1, description="Most connections that the gateway keeps open to Daily and the start API."
    )

    @field_validator("pipecat_agent_name", "frontdesk_api_keys", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("pinless_hmac_secret", "daily_events_secret")
    @classmethod
    def _base64(cls, value: SecretStr | None) -> SecretStr | None:
        try:
            if value is not None:
                base64.b64decode(value.get_secret_value(), validate=True)
        except binascii.Error:
            raise ValueError("must be base64, as Daily gives it in the dial-in configuration") from None
        return value

    @field_validator("pipecat_api_key", "pipecat_agent_name", "public_url")
    @classmethod
    def _given_in_production(cls, value: object, info: ValidationInfo) -> object:
        if not value and info.data.get("env") == "production":
            raise ValueError("must be set in production")
        return value

    @field_validator("outreach_rules")
    @classmethod
    def _off_on_this_machine(cls, value: str, info: ValidationInfo) -> str:
        url = info.data.get("daily_api_url")
        if value == "off" and not (isinstance(url, HttpUrl) and is_loopback(url.host or "")):
            raise ValueError("may be `off` only with a DAILY_API_URL on this machine: real phones would ring")
        return value

    @field_validator("incoming_reserve")
    @classmethod
    def _leaves_something(cls, value: int, info: ValidationInfo) -> int:
        if value >= info.data.get("capacity", value + 1):
            raise ValueError("must be less than CAPACITY, or nobody could ever be called")
        return value

    @field_validator("pinless_hmac_secret")
    @classmethod
    def _given_unless_local(cls, value: object, info: ValidationInfo) -> object:
        if value:
            return value
        if info.data.get("env") == "production":
            raise ValueError("must be set in production")
        if not is_loopback(info.data.get("host", "127.0.0.1")):
            raise ValueError(
                "must be set when listening on more than loopback: anyone could place calls otherwise"
            )
        return value

    @cached_property
    def link_url(self) -> str:
        """The gateway's address as bots reach it."""
        if self.public_url is not None:
            return url_text(self.public_url)
        return f"http://127.0.0.1:{self.port}"

    @cached_property
    def local_start_url(self) -> str:
        """Start route of the dev runner."""
        return f"{url_text(self.local_server_url)}/start"
