"""A stage for the bot's tests: the simulator in this process, `bot.py` on the real dev runner in its own."""

import asyncio
import os
import re
import signal
import sys
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import aiohttp
from aiohttp import web

from frontdesk.demo.laptop import free_ports
from frontdesk.simulator.foreign.environment import STANDIN_FOLDER, environment
from frontdesk.simulator.phone.people import Manner, Person
from frontdesk.simulator.records.record import Record
from frontdesk.simulator.rest.dialin_configs import DialinConfig
from frontdesk.simulator.server import SimulatorServer
from frontdesk.simulator.world import World

ROOT = Path(__file__).parents[2]
DEADLINE_S = 90.0
PAUSE_S = 1.5
"""People wait so long before they take a turn: a bot that stalls for a second has not finished."""
CLINIC = "+14155550100"


class BotProcess:
    """`python bot.py` as a developer starts it."""

    def __init__(self, base_url: str, variables: Mapping[str, str], program: str = "bot.py") -> None:
        self.url = f"http://127.0.0.1:{(port := free_ports(1)[0])}"
        self._command = [sys.executable, program, "--host", "127.0.0.1", "--port", str(port)]
        self.variables = {
            **environment(base_url, None),
            "PYTHONPATH": os.pathsep.join([str(STANDIN_FOLDER), str(ROOT)]),
            "PYTHON_DOTENV_DISABLED": "1",
            **variables,
        }
        self.lines: list[str] = []
        self._new_line = asyncio.Condition()
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            cwd=ROOT,
            env={**os.environ, **self.variables},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=2**20,
        )
        self._reader = asyncio.create_task(self._read())
        await self._ready()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(20):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        if self._reader is not None:
            await self._reader

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            async with self._new_line:
                self.lines.append(line.decode(errors="replace").rstrip())
                self._new_line.notify_all()

    async def _ready(self) -> None:
        async with asyncio.timeout(DEADLINE_S), aiohttp.ClientSession() as http:
            while self._process.returncode is None:
                try:
                    async with http.get(f"{self.url}/status") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    await asyncio.sleep(0.05)
        raise AssertionError("bot.py ended: " + "\n".join(self.lines))

    async def line(self, pattern: str, *, deadline_s: float = DEADLINE_S) -> str:
        """Wait for a line of the log that matches."""
        wanted = re.compile(pattern)
        seen = 0
        async with self._new_line:
            try:
                async with asyncio.timeout(deadline_s):
                    while True:
                        for line in self.lines[seen:]:
                            if wanted.search(line):
                                return line
                        seen = len(self.lines)
                        await self._new_line.wait()
            except TimeoutError:
                raise AssertionError(f"no line {pattern!r} in:\n" + "\n".join(self.lines[-60:])) from None

    def steps(self, call_id: str) -> list[str]:
        """The steps that the log tells of one call, in order."""
        found = (re.search(rf"{re.escape(call_id)} .*\| step (\w+)", line) for line in self.lines)
        return [match[1] for match in found if match]

    async def step(self, call_id: str, name: str, count: int = 1) -> None:
        """Wait until the log has told a step of a call so often."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                while self.steps(call_id).count(name) < count:
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"no {count} times {name} in {self.steps(call_id)}") from None

    async def ended(self, call_id: str, *, deadline_s: float = DEADLINE_S) -> str:
        """Wait for the end of a call; gives its reason and detail as they were logged."""
        line = await self.line(rf"{re.escape(call_id)} .*\| step ended ", deadline_s=deadline_s)
        return " ".join(re.findall(r"(?:reason|detail)=(\S+)", line))


class Stage:
    """Simulator, bot and a webhook that starts the bot as the gateway does."""

    def __init__(self, simulator: SimulatorServer, bot: BotProcess) -> None:
        self.simulator = simulator
        self.bot = bot
        # A connection that is kept may be closed in the moment in which it is used again.
        self.http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))
        self.overrides: dict[str, Any] = {}
        self._started: asyncio.Future[str] | None = None

    @property
    def world(self) -> World:
        """The simulated world."""
        return self.simulator.world

    async def open(self) -> None:
        """Serve the webhook and let the clinic's number point to it."""
        app = web.Application()
        app.router.add_post("/webhook", self._webhook)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/webhook"
        self.world.dialin_configs.add(DialinConfig("pinless_dialin", CLINIC, room_creation_api=url))

    async def close(self) -> None:
        """Stop serving."""
        await self._runner.cleanup()
        await self.http.close()

    async def call_in(self, script: Sequence[Any] = (), **manner: Any) -> tuple[Record, str]:
        """Somebody dials the clinic; gives their record and the bot's call id once the bot was started."""
        more = {name: manner.pop(name) for name in ("hold_patience_s",) if name in manner}
        started = self._started = asyncio.get_running_loop().create_future()
        manner.setdefault("pause_s", PAUSE_S)
        record = await self.world.network.call_in(
            "+14155550142", CLINIC, Manner(script=list(script), **manner), **more
        )
        async with asyncio.timeout(DEADLINE_S):
            return record, await started

    async def call_out(self, person: Person, number: str = "+14155550187", **overrides: Any) -> str:
        """Have the bot call somebody; gives the call's id."""
        if "pause_s" not in person.model_fields_set:
            person = person.model_copy(update={"pause_s": PAUSE_S})
        self.world.people.put(number, person)
        call_id = str(uuid.uuid4())
        body = await self.request(call_id, {"enable_dialout": True})
        body["workflow"] = "outreach"
        body["dialout_settings"] = {"phone_number": number}
        await self.start(body | overrides)
        return call_id

    async def request(self, call_id: str, properties: dict[str, Any]) -> dict[str, Any]:
        """A room and the body of a start request for it, without the line's settings."""
        name = f"room-{call_id[:8]}"
        room = await self._rest("rooms", {"name": name, "properties": properties})
        token = await self._rest("meeting-tokens", {"properties": {"room_name": name, "is_owner": True}})
        return {
            "room_url": room["url"],
            "token": token["token"],
            "session_id": call_id,
            "call_id": call_id,
            "organization_id": "0d6bb1a4-2f0e-4b51-9a53-6f1c2c5a7e10",
            "organization_slug": "bright-smile",
            "client_name": "Bright Smile Dental",
            "workflow": "reception",
        }

    async def start(self, body: dict[str, Any]) -> None:
        """Start the bot as both launchers do."""
        payload = {"createDailyRoom": False, "transport": "daily", "body": body | self.overrides}
        async with self.http.post(f"{self.bot.url}/start", json=payload) as answer:
            assert answer.status == 200, await answer.text()

    async def outgoing(self, number: str, count: int) -> list[Record]:
        """Wait until so many calls were placed to a number; gives their records."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                found = [one for one in self.world.records.all() if one.to_number == number]
                if len(found) >= count:
                    return found
                await asyncio.sleep(0.02)

    async def over(self, record: Record) -> Record:
        """Wait until a call is over for the person at the phone."""
        async with asyncio.timeout(DEADLINE_S):
            await record.done.wait()
        return record

    async def _webhook(self, request: web.Request) -> web.Response:
        sent = await request.json()
        if "callId" not in sent:
            return web.json_response({"status": "OK"})
        call_id = str(uuid.uuid4())
        body = await self.request(call_id, {"sip": {"sip_mode": "dial-in", "display_name": "caller"}})
        body["dialin_settings"] = {
            "call_id": sent["callId"],
            "call_domain": sent["callDomain"],
            "To": sent["To"],
            "From": sent.get("From"),
        }
        await self.start(body)
        if self._started is not None and not self._started.done():
            self._started.set_result(call_id)
        return web.json_response({"status": "OK"})

    async def _rest(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": "Bearer simulated-daily-key"}
        async with self.http.post(
            f"{self.simulator.base_url}/v1/{path}", json=body, headers=headers
        ) as answer:
            assert answer.status == 200, await answer.text()
            found: dict[str, Any] = await answer.json()
            return found
