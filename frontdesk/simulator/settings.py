"""What can be set on the simulator; `switches` holds what nobody outside Daily knows.

`SimulatorSettings` reads environment variables with the prefix `SIM_` (`SIM_PORT=9100`). Switches are nested:
`SIM_SWITCHES__BUSY_AS=stopped`. Switches may also be changed while the simulator runs.
"""

import base64
import binascii
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from frontdesk.simulator.loopback import is_loopback_host, is_loopback_url
from frontdesk.simulator.switches import Switches

__all__ = ["DEFAULT_HMAC", "AgentSettings", "SimulatorSettings", "Switches"]

DEFAULT_HMAC = base64.b64encode(b"frontdesk-simulator-pinless").decode()


class AgentSettings(BaseModel):
    """One agent deployed on the simulated Pipecat Cloud. Delays are seconds."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    state: Literal["warm", "cold"] = Field(
        "warm", description="Whether the next start finds an idle instance."
    )
    ready: bool = Field(True, description="False: starts are refused with PCC-1001.")
    max_agents: int = Field(
        50, ge=0, description="Sessions at a time; one more gets 429 (Pipecat Cloud docs, scaling)."
    )
    warm_start_s: float = Field(
        0.0, ge=0, description="Seconds from the request to the bot's start when warm."
    )
    cold_start_s: float = Field(10.0, ge=0, description="Same when cold (10 s is a best case, docs).")
    max_session_s: float = Field(
        7200.0, gt=0, description="A session is stopped at this age (docs, scaling)."
    )
    stays_warm: bool = Field(True, description="Whether a cold start leaves the agent warm.")
    runner_url: str | None = Field(
        None, description="Dev runner for this agent; the simulator's own when unset."
    )
    fail: Literal["none", "400", "500"] = Field(
        "none", description="Answer every start with this documented error."
    )

    @field_validator("runner_url")
    @classmethod
    def _url_is_loopback(cls, url: str | None) -> str | None:
        return _loopback(url)


def _loopback(url: str | None) -> str | None:
    if url is not None and not is_loopback_url(url):
        raise ValueError("the simulator dials loopback addresses only")
    return url


class SimulatorSettings(BaseSettings):
    """Settings of the simulator; environment prefix `SIM_`. Times are seconds.

    Raises `pydantic.ValidationError` when a host or URL is not loopback.
    """

    model_config = SettingsConfigDict(env_prefix="SIM_", env_nested_delimiter="__", extra="ignore")

    host: str = "127.0.0.1"
    port: int = Field(9099, ge=0, le=65535)

    daily_api_key: str | None = Field(None, description="The only key accepted; unset: any non-empty key.")
    refused_api_keys: list[str] = Field(
        default_factory=lambda: ["wrong-key"], description="Keys answered with 401."
    )
    domain_name: str = "frontdesk-simulator"
    domain_id: str = "1d5d1c9e-6f0c-4c0e-9b8f-0f5a3c1e7b21"

    dialin_webhook_url: str = Field(
        "http://127.0.0.1:8080/daily-dialin-webhook",
        description="Where calls go to numbers that have no dial-in config of their own.",
    )
    dialin_hmac: str = Field(DEFAULT_HMAC, description="Base64 secret of those webhooks.")
    purchased_numbers: list[str] = Field(
        default_factory=lambda: ["+12025550100", "+12025550101"],
        description="Numbers the domain owns at start.",
    )

    rate_limits: bool = Field(True, description="False: no Daily rate limit at all (benchmarks).")
    max_legs_per_room: int = Field(5, ge=0, description="max_sip_pstn_sessions_per_room (Daily docs).")

    cloud_public_key: str | None = Field(None, description="The only public key accepted; unset: any `pk_…`.")
    cloud_private_key: str | None = Field(
        None, description="The only private key accepted; unset: any `sk_…`."
    )
    cloud_agents: dict[str, AgentSettings] = Field(
        default_factory=lambda: {"frontdesk": AgentSettings()},
        description="Agents deployed at start, by name.",
    )
    runner_url: str | None = Field(
        None,
        description=(
            "Dev runner that starts bots, such as http://127.0.0.1:7860; unset: bots that do nothing."
        ),
    )
    runner_timeout_s: float = Field(30.0, gt=0, description="Wait for the dev runner's answer.")
    noop_bot_s: float = Field(1.0, ge=0, description="How long a bot that does nothing lives.")
    join_timeout_s: float = Field(
        60.0, gt=0, description="A session whose bot never joins its room ends after this time."
    )

    record_dir: Path | None = Field(
        Path(".frontdesk/calls"), description="Where recordings lie; unset: none."
    )
    switches: Switches = Field(default_factory=Switches)

    @field_validator("host")
    @classmethod
    def _host_is_loopback(cls, host: str) -> str:
        if not is_loopback_host(host):
            raise ValueError("the simulator binds loopback addresses only")
        return host

    @field_validator("dialin_webhook_url", "runner_url")
    @classmethod
    def _url_is_loopback(cls, url: str | None) -> str | None:
        return _loopback(url)

    @field_validator("dialin_hmac")
    @classmethod
    def _hmac_is_base64(cls, secret: str) -> str:
        try:
            base64.b64decode(secret, validate=True)
        except binascii.Error as error:
            raise ValueError("the HMAC secret must be base64") from error
        return secret
