"""`make demo` with real keys: the clinic calls your own phone, and the bot's timeline scrolls by."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp

from frontdesk.demo.laptop import Laptop
from frontdesk.demo.parts import House
from frontdesk.demo.screen import Screen
from frontdesk.demo.world import World

WITHOUT_NUMBER = """\
.env holds real keys. Set DEMO_PHONE_NUMBER=+1… in it to your own phone, and `make demo` calls it:
a real call that costs money. To see the simulated demo instead: SIMULATED=1 make demo"""
_STEP = re.compile(r"step (?P<name>\w+) at_ms=(?P<ms>\d+) ?(?P<facts>.*)$")
_CALL_TIMEOUT_S = 600


async def call_my_phone(house: House, laptop: Laptop, number: str, timezone: str, screen: Screen) -> bool:
    """Place one real call; returns whether it was answered and the bot spoke.

    Args:
        house: Starts the parts.
        laptop: Which parts.
        number: Of your phone.
        timezone: By which clock it is called: as any patient's, it does not ring at night.
        screen: Where to tell.
    """
    screen.say("Everything is real now: Daily, the phone network and the AI vendors, with the keys of .env.")
    screen.chapter("The clinic calls your phone: pick up, and ask for the opening hours")
    await house.start(*laptop.parts)
    async with aiohttp.ClientSession() as session:
        world = World(session, "", laptop.gateway.url, laptop.api_key)
        accepted, _ = await world.crm_calls({"phone_number": number, "timezone": timezone})
    if why := accepted.get("waiting_for") or accepted.get("ended_reason"):
        when = accepted.get("next_attempt_at")
        screen.say(
            f"Your phone is not called now: {why}" + (f", not before {when}" if when else ""), "yellow"
        )
        return False
    steps = await house.alongside(_follow(house.log_file(laptop.runner.name), accepted["call_id"], screen))
    return {"answered", "first_word"} <= steps


async def _follow(log: Path, call: str, screen: Screen) -> set[str]:
    """Print the bot's steps until it says that the call has ended."""
    seen: set[str] = set()
    async with asyncio.timeout(_CALL_TIMEOUT_S):
        async for line in _lines(log):
            step = _STEP.search(line) if call in line else None
            if step is not None:
                screen.step(float(step["ms"]), step["name"], step["facts"])
                seen.add(step["name"])
            if "ended" in seen:
                break
    return seen


async def _lines(log: Path) -> AsyncIterator[str]:
    with log.open() as content:
        while True:
            line = content.readline()
            if line.endswith("\n"):
                yield line
            else:
                await asyncio.sleep(0.1)
