"""Every environment variable, typed, checked at start, with all problems listed at once.

Two processes read it: the gateway (`GatewaySettings`) and the bot (`BotSettings`). Names are those of
the official Pipecat and Daily examples where these have one. `.env.example` lists all of them.
"""

import base64
import binascii
import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    HttpUrl,
    SecretStr,
    ValidationError,
    WebsocketUrl,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_PLACEHOLDER = re.compile(
    r"^(<.*>|\.\.\.|x{3,}|your[-_ ].*|.*[-_]here|change[-_]?me|todo|placeholder|sk-\.\.\.|pk_\.\.\.)$", re.IGNORECASE
)
DAILY_API_URL = "https://api.daily.co/v1"
PIPECAT_API_URL = "https://api.pipecat.daily.co/v1"


class SettingsError(Exception):
    """The environment cannot be used; the text lists every problem, one a line, without any value."""


def is_placeholder(value: str) -> bool:
    """Whether a value was left as an example file has it (`your-key-here`, `<key>`, `xxx`, `...`)."""
    return bool(_PLACEHOLDER.match(value.strip()))


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class _Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    env: Literal["local", "production"] = Field(
        "local", description="`local` starts bots on the dev runner, `production` on Pipecat Cloud."
    )
    daily_api_key: SecretStr | None = Field(
        None, description="API key of the Daily domain that owns the phone numbers."
    )
    daily_api_url: HttpUrl = Field(HttpUrl(DAILY_API_URL), description="Daily's REST API.")
    daily_room_url: str | None = Field(None, description="Refused: each call gets a room of its own.")
    clinics_dir: Path = Field(Path("clinics"), description="Folder with one YAML file per organization.")
    log_level: Literal["TRACE", "DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="The least severe log lines that are written."
    )

    @field_validator("daily_room_url")
    @classmethod
    def _no_fixed_room(cls, value: str | None) -> None:
        if value is not None:
            raise ValueError(
                "must not be set: pipecat would put every call into this one room, and callers would "
                "hear each other; remove it"
            )

    @field_validator("*", mode="before")
    @classmethod
    def _no_placeholder(cls, value: object) -> object:
        if isinstance(value, str) and is_placeholder(value):
            raise ValueError("still holds the placeholder of an example file; set it or remove the line")
        return value

    @classmethod
    def load(cls, **overrides: object) -> Self:
        """Read the environment and `.env`; PYTHON_DOTENV_DISABLED=1 leaves `.env` out, as for python-dotenv.

        Raises:
            SettingsError: Lists every variable that is missing or wrong, by name, without its value.
        """
        try:
            if os.environ.get("PYTHON_DOTENV_DISABLED"):
                overrides.setdefault("_env_file", None)
            return cls(**overrides)  # type: ignore[arg-type]
        except ValidationError as error:
            lines = (f"  {_name(e['loc'])}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors())
            raise SettingsError("The settings cannot be used:\n" + "\n".join(lines)) from None

    def publish(self) -> None:
        """Hand the variables that pipecat itself reads from the process environment to it."""
        os.environ["DAILY_API_URL"] = str(self.daily_api_url).rstrip("/")


def _name(location: tuple[int | str, ...]) -> str:
    return str(location[0]).upper() if location else "together"


class GatewaySettings(_Settings):
    """What the gateway reads."""

    host: str = Field("127.0.0.1", description="Address that the gateway listens on.")
    port: int = Field(8080, ge=1, le=65535, description="Port that the gateway listens on.")
    local_server_url: HttpUrl = Field(
        HttpUrl("http://127.0.0.1:7860"), description="The dev runner that starts bots in local mode."
    )
    pipecat_api_url: HttpUrl = Field(HttpUrl(PIPECAT_API_URL), description="Pipecat Cloud's API.")
    pipecat_api_key: SecretStr | None = Field(
        None, description="Public key (pk_…) of Pipecat Cloud; needed in production."
    )
    pipecat_agent_name: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Agent on Pipecat Cloud; after a comma, agents to use when the first is full."
    )
    pinless_hmac_secret: SecretStr | None = Field(
        None, description="`hmac` of the dial-in configuration (base64); needed unless local on loopback."
    )
    signature_tolerance_s: float = Field(
        300, gt=0, description="Most seconds between a webhook's timestamp and our clock."
    )
    frontdesk_api_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="Keys that may use the API, separated by commas; needed unless local on loopback."
    )
    max_call_duration_s: int = Field(3600, ge=60, le=14000, description="Longest call, in seconds.")
    ring_timeout_s: int = Field(
        45, ge=5, le=120, description="How long a callee's phone may ring, in seconds."
    )
    dial_attempts: int = Field(5, ge=1, le=10, description="Most dials of one dial-out by the bot.")
    webhook_budget_s: float = Field(
        2.5, gt=0, lt=3, description="When the dial-in webhook answers at the latest, in seconds."
    )
    hold_budget_s: float = Field(
        20,
        gt=0,
        le=120,
        description="How long a launch is tried again while the caller is on hold, in seconds.",
    )
    dialout_wait_s: float = Field(
        5, gt=0, description="How long POST /dialout waits for the launch, in seconds."
    )
    upstream_timeout_s: float = Field(
        10, gt=0, description="Longest wait for one answer of Daily or the start API, in seconds."
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

    @field_validator("pinless_hmac_secret")
    @classmethod
    def _base64(cls, value: SecretStr | None) -> SecretStr | None:
        try:
            if value is not None:
                base64.b64decode(value.get_secret_value(), validate=True)
        except binascii.Error:
            raise ValueError("must be base64, as Daily gives it in the dial-in configuration") from None
        return value

    @property
    def production(self) -> bool:
        """Whether bots run on Pipecat Cloud."""
        return self.env == "production"

    @property
    def open_doors(self) -> bool:
        """Whether requests without signature or key are let in: local mode, reachable from this machine only."""
        return not self.production and is_loopback(self.host)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        missing = [name for name, absent in self._needed().items() if absent]
        if missing:
            where = "in production" if self.production else f"when listening on {self.host}"
            raise ValueError(f"{', '.join(missing)} must be set {where}")
        return self

    def _needed(self) -> dict[str, bool]:
        return {
            "DAILY_API_KEY": self.daily_api_key is None,
            "PIPECAT_API_KEY": self.production and self.pipecat_api_key is None,
            "PIPECAT_AGENT_NAME": self.production and not self.pipecat_agent_name,
            "PINLESS_HMAC_SECRET": not self.open_doors and self.pinless_hmac_secret is None,
            "FRONTDESK_API_KEYS": not self.open_doors and not self.frontdesk_api_keys,
        }


class BotSettings(_Settings):
    """What the bot reads."""

    daily_api_key: SecretStr = Field(description="API key of the Daily domain that owns the phone numbers.")
    deepgram_api_key: SecretStr = Field(description="Key for speech to text.")
    deepgram_base_url: WebsocketUrl | None = Field(
        None, description="Deepgram, or a stand-in for it (ws://…)."
    )
    deepgram_model: str = Field("nova-3-general", description="Deepgram's model.")
    openai_api_key: SecretStr = Field(description="Key for the language model.")
    openai_base_url: HttpUrl | None = Field(None, description="OpenAI, or a stand-in for it.")
    openai_model: str = Field("gpt-4.1", description="The language model.")
    cartesia_api_key: SecretStr = Field(description="Key for text to speech.")
    cartesia_url: WebsocketUrl | None = Field(None, description="Cartesia, or a stand-in for it (ws://…).")
    cartesia_voice_id: str = Field("71a7ad14-091c-4e8e-a314-022ece01c121", description="Cartesia's voice.")
    cartesia_model: str | None = Field(None, description="Cartesia's model; pipecat's default when not set.")
    connect_timeout_s: float = Field(
        45, gt=0, description="How long a caller on hold may take to be connected, in seconds."
    )
    caller_idle_s: float = Field(
        12, gt=0, description="Silence after which the bot asks whether the caller is there, in seconds."
    )
