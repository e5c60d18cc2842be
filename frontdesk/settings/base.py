"""What the settings of every process share: where they come from, and how problems are told."""

import ipaddress
import os
import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, HttpUrl, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_PLACEHOLDER = re.compile(
    r"""
      <.*>
    | .*(?:\.\.\.|…)
    | (?:[a-z]{2,4}[-_]){0,3} [x*]{3,} (?:[-_ ][x*]+)*
    | your[-_ ].* | your(?:api)?key
    | (?:replace|enter|insert|fill|paste|put|add) [-_ ]? (?:me|in|with|your|this) (?:[-_ ].*)?
    | .*[-_ ]here
    | change[-_ ]?(?:me|this) | todo | tbd | placeholder | dummy
    """,
    re.IGNORECASE | re.VERBOSE,
)
DAILY_API_URL = "https://api.daily.co/v1"


class SettingsError(Exception):
    """The environment cannot be used; the text lists every problem, one a line, without any value."""


def is_placeholder(value: str, name: str = "") -> bool:
    """Whether a value was left as an example has it: `your-key-here`, `<key>`, `sk-...`, its own name."""
    value = value.strip()
    own_name = bool(name) and value.lower().strip("${}") == name.lower()
    return own_name or bool(_PLACEHOLDER.fullmatch(value))


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class CommonSettings(BaseSettings):
    """What the gateway and the bot both read."""

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
    def _no_placeholder(cls, value: object, info: ValidationInfo) -> object:
        items = value if isinstance(value, tuple) else (value,)
        if any(isinstance(item, str) and is_placeholder(item, info.field_name or "") for item in items):
            raise ValueError("still holds the placeholder of an example file; set it or remove the line")
        return value

    @classmethod
    def load(cls, **overrides: object) -> Self:
        """Read the environment and `.env`; PYTHON_DOTENV_DISABLED=1 leaves `.env` out, as for python-dotenv.

        Raises:
            SettingsError: Lists every variable that is missing or wrong, by name, without its value.
        """
        if os.environ.get("PYTHON_DOTENV_DISABLED"):
            overrides.setdefault("_env_file", None)
        try:
            return cls(**overrides)  # type: ignore[arg-type]
        except ValidationError as error:
            lines = (f"  {_name(e['loc'])}: {_sentence(e['msg'])}" for e in error.errors())
            raise SettingsError("The settings cannot be used:\n" + "\n".join(lines)) from None

    @property
    def production(self) -> bool:
        """Whether bots run on Pipecat Cloud."""
        return self.env == "production"

    def publish(self) -> None:
        """Hand the variables that pipecat itself reads from the process environment to it."""
        os.environ["DAILY_API_URL"] = url_text(self.daily_api_url)


def url_text(url: HttpUrl) -> str:
    """A URL to which a path can be appended: without a slash at its end."""
    return str(url).rstrip("/")


def _name(location: tuple[int | str, ...]) -> str:
    return str(location[0]).upper()


def _sentence(message: str) -> str:
    return "must be set" if message == "Field required" else message.removeprefix("Value error, ")
