"""`make dev`: every part on its fixed port, left running, restarted when code or clinics change."""

import asyncio
from pathlib import Path

import aiohttp
from rich.console import Console
from watchfiles import PythonFilter, awatch

from frontdesk.demo.laptop import CHECKOUT, WORKING_DIR, Keys, Laptop, Ports
from frontdesk.demo.parts import House, Part, PartError
from frontdesk.demo.screen import Screen
from frontdesk.demo.show import CALLEE, CLINIC, PATIENT, run
from frontdesk.demo.world import World
from frontdesk.organizations import load_organizations
from frontdesk.settings import LaptopSettings

WATCHED = ("bot.py", "server.py", "server_utils.py", "frontdesk", "clinics", ".env")
DEV_API_KEY = "dev-key"

SIMULATED = """\
Everything runs; the far ends are simulated. Try:

  1. A patient calls in and asks something:
     curl -s {simulator}/sim/calls -H 'content-type: application/json' \
-d '{{"from": "{patient}", "to": "{clinic}", \
"script": ["What are your opening hours?", "Have a nice day."]}}'

  2. The CRM has a patient called:
     curl -s {gateway}/dialout -H 'authorization: Bearer {key}' -H 'content-type: application/json' \
-d '{{"dialout_settings": {{"phone_number": "{callee}"}}}}'

  3. Read the record of the newest call; add /timeline or /transcript to its id for more:
     curl -s '{gateway}/calls?limit=1' -H 'authorization: Bearer {key}'
     curl -s {gateway}/calls/<call_id> -H 'authorization: Bearer {key}'

  4. Watch timelines and transcripts as they happen:
     curl -sN {simulator}/sim/events

  The simulator's API: {simulator}/sim/docs   The gateway's: {gateway}/docs   Logs: {logs}
"""
REAL = """\
Everything runs, with the keys of .env: calls are real and cost money. Try:

  1. Have the clinic call your phone:
     curl -s {gateway}/dialout -H 'content-type: application/json' \
-d '{{"dialout_settings": {{"phone_number": "+1…"}}}}'

  2. Read its record:
     curl -s '{gateway}/calls?limit=1'
     curl -s {gateway}/calls/<call_id>/timeline

  3. Take calls: set PINLESS_HMAC_SECRET, open a tunnel to {gateway}, and point a number at
     https://<tunnel>/daily-dialin-webhook (README, “Pointing a number at the gateway”).

  The gateway's API: {gateway}/docs   Logs: {logs}
"""


def run_dev() -> int:
    """Run until Ctrl-C; returns the exit code."""
    screen = Screen(Console(highlight=False, soft_wrap=True))
    return run(lambda: _dev(screen), screen)


async def _dev(screen: Screen) -> int:
    keys = Keys.read()
    laptop = Laptop(Ports.of(LaptopSettings.load()), simulated=not keys.complete, api_key=DEV_API_KEY)
    async with House(WORKING_DIR / "logs") as house:
        await house.start(*laptop.parts)
        await _subscribe(laptop)
        changes = await Changes.begin()
        screen.say(_welcome(laptop))
        if keys.present and keys.missing:
            screen.say(f"(For real calls, .env still lacks {', '.join(keys.missing)}.)", "yellow")
        await _reload_forever(house, laptop, screen, changes)
    return 0


async def _subscribe(laptop: Laptop) -> None:
    """Have the simulated Daily's events sent to the gateway; a real Daily cannot reach this machine."""
    if not laptop.simulated:
        return
    async with aiohttp.ClientSession() as session:
        world = World(session, laptop.simulator.url, laptop.gateway.url, laptop.api_key)
        await world.subscribe(laptop.events_hmac)


def _welcome(laptop: Laptop) -> str:
    clinic = load_organizations(Path("clinics")).by_slug(CLINIC)
    return (SIMULATED if laptop.simulated else REAL).format(
        simulator=laptop.simulator.url,
        gateway=laptop.gateway.url,
        key=laptop.api_key,
        clinic=clinic.numbers[0],
        patient=PATIENT,
        callee=CALLEE,
        logs=WORKING_DIR / "logs",
    )


async def _reload_forever(house: House, laptop: Laptop, screen: Screen, changes: "Changes") -> None:
    while True:
        changed = asyncio.ensure_future(changes.next())
        try:
            await house.alongside(asyncio.shield(changed))
        except PartError as error:
            screen.say(f"{error}\nWaiting for a change …", "red")
        paths = await changed
        screen.say(f"{', '.join(sorted({path.name for path in paths}))} changed: restarting", "yellow")
        touched = _touched(laptop, paths)
        await _restart(house, touched, screen)
        if laptop.simulator in touched:
            await _subscribe(laptop)


def _touched(laptop: Laptop, paths: set[Path]) -> list[Part]:
    """The parts that run changed code; the simulator keeps its calls while only ours changes."""
    folder = CHECKOUT / "frontdesk" / "simulator"
    simulator = any(folder in path.parents for path in paths)
    ours = any(folder not in path.parents for path in paths)
    return [part for part in laptop.parts if (simulator if part == laptop.simulator else ours)]


async def _restart(house: House, parts: list[Part], screen: Screen) -> None:
    await house.stop(*(part.name for part in parts))
    try:
        await house.start(*parts)
    except PartError as error:
        screen.say(str(error), "red")


class Changes:
    """Changed files, batch by batch."""

    @classmethod
    async def begin(cls) -> "Changes":
        """Start watching; every change after the return is noticed."""
        changes = cls()
        await asyncio.sleep(0)
        return changes

    def __init__(self) -> None:
        paths = [CHECKOUT / name for name in WATCHED if (CHECKOUT / name).exists()]
        files = PythonFilter(extra_extensions=(".yaml", ".env"))
        self._batches = awatch(*paths, watch_filter=files)
        self._next = asyncio.ensure_future(anext(self._batches))

    async def next(self) -> set[Path]:
        """Wait for the next batch."""
        batch = await self._next
        self._next = asyncio.ensure_future(anext(self._batches))
        return {Path(path) for _, path in batch}
