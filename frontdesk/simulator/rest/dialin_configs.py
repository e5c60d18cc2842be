"""What Daily knows about each number that can be called: the dial-in configs of the domain."""

import uuid
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from frontdesk.simulator.clock import Clock
from frontdesk.simulator.settings import SimulatorSettings
from frontdesk.simulator.webhooks.domain import new_secret

DialinType = Literal["pinless_dialin", "pin_dialin"]
DEFAULT_TIMEOUT_MESSAGE = "there are no available agents to service your call"


@dataclass(slots=True)
class DialinConfig:
    """One config. `phone_number` is E.164, None for SIP interconnect; `hmac` is base64; times are seconds."""

    type: DialinType
    phone_number: str | None = None
    name_prefix: str | None = None
    hmac: str = ""
    room_creation_api: str | None = None
    hold_music_url: str | None = None
    timeout_config: dict[str, Any] = field(default_factory=dict)
    ivr_greeting: dict[str, Any] | None = None
    hold_music_s: float = 30.0
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    sip_user: str = ""

    @property
    def sip_uri(self) -> str:
        """Where SIP interconnect reaches the config (form as in Daily's description)."""
        return f"{self.sip_user}@daily-frontdesk-pinless-sip.dapp.signalwire.com"

    @property
    def timeout_message(self) -> str:
        """What the caller hears when nobody takes the call within the hold."""
        return str(self.timeout_config.get("message") or DEFAULT_TIMEOUT_MESSAGE)

    @property
    def hold_s(self) -> float:
        """How long a caller is held: the music is played twice (Daily docs)."""
        return 2 * self.hold_music_s

    def shown(self) -> dict[str, Any]:
        """As the REST API shows it."""
        hidden = {"id", "hold_music_s", "sip_user"} | (
            set() if self.type == "pin_dialin" else {"ivr_greeting"}
        )
        config = {name: value for name, value in asdict(self).items() if name not in hidden}
        config = {name: value for name, value in config.items() if value not in (None, {}, "")}
        return {"id": self.id, "type": self.type, "config": {**config, "sip_uri": self.sip_uri}}


class DialinConfigs:
    """All dial-in configs, oldest first; numbers without one have the default of the settings."""

    def __init__(self, settings: SimulatorSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._configs: dict[str, DialinConfig] = {}

    def all(self) -> list[DialinConfig]:
        """Every config that was made over the REST API."""
        return list(self._configs.values())

    def get(self, config_id: str) -> DialinConfig | None:
        """The config with that id."""
        return self._configs.get(config_id)

    def by_number(self, number: str) -> DialinConfig | None:
        """The config of a number, if it has one of its own."""
        return next((one for one in self._configs.values() if one.phone_number == number), None)

    def for_call(self, to: str) -> DialinConfig:
        """The config that answers calls to a number or SIP user: its own, or the default of the settings."""
        user = to.removeprefix("sip:").partition("@")[0]
        for one in self._configs.values():
            if to == one.phone_number or user == one.sip_user:
                return one
        return self._default(to)

    def add(self, config: DialinConfig) -> DialinConfig:
        """Keep a new config: it gets its SIP user, its hold music and, if it has none, a secret."""
        made_at = int(self._clock.wall() * 1000)
        config.sip_user = f"{config.name_prefix or 'username'}--{made_at}{len(self._configs)}"
        self._configs[config.id] = config
        self.settle(config)
        return config

    def settle(self, config: DialinConfig) -> None:
        """Fill in what follows from other fields, after a change."""
        config.hmac = config.hmac or new_secret()
        switches = self._settings.switches
        own_music = config.hold_music_url is not None
        config.hold_music_s = switches.custom_hold_music_s if own_music else switches.default_hold_music_s

    def remove(self, config_id: str) -> None:
        """Forget a config."""
        del self._configs[config_id]

    def _default(self, to: str) -> DialinConfig:
        return DialinConfig(
            type="pinless_dialin",
            phone_number=to,
            hmac=self._settings.dialin_hmac,
            room_creation_api=self._settings.dialin_webhook_url,
            hold_music_s=self._settings.switches.default_hold_music_s,
            sip_user="default",
        )
