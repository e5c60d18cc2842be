"""Everything that the chaos is let loose on: simulator, bot hosts, gateways, a CRM, one database."""

import base64
import json
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from frontdesk.demo.laptop import Laptop, Ports, free_ports
from tests.chaos.balancer import Balancer
from tests.chaos.light_bot import Manner
from tests.chaos.processes import Process
from tests.chaos.receiver import CALM, Mood, Receiver

PRIVATE_KEY, PUBLIC_KEY, CRM_KEY = "sk_0123456789abcdef", "pk_0123456789abcdef", "crm-key-of-the-chaos"
_CALL = re.compile(r"\b[0-9a-f]{32}\b")
LIGHT, REAL = "light", "real"

CARRIER_RINGS_S = 1.5
"""How long a phone rings that nobody answers."""
JOIN_TIMEOUT_S = 20.0
"""After which the host ends sessions whose bot never came: some, nobody but the host knows of."""


@dataclass(frozen=True)
class TownPlan:
    """What a town is made of.

    Attributes:
        folder: For logs, spools and journals.
        database_url: The books.
        gateways: How many share them.
        production: Whether bots run on the simulated Pipecat Cloud, else on the dev runner's API.
        real_bots: How many calls at a time get a real bot; 0 needs no dev runner.
        manners: Weights of the light bots' manners.
        talk_s: Shortest and longest stay of a light bot on an answered call, in seconds.
        mood: Of the CRM.
        tuning: What the gateways' wrapper shortens; empty for the product's own values.
        settings: Further environment of the gateways, such as their capacity.
        hold_s: How long Daily holds a caller, in seconds.
        balanced: Whether a balancer stands before the gateways, also before a single one.
        seed: Of everything that is random.
    """

    folder: Path
    database_url: str
    gateways: int = 1
    production: bool = True
    real_bots: int = 0
    manners: dict[Manner, float] = field(default_factory=dict)
    talk_s: tuple[float, float] = (0.2, 2.0)
    mood: Mood = CALM
    tuning: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    hold_s: float = 60.0
    balanced: bool = False
    seed: int = 0


class Town:
    """A running town. `gateway_url` is where Daily, bots and the CRM reach the gateways."""

    def __init__(self, plan: TownPlan, http: aiohttp.ClientSession) -> None:
        self.plan = plan
        self.http = http
        self.hmac = _secret()
        self.events_hmac = _secret()
        self.crm_secrets = (f"whsec_{_secret()}", f"whsec_{_secret()}")
        self.crm = Receiver(self.crm_secrets, plan.mood, plan.seed)
        self.journal = plan.folder / "reports.txt"
        self._gateway_ports = free_ports(plan.gateways)
        simulator, host, runner = free_ports(3)
        self.simulator_url = f"http://127.0.0.1:{simulator}"
        self._host_port, self._runner_port = host, runner
        self.balancer = Balancer(self._gateway_ports)
        self.gateway_url = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Town"]:
        """Run everything for the length of a block."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.crm)
            self.gateway_url = f"http://127.0.0.1:{await self._front(stack)}"
            self._make_processes(stack)
            for process in (self.simulator, *self.hosts, *self.gateways):
                process.start()
            for process in (self.simulator, *self.hosts, *self.gateways):
                if not await process.ready():
                    raise RuntimeError(f"{process.name} did not start; see {self.plan.folder}")
            await self._subscribe()
            yield self

    async def _front(self, stack: AsyncExitStack) -> int:
        if len(self._gateway_ports) == 1 and not self.plan.balanced:
            return self._gateway_ports[0]
        await stack.enter_async_context(self.balancer)
        return self.balancer.port

    def _make_processes(self, stack: AsyncExitStack) -> None:
        self.simulator = self._simulator()
        self.light_host = self._light_host()
        self.hosts = [self.light_host, *([self._dev_runner()] if self.plan.real_bots else [])]
        self.gateways = [self._gateway(number, port) for number, port in enumerate(self._gateway_ports)]
        for process in (self.simulator, *self.hosts, *self.gateways):
            stack.callback(process.close)

    def _simulator(self) -> Process:
        light, real = self._url(self._host_port), self._url(self._runner_port)
        agents = {
            LIGHT: {"runner_url": light, "max_agents": 500},
            REAL: {"runner_url": real, "max_agents": self.plan.real_bots},
        }
        environment = {
            "SIM_DIALIN_WEBHOOK_URL": f"{self.gateway_url}/daily-dialin-webhook",
            "SIM_DIALIN_HMAC": self.hmac,
            "SIM_RECORD_DIR": str(self.plan.folder / "calls"),
            "SIM_RATE_LIMITS": "false",
            "SIM_CLOUD_AGENTS": json.dumps(agents),
            "SIM_SWITCHES__DIALIN_WEBHOOK_RETRIES": "10",
            "SIM_SWITCHES__CARRIER_RING_TIMEOUT_S": str(CARRIER_RINGS_S),
            "SIM_SWITCHES__DEFAULT_HOLD_MUSIC_S": str(self.plan.hold_s / 2),
            "SIM_JOIN_TIMEOUT_S": str(JOIN_TIMEOUT_S),
        }
        port = self.simulator_url.rpartition(":")[2]
        arguments = ("-m", "frontdesk.simulator", "serve", "--port", port)
        url = f"{self.simulator_url}/sim/health"
        return Process("simulator", arguments, url, environment, self.plan.folder)

    def _light_host(self) -> Process:
        settings = {
            "port": self._host_port,
            "daily": f"{self.simulator_url}/v1",
            "seed": self.plan.seed,
            "manners": self.plan.manners,
            "talk_s": self.plan.talk_s,
            "journal": str(self.journal),
        }
        arguments = ("-m", "tests.chaos.light_host", json.dumps(settings))
        return Process("light-host", arguments, f"{self._url(self._host_port)}/status", {}, self.plan.folder)

    def _dev_runner(self) -> Process:
        ports = Ports(self._gateway_ports[0], self._runner_port, int(self.simulator_url.rpartition(":")[2]))
        part = Laptop(ports, simulated=True).runner
        return Process(
            "dev-runner", part.command[1:], part.url + part.ready_path, part.environment, self.plan.folder
        )

    def _gateway(self, number: int, port: int) -> Process:
        environment = self._settings(port) | {"SPOOL_DIR": str(self.plan.folder / f"spool-{number}")}
        arguments = ("-m", "tests.chaos.gateway", json.dumps(self.plan.tuning))
        return Process(
            f"gateway-{number}", arguments, f"{self._url(port)}/healthz", environment, self.plan.folder
        )

    def _settings(self, port: int) -> dict[str, str]:
        hosts = {"LOCAL_SERVER_URL": self._url(self._host_port)}
        if self.plan.production:
            hosts = {
                "ENV": "production",
                "PIPECAT_API_URL": f"{self.simulator_url}/cloud/v1",
                "PIPECAT_API_KEY": PUBLIC_KEY,
                "PIPECAT_PRIVATE_KEY": PRIVATE_KEY,
                "PIPECAT_AGENT_NAME": f"{REAL},{LIGHT}" if self.plan.real_bots else LIGHT,
            }
        return (
            hosts
            | self.plan.settings
            | {
                "OUTREACH_RULES": "off",
                "PYTHON_DOTENV_DISABLED": "1",
                "PORT": str(port),
                "PUBLIC_URL": self.gateway_url,
                "DAILY_API_KEY": "daily-key-of-the-simulator",
                "DAILY_API_URL": f"{self.simulator_url}/v1",
                "PINLESS_HMAC_SECRET": self.hmac,
                "DAILY_EVENTS_SECRET": self.events_hmac,
                "FRONTDESK_API_KEYS": CRM_KEY,
                "DATABASE_URL": self.plan.database_url,
                "CRM_EVENTS_URL": self.crm.url,
                "CRM_SECRETS": ",".join(self.crm_secrets),
                "CRM_ALLOW_PRIVATE": "true",
                "LAUNCH_TIMEOUT_S": "10",
            }
        )

    async def _subscribe(self) -> None:
        """Have Daily's events sent to the gateways."""
        body = {
            "url": f"{self.gateway_url}/daily-events",
            "hmac": self.events_hmac,
            "retryType": "exponential",
        }
        await self.daily("POST", "/webhooks", body)

    def reports_taken(self) -> list[str]:
        """One line for each light bot that has gone: its call, and how many of its reports were taken."""
        return self.journal.read_text().splitlines() if self.journal.exists() else []

    def lost_with(self, gateway: str) -> frozenset[str]:
        """Calls of which a gateway that never came back had something in its spool."""
        number = gateway.rpartition("-")[2]
        spool = self.plan.folder / f"spool-{number}"
        files = [path for path in spool.rglob("*") if path.is_file()] if gateway else []
        return frozenset(found for path in files for found in _CALL.findall(path.read_text(errors="replace")))

    async def daily(self, method: str, path: str, body: Any = None) -> Any:
        """Use the simulated Daily's REST API."""
        headers = {"Authorization": "Bearer daily-key-of-the-simulator"}
        return await self.json(method, f"{self.simulator_url}/v1{path}", body, headers)

    async def sim(self, method: str, path: str, body: Any = None) -> Any:
        """Use the simulator's control API."""
        return await self.json(method, f"{self.simulator_url}/sim{path}", body)

    async def json(self, method: str, url: str, body: Any = None, headers: Any = None) -> Any:
        """One exchange that must succeed."""
        async with self.http.request(method, url, json=body, headers=headers) as answer:
            assert answer.status < 300, f"{method} {url}: {answer.status} {await answer.text()}"
            return await answer.json()

    @staticmethod
    def _url(port: int) -> str:
        return f"http://127.0.0.1:{port}"


def _secret() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()
