"""`make demo`: start everything, tell the story, check it, stop everything."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
from rich.console import Console

from frontdesk.demo.crm import Crm
from frontdesk.demo.laptop import WORKING_DIR, Keys, Laptop, Ports
from frontdesk.demo.parts import House, PartError
from frontdesk.demo.real import WITHOUT_NUMBER, call_my_phone
from frontdesk.demo.screen import Screen
from frontdesk.demo.story import CALLEE, PATIENT, Story, Verdict
from frontdesk.demo.world import UnexpectedAnswerError, World
from frontdesk.organizations import OrganizationsError, load_organizations
from frontdesk.settings import LaptopSettings, SettingsError

__all__ = ["CALLEE", "CLINIC", "PATIENT", "run", "run_demo"]

FAILED, UNUSABLE, INTERRUPTED = 1, 2, 130
CLINIC = "bright-smile"


def run_demo() -> int:
    """Run the demo; returns the exit code: 0 only if both conversations really happened."""
    screen = Screen(Console(highlight=False, soft_wrap=True))
    return run(lambda: _demo(screen), screen)


def run(main: Callable[[], Awaitable[int]], screen: Screen) -> int:
    """Run something until it ends or somebody presses Ctrl-C (or sends SIGTERM)."""
    try:
        return asyncio.run(_until_stopped(main()))
    except asyncio.CancelledError:
        screen.say("\nStopped; nothing is left running.")
        return INTERRUPTED
    except (PartError, SettingsError, OrganizationsError, UnexpectedAnswerError) as error:
        screen.say(f"\n{error}", "red")
        return UNUSABLE
    except TimeoutError:
        screen.say("\nA call did not end in time; the logs lie in .frontdesk/logs.", "red")
        return FAILED


async def _until_stopped(work: Awaitable[int]) -> int:
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    return await task


async def _demo(screen: Screen) -> int:
    keys, settings = Keys.read(), LaptopSettings.load()
    if keys.complete and not os.environ.get("SIMULATED"):
        return await _real(keys, settings, screen)
    clinic = load_organizations(Path("clinics")).by_slug(CLINIC)
    _explain(keys, screen)
    async with AsyncExitStack() as stack:
        books = Path(stack.enter_context(TemporaryDirectory(prefix="frontdesk-demo-")))
        crm = await stack.enter_async_context(Crm())
        laptop = Laptop(Ports.of(settings), simulated=True, books=books, crm=(crm.url, crm.secret))
        house = await stack.enter_async_context(House(WORKING_DIR / "logs"))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        await house.start(*laptop.parts)
        world = World(session, laptop.simulator.url, laptop.gateway.url, laptop.api_key)
        await world.subscribe(laptop.events_hmac)
        verdicts = await house.alongside(Story(world, screen, clinic, crm).tell())
    return _conclude(verdicts, screen)


async def _real(keys: Keys, settings: LaptopSettings, screen: Screen) -> int:
    if settings.demo_phone_number is None:
        screen.say(WITHOUT_NUMBER, "yellow")
        return UNUSABLE
    async with House(WORKING_DIR / "logs") as house:
        laptop = Laptop(Ports.of(settings), simulated=False, api_key=keys.crm)
        clock = load_organizations(Path("clinics")).by_slug(CLINIC).timezone
        screen.say(f"By the clock of {clock}, and within the clinic's hours: as any patient is called.")
        happened = await call_my_phone(house, laptop, settings.demo_phone_number, str(clock), screen)
    return 0 if happened else FAILED


def _explain(keys: Keys, screen: Screen) -> None:
    screen.say(
        "Gateway, dev runner and bot are the real ones. Daily, the phones, the people and the AI vendors"
    )
    screen.say("are simulated on this machine: no account, no key, no network.")
    if keys.present and keys.missing:
        screen.say(f"(For real calls, .env still lacks {', '.join(keys.missing)}.)", "yellow")


def _conclude(verdicts: Sequence[Verdict], screen: Screen) -> int:
    screen.chapter("Checked: what each side heard, from its sound; the records; the CRM's events")
    for verdict in verdicts:
        ok = not verdict.missed
        screen.say(f"{'✓' if ok else '✗'} {verdict.title}", "green" if ok else "red")
        for claim in verdict.missed:
            screen.say(f"    missed: {claim}", "red")
        wav = Path(verdict.record["wav"])
        screen.say(f"    sound {wav}   timeline {wav.with_suffix('.json')}")
    return FAILED if any(verdict.missed for verdict in verdicts) else 0
