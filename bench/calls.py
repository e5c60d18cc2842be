"""Whole simulated calls through gateway, dev runner and bot: first sound, eight at once, memory."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

import aiohttp

from bench.figures import Figure
from frontdesk.demo.laptop import Laptop, Ports
from frontdesk.demo.parts import House
from frontdesk.demo.world import World
from frontdesk.organizations import load_organizations

_CALL_TIMEOUT_S = 30
_SETTLING_S = 3
_WARM_UP, _WARM_CALLS, _ROUNDS, _AT_ONCE, _IN_A_ROW, _SETTLED = 4, 20, 5, 8, 50, 5
_CALLER = {"script": [{"wait": 0.4}, {"hang_up": True, "at_once": True}], "patience_s": 10}


def first_sound() -> Figure:
    """From the webhook to the first sound of the bot at the caller, one warm call after the other."""
    times = asyncio.run(_first_sounds())
    return Figure(
        "Webhook → first bot audio at the caller",
        median(times),
        200,
        "ms",
        f"median of {len(times)} warm calls one after the other ({min(times):.0f}-{max(times):.0f}), "
        "far ends at 0 ms",
    )


def burst() -> Figure:
    """How long the last of eight webhooks that arrive together waits for its answer."""
    times = asyncio.run(_bursts())
    return Figure(
        f"{_AT_ONCE} calls at once: last webhook answered",
        median(times),
        500,
        "ms",
        f"median of {len(times)} rounds ({min(times):.0f}-{max(times):.0f}), one dev runner",
    )


def memory() -> Figure:
    """What the bot process has grown by after many calls."""
    early, late = asyncio.run(_growth())
    return Figure(
        f"Bot process after {_IN_A_ROW} calls, above after {_SETTLED}",
        late - early,
        100,
        "MiB",
        f"{early:.0f} MiB after {_SETTLED}, {late:.0f} MiB after {_IN_A_ROW}, one after the other",
    )


class _Caller:
    """Somebody who calls, listens for a moment and hangs up."""

    def __init__(self, world: World, number: str, house: House, laptop: Laptop) -> None:
        self._world = world
        self._number = number
        self._runner = house.pid(laptop.runner.name)

    async def call(self) -> dict[str, float]:
        """Call once; gives the milliseconds of each event on the timeline."""
        call = await self._world.dial({"from": "+14155550142", "to": self._number, **_CALLER})
        async with asyncio.timeout(_CALL_TIMEOUT_S):
            while (record := await self._world.call(call))["state"] != "ended":
                await asyncio.sleep(0.05)
        return {entry["event"]: entry["ms"] for entry in record["timeline"]}

    async def calls(self, count: int) -> list[dict[str, float]]:
        """Call so many times, one after the other."""
        return [await self.call() for _ in range(count)]

    async def settled_mib(self) -> float:
        """Resident memory of the dev runner once the last call has been cleared away, in MiB."""
        readings = []
        for _ in range(_SETTLING_S * 10):
            readings.append(self._runner_mib())
            await asyncio.sleep(0.1)
        return min(readings)

    def _runner_mib(self) -> float:
        status = Path(f"/proc/{self._runner}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024


@asynccontextmanager
async def _caller() -> AsyncIterator[_Caller]:
    clinic = load_organizations(Path("clinics")).by_slug("bright-smile")
    with tempfile.TemporaryDirectory() as folder:
        laptop = Laptop(Ports.free(), simulated=True, books=Path(folder) / "books")
        unlimited = {"SIM_RATE_LIMITS": "false", "SIM_RECORD_DIR": folder}
        simulator = replace(laptop.simulator, environment={**laptop.simulator.environment, **unlimited})
        async with House(Path(folder)) as house, aiohttp.ClientSession() as session:
            await house.start(simulator, laptop.runner, laptop.gateway)
            world = World(session, laptop.simulator.url, laptop.gateway.url, laptop.api_key)
            caller = _Caller(world, clinic.numbers[0], house, laptop)
            await caller.calls(_WARM_UP)
            yield caller


async def _first_sounds() -> list[float]:
    async with _caller() as caller:
        calls = await caller.calls(_WARM_CALLS)
    return [call["first_bot_audio"] - call["webhook_sent"] for call in calls]


async def _bursts() -> list[float]:
    async with _caller() as caller:
        rounds = [await asyncio.gather(*(caller.call() for _ in range(_AT_ONCE))) for _ in range(_ROUNDS)]
    return [max(call["webhook_answered"] - call["webhook_sent"] for call in calls) for calls in rounds]


async def _growth() -> tuple[float, float]:
    async with _caller() as caller:
        await caller.calls(max(0, _SETTLED - _WARM_UP))
        early = await caller.settled_mib()
        await caller.calls(_IN_A_ROW - _SETTLED)
        return early, await caller.settled_mib()


if __name__ == "__main__":
    for measure in (first_sound, burst, memory):
        print(measure().row())
