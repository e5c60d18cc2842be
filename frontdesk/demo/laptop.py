"""What runs on a laptop: which parts, on which ports, and whether the far ends are simulated or real."""

import base64
import contextlib
import os
import secrets
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import dotenv_values

from frontdesk.demo.parts import LOOPBACK, Part
from frontdesk.settings import LaptopSettings, is_placeholder

CHECKOUT = Path(__file__).resolve().parents[2]
STANDIN = CHECKOUT / "frontdesk" / "simulator" / "standin"
WORKING_DIR = Path(".frontdesk")
_NEVER_OUTGOING = range(15_000, 30_000)
REAL_KEYS = ("DAILY_API_KEY", "DEEPGRAM_API_KEY", "OPENAI_API_KEY", "CARTESIA_API_KEY")


@dataclass(frozen=True)
class Ports:
    """Loopback ports."""

    gateway: int
    runner: int
    simulator: int

    @classmethod
    def of(cls, settings: LaptopSettings) -> "Ports":
        """PORT, RUNNER_PORT and SIM_PORT."""
        return cls(settings.port, settings.runner_port, settings.sim_port)

    @classmethod
    def free(cls) -> "Ports":
        """Ports that nobody listens on, for a second set of parts beside the usual one."""
        return cls(*free_ports(3))


def free_ports(count: int) -> list[int]:
    """Loopback ports that nobody listens on, and that no outgoing connection takes before somebody does."""
    ports: list[int] = []
    while len(ports) < count:
        port = secrets.choice([port for port in _NEVER_OUTGOING if port not in ports])
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((LOOPBACK, port))
            ports.append(port)
    return ports


def _secret() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


@dataclass(frozen=True)
class Laptop:
    """One set of parts that know each other.

    Attributes:
        ports: Where they listen.
        simulated: Whether the far ends are simulated; else the keys of `.env` are used as they are.
        api_key: The CRM's key for the gateway.
        hmac: Base64 secret with which dial-in webhooks are signed.
        events_hmac: Base64 secret with which Daily's events are signed.
        books: Folder of the simulated laptop's database and spool.
        crm: Where the CRM is told of calls, and the secret that signs it; nobody is told when None.
    """

    ports: Ports
    simulated: bool
    api_key: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    hmac: str = field(default_factory=_secret)
    events_hmac: str = field(default_factory=_secret)
    books: Path = WORKING_DIR / "simulated"
    crm: tuple[str, str] | None = None

    @property
    def parts(self) -> tuple[Part, ...]:
        """Every part that must run, the far ends first."""
        ours = (self.runner, self.gateway)
        return (self.simulator, *ours) if self.simulated else ours

    @property
    def simulator(self) -> Part:
        """Daily, the phone network, people and AI vendors."""
        return Part(
            name="simulator",
            command=_python("-m", "frontdesk.simulator", "serve", "--port", str(self.ports.simulator)),
            port=self.ports.simulator,
            ready_path="/sim/health",
            port_variable="SIM_PORT",
            environment=_past_proxies()
            | {
                "SIM_DIALIN_WEBHOOK_URL": f"http://{LOOPBACK}:{self.ports.gateway}/daily-dialin-webhook",
                "SIM_DIALIN_HMAC": self.hmac,
                "SIM_RUNNER_URL": f"http://{LOOPBACK}:{self.ports.runner}",
                "SIM_RECORD_DIR": str(WORKING_DIR / "calls"),
            },
        )

    @property
    def runner(self) -> Part:
        """Pipecat's dev runner with `bot.py`."""
        return Part(
            name="dev runner",
            command=_python("bot.py", "--host", LOOPBACK, "--port", str(self.ports.runner), "-t", "daily"),
            port=self.ports.runner,
            ready_path="/status",
            port_variable="RUNNER_PORT",
            environment=self._far_ends() | self._voices(),
        )

    @property
    def gateway(self) -> Part:
        """`server.py`."""
        return Part(
            name="gateway",
            command=_python("server.py"),
            port=self.ports.gateway,
            ready_path="/healthz",
            port_variable="PORT",
            environment=self._far_ends() | self._doors(),
        )

    def _far_ends(self) -> dict[str, str]:
        if not self.simulated:
            return _past_proxies()
        return _past_proxies() | {
            "PYTHON_DOTENV_DISABLED": "1",
            "ENV": "local",
            "DAILY_ROOM_URL": "",
            "DAILY_API_KEY": "daily-key-of-the-simulator",
            "DAILY_API_URL": f"http://{LOOPBACK}:{self.ports.simulator}/v1",
        }

    def _voices(self) -> dict[str, str]:
        if not self.simulated:
            return {}
        vendors = f"{LOOPBACK}:{self.ports.simulator}"
        return {
            "PYTHONPATH": os.pathsep.join((str(STANDIN), os.environ.get("PYTHONPATH", ""))).rstrip(
                os.pathsep
            ),
            "DEEPGRAM_API_KEY": "deepgram-key-of-the-simulator",
            "DEEPGRAM_BASE_URL": f"ws://{vendors}/deepgram",
            "OPENAI_API_KEY": "openai-key-of-the-simulator",
            "OPENAI_BASE_URL": f"http://{vendors}/openai/v1",
            "CARTESIA_API_KEY": "cartesia-key-of-the-simulator",
            "CARTESIA_URL": f"ws://{vendors}/cartesia/tts/websocket",
        }

    def _doors(self) -> dict[str, str]:
        doors = {
            "HOST": LOOPBACK,
            "PORT": str(self.ports.gateway),
            "LOCAL_SERVER_URL": f"http://{LOOPBACK}:{self.ports.runner}",
        }
        if self.simulated:
            return doors | self._secrets() | self._keeping()
        return doors | {"ENV": "local"}

    def _secrets(self) -> dict[str, str]:
        return {
            "PINLESS_HMAC_SECRET": self.hmac,
            "DAILY_EVENTS_SECRET": self.events_hmac,
            "FRONTDESK_API_KEYS": self.api_key,
        }

    def _keeping(self) -> dict[str, str]:
        """Books of their own, so that simulated calls never stand among real ones; and who is told.

        Nobody's night is disturbed by a simulated phone: it rings at any hour.
        """
        url, secret = self.crm or ("", "")
        return {
            "OUTREACH_RULES": "off",
            "DATABASE_URL": f"sqlite:///{self.books / 'frontdesk.db'}",
            "SPOOL_DIR": str(self.books / "spool"),
            "CRM_EVENTS_URL": url,
            "CRM_SECRETS": secret,
            "CRM_ALLOW_PRIVATE": "true",
        }


def _past_proxies() -> dict[str, str]:
    """The parts talk to each other over loopback, also where the machine has a proxy for everything else."""
    spared = [
        name for name in (os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or "").split(",") if name
    ]
    value = ",".join(dict.fromkeys([*spared, "127.0.0.1", "localhost", "::1"]))
    return {"NO_PROXY": value, "no_proxy": value}


def _python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, *arguments)


@dataclass(frozen=True)
class Keys:
    """Which of the real world's keys are there, in the environment or in `.env`."""

    present: tuple[str, ...]
    missing: tuple[str, ...]
    values: Mapping[str, str] = field(repr=False)

    @classmethod
    def read(cls, dotenv: Path = Path(".env")) -> "Keys":
        """Look into `.env`, then into the environment, which `.env` outranks as in pipecat's dev runner."""
        values = dict(os.environ) | {k: v for k, v in dotenv_values(dotenv).items() if v}
        present = tuple(name for name in REAL_KEYS if _usable(name, values.get(name)))
        return cls(present, tuple(name for name in REAL_KEYS if name not in present), values)

    @property
    def crm(self) -> str:
        """A key that the gateway takes from a CRM; empty when it asks for none."""
        return self.values.get("FRONTDESK_API_KEYS", "").split(",")[0].strip()

    @property
    def complete(self) -> bool:
        """Whether real calls are possible."""
        return not self.missing


def _usable(name: str, value: str | None) -> bool:
    return bool(value) and not is_placeholder(value or "", name)
