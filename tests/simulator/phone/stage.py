"""What the simulator's tests are played on: a desk that takes webhooks, rooms, bots, people."""

import asyncio
import itertools
import uuid
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from aiohttp import web

from frontdesk.simulator.clock import ManualClock
from frontdesk.simulator.phone.people import Manner, Person
from frontdesk.simulator.records.record import Record
from frontdesk.simulator.rooms.room import Room
from frontdesk.simulator.server import SimulatorServer
from frontdesk.simulator.speech.listener import Listener
from frontdesk.simulator.speech.voice import say
from frontdesk.simulator.world import World
from tests.simulator.phone.bot_host import BotHost

DEADLINE_S = 60.0
PATIENT = "+14155550142"
CLINIC = "+12025550100"
GREETING = "Thank you for calling Maple Dental. How can I help you?"
ANSWER = "We are open from nine to five on weekdays."


class Desk:
    """Takes webhooks as a gateway would, and keeps them."""

    def __init__(self) -> None:
        self.calls: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.status = 200
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/webhook", self._take)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/webhook"
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        await self.calls.put(await request.json())
        return web.json_response({}, status=self.status)


async def until(holds: Callable[[], Any], what: str = "the condition") -> None:
    """Wait until something holds, up to a deadline."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not holds():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"{what} did not come about in {DEADLINE_S:.0f} s") from None


async def ended(record: Record) -> Record:
    """Wait until a call is over."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            await record.done.wait()
    except TimeoutError:
        raise AssertionError(f"the call did not end: {marks(record)}") from None
    return record


def marks(record: Record) -> list[str]:
    """The events of a call's timeline."""
    return [entry.event for entry in record.timeline]


def clock_of(server: SimulatorServer) -> ManualClock:
    """The clock of a simulator whose time is moved by hand."""
    assert isinstance(server.world.clock, ManualClock)
    return server.world.clock


async def advance_until_over(server: SimulatorServer, record: Record) -> None:
    """Move time in small steps until a call is over; voices and listener work in threads of their own."""
    async with asyncio.timeout(DEADLINE_S):
        while not record.done.is_set() and not record.outcome:
            await clock_of(server).advance(0.25)
            await asyncio.sleep(0.005)
    await ended(record)


async def spoken(record: Record, lines: int) -> None:
    """Wait until the person has finished so many lines."""
    await until(lambda: marks(record).count("person_silent") >= lines, f"line {lines} of the person")


def loudness(pcm: bytes) -> float:
    """Loudest 20 ms of 16-bit PCM at 8 kHz, as RMS."""
    samples = np.frombuffer(pcm[: len(pcm) // 320 * 320], np.int16).astype(float).reshape(-1, 160)
    return float(np.sqrt((samples**2).mean(axis=1)).max()) if len(samples) else 0.0


class Stage:
    """A simulator, a desk and bots that speak without any vendor."""

    def __init__(self, simulator: SimulatorServer, desk: Desk, bots: BotHost) -> None:
        self.simulator = simulator
        self.desk = desk
        self.bots = bots
        self._names = (f"bot-{uuid.uuid4().hex[:8]}-{number}" for number in itertools.count())

    @property
    def world(self) -> World:
        return self.simulator.world

    def room(self, **properties: Any) -> Room:
        return self.world.rooms.create(f"room-{uuid.uuid4().hex[:8]}", properties, "public")

    def token(self, room: Room, **properties: Any) -> str:
        self.world.tokens.saw_key("key")
        given = {"room_name": room.name, "is_owner": True, **properties}
        return self.world.tokens.sign(given, key="key", now=self.world.clock.wall())

    async def bot(self, room: Room, *, joins: bool = True, **more: Any) -> str:
        """Start a bot in a room; gives its name."""
        name = next(self._names)
        more.setdefault("token", self.token(room))
        url = f"{self.simulator.base_url}/v1"
        await self.bots.do(name, "start", room_url=room.url, api_url=url, **more)
        if joins:
            await self.bots.wait(name, "on_joined")
        return name

    async def call_in(
        self, *script: Any, number: str | None = PATIENT, **more: Any
    ) -> tuple[Record, str, Room]:
        """A patient calls; a bot takes the call. Gives the record, the bot's name and the room."""
        names = Manner.model_fields
        manner = Manner(script=list(script), **{k: more.pop(k) for k in list(more) if k in names})
        bot_options = {k: more.pop(k) for k in list(more) if k in {"rate", "user_tracks"}}
        record = await self.world.network.call_in(number, CLINIC, manner, **more)
        call = await asyncio.wait_for(self.desk.calls.get(), DEADLINE_S)
        room = self.room(sip={"display_name": "caller", "sip_mode": "dial-in", "num_endpoints": 1})
        dialin = {"call_id": call["callId"], "call_domain": call["callDomain"]}
        bot = await self.bot(room, dialin=dialin, **bot_options)
        await until(lambda: record.state == "connected", "the connection")
        return record, bot, room

    async def says(self, bot: str, text: str, rate: int = 8000) -> None:
        """Have a bot say a line that people can understand."""
        self.world.phrasebook.add_bot_line(text, "en-us+f3", 170)
        await self.bots.play(bot, say(text, rate, "en-us+f3", 170))

    async def understands(self, pcm: bytes, rate: int) -> str:
        """What a listener understands of a sound, among the lines that people may say."""
        listener = Listener(rate, self.world.phrasebook.person_phrases)
        heard = await asyncio.to_thread(listener.feed, pcm + bytes(2 * rate))
        return " ".join(one.text for one in heard)

    def settle(self, number: str, **person: Any) -> None:
        self.world.people.put(number, Person(**person))
