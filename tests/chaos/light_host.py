"""Takes start requests as pipecat's dev runner does, for light bots; a process of its own, to be killed.

`python -m tests.chaos.light_host '{"port": 7860, "daily": "http://…/v1", …}'`; fields: `HostSettings`.
"""

import asyncio
import random
import sys
from pathlib import Path

import aiohttp
from aiohttp import web
from pydantic import BaseModel, Field, JsonValue

from frontdesk.contract import AgentRequest
from tests.chaos.light_bot import LightBot, Manner, Surroundings
from tests.chaos.reports import link_reports

TROUBLED_ATTEMPTS = 2
"""So many attempts of a call get the bot that its metadata name; those after them get a good one."""
HANGING_CALLS_S = 20
"""Only a call this short gets a bot that hangs: the gateway ends it at its maximum duration."""


class HostSettings(BaseModel):
    """How the host's bots are.

    Attributes:
        port: Loopback port.
        daily: Daily's REST API.
        seed: Of the bots' manners.
        manners: Weight of each manner, where the call's metadata name none; well-behaved bots when empty.
        talk_s: Shortest and longest stay on an answered call, in seconds.
        journal: File that gets a line for each bot that has gone: its call, and how many reports were taken.
    """

    port: int
    daily: str
    seed: int = 0
    manners: dict[Manner, float] = Field(default_factory=dict)
    talk_s: tuple[float, float] = (0.2, 2.0)
    journal: Path


class LightHost:
    """Starts bots and lets each live in a task of its own."""

    def __init__(self, settings: HostSettings, http: aiohttp.ClientSession) -> None:
        self._settings = settings
        self._http = http
        self._random = random.Random(settings.seed)
        self._bots: set[asyncio.Task[None]] = set()

    async def start(self, request: web.Request) -> web.Response:
        """`POST /start`."""
        wanted: dict[str, JsonValue] = await request.json()
        bot = asyncio.create_task(self._live(AgentRequest.model_validate(wanted["body"])))
        self._bots.add(bot)
        bot.add_done_callback(self._bots.discard)
        return web.json_response(None)

    async def status(self, _request: web.Request) -> web.Response:
        """`GET /status`."""
        return web.json_response({"bots": len(self._bots)})

    async def _live(self, request: AgentRequest) -> None:
        surroundings = Surroundings(
            self._http, self._settings.daily, lambda: self._random.uniform(*self._settings.talk_s)
        )
        async with link_reports(request, self._http, self._note) as reports:
            await LightBot(request, self._manner(request), reports, surroundings).run()

    def _manner(self, request: AgentRequest) -> Manner:
        wanted = request.metadata.get("manner")
        if wanted is not None:
            return Manner(str(wanted)) if request.attempt <= TROUBLED_ATTEMPTS else Manner.NORMAL
        weights = self._settings.manners
        if not weights:
            return Manner.NORMAL
        manner = self._random.choices(list(weights), list(weights.values()))[0]
        if manner is Manner.HANGS and request.limits.max_duration_s > HANGING_CALLS_S:
            return Manner.NORMAL
        return manner

    def _note(self, line: str) -> None:
        with self._settings.journal.open("a") as journal:
            journal.write(f"{line}\n")


async def serve(settings: HostSettings) -> None:
    """Serve until killed."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        host = LightHost(settings, http)
        app = web.Application()
        app.router.add_post("/start", host.start)
        app.router.add_get("/status", host.status)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", settings.port).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(HostSettings.model_validate_json(sys.argv[1])))
