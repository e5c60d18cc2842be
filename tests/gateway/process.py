"""The real gateway as a process of its own, which can be killed."""

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Self

import aiohttp

from frontdesk.demo.laptop import free_ports
from frontdesk.settings import GatewaySettings
from tests.gateway.gate import KEY, SECRET, Reply, signed

ROOT = Path(__file__).resolve().parents[2]
LONGEST_BUDGET_S = 2.9
"""Of the webhook; the product takes no longer one."""


class GatewayProcess:
    """`async with GatewayProcess(settings, folder) as process:` serves, `await process.kill()` is kill -9."""

    def __init__(self, settings: GatewaySettings, folder: Path, **more: str) -> None:
        (self._port,) = free_ports(1)
        self._log = folder / "gateway.log"
        self._variables = {
            "PATH": os.environ["PATH"],
            "PYTHON_DOTENV_DISABLED": "1",
            "PORT": str(self._port),
            "DAILY_API_KEY": settings.daily_api_key.get_secret_value(),
            "DAILY_API_URL": str(settings.daily_api_url),
            "LOCAL_SERVER_URL": str(settings.local_server_url),
            "PINLESS_HMAC_SECRET": SECRET,
            "FRONTDESK_API_KEYS": KEY,
            "DATABASE_URL": settings.database_url.get_secret_value(),
            "SPOOL_DIR": str(settings.spool_dir),
            "SPOOL_AFTER_S": str(settings.spool_after_s),
            "WEBHOOK_BUDGET_S": str(min(settings.webhook_budget_s, LONGEST_BUDGET_S)),
            "OUTREACH_RULES": settings.outreach_rules,
            "CAPACITY": str(settings.capacity),
            "DIAL_STARTS_PER_S": str(settings.dial_starts_per_s),
            **more,
        }

    async def __aenter__(self) -> Self:
        with self._log.open("w") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "server.py", cwd=ROOT, env=self._variables, stderr=log
            )
        self._http = aiohttp.ClientSession()
        async with asyncio.timeout(120):
            while not await self._serves():
                assert self._process.returncode is None, self._log.read_text()
                await asyncio.sleep(0.05)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()
        await self._http.close()

    async def kill(self) -> None:
        """End it at once, without a last word."""
        if self._process.returncode is None:
            self._process.kill()
        async with asyncio.timeout(60):
            await self._process.wait()

    async def ring(self, call: object) -> Reply:
        """Post a webhook as Daily does."""
        body = json.dumps(call, separators=(",", ":")).encode()
        url = f"http://127.0.0.1:{self._port}/daily-dialin-webhook"
        async with self._http.post(url, data=body, headers=signed(body)) as answer:
            content: Any = await answer.json()
            return Reply(answer.status, dict(answer.headers), content, 0)

    async def send(self, method: str, path: str, **options: Any) -> Reply:
        """Send a request with a key and read the answer, which must be JSON."""
        headers = {"Authorization": f"Bearer {KEY}"} | options.pop("headers", {})
        url = f"http://127.0.0.1:{self._port}{path}"
        began = time.monotonic()
        async with self._http.request(method, url, headers=headers, **options) as answer:
            content: Any = await answer.json(content_type=None)
        told = {name.lower(): value for name, value in answer.headers.items()}
        return Reply(answer.status, told, content, time.monotonic() - began)

    async def keeps(self, call_id: str) -> None:
        """Wait until a call is in the books of this gateway, where the next one finds it."""
        async with asyncio.timeout(60):
            while (await self.send("GET", f"/calls/{call_id}")).status != 200:
                await asyncio.sleep(0.05)

    async def _serves(self) -> bool:
        """Whether it answers, and reads its books."""
        try:
            return (await self.send("GET", "/calls?limit=1")).status == 200
        except aiohttp.ClientError:
            return False
