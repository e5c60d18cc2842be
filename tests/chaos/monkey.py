"""The monkey: kills gateways and bot hosts, stalls the database, and lets Daily's events go astray."""

import asyncio
import random
import sqlite3
import time
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from tests.chaos.crash_points import CRASH_POINTS
from tests.chaos.processes import Process
from tests.chaos.town import Town

STALL_S = 1.5


@dataclass
class Log:
    """What the monkey has done."""

    random_kills: int = 0
    named_crashes: dict[str, int] = field(default_factory=dict)
    host_kills: int = 0
    stalls: int = 0
    lost: str = ""

    @property
    def kills(self) -> int:
        """How often a gateway died."""
        return self.random_kills + sum(self.named_crashes.values())


class Monkey:
    """Breaks things until it is told to stop.

    Args:
        town: What it breaks.
        chance: Of what is random.
        up_s: Shortest and longest life of a gateway before it is killed, in seconds.
        kills: How often gateways are to die at least.
        hosts: Whether hosts of bots die, too.
        loses_one: Whether the last gateway, once half of the kills are done, never comes back.
    """

    def __init__(
        self,
        town: Town,
        chance: random.Random,
        up_s: tuple[float, float],
        kills: int,
        *,
        hosts: bool = True,
        loses_one: bool = False,
    ) -> None:
        self.log = Log()
        self._town = town
        self._chance = chance
        self._up_s = up_s
        self._kills = kills
        self._hosts = hosts
        self._lost = town.gateways[-1] if loses_one else None
        self._points = list(CRASH_POINTS)
        chance.shuffle(self._points)

    async def run(self, calls_placed: asyncio.Event) -> None:
        """Break things until all calls are placed and gateways have died often enough; then heal them.

        A gateway that is to be lost stays dead.
        """
        await self._town.sim("PUT", "/faults", _faults(self._chance))
        async with asyncio.TaskGroup() as group:
            for gateway in self._town.gateways:
                group.create_task(self._torment(gateway, calls_placed))
            group.create_task(self._torment_hosts(calls_placed))
        await self._town.sim("PUT", "/faults", {})

    def _enough(self, calls_placed: asyncio.Event) -> bool:
        return calls_placed.is_set() and self.log.kills >= self._kills

    async def _torment(self, gateway: Process, calls_placed: asyncio.Event) -> None:
        """Kill it again and again; it is up at least as long as it was down, or nobody could be answered."""
        crashed = False
        while not self._enough(calls_placed):
            if gateway is self._lost and self.log.kills >= self._kills / 2:
                gateway.kill()
                self.log.lost = gateway.name
                return
            point = None if crashed or self._chance.random() > 0.6 else self._next_point()
            took_s = await self._restart(gateway, point)
            crashed = point is not None
            if point is None:
                await asyncio.sleep(max(took_s, self._chance.uniform(*self._up_s)))
                gateway.kill()
                self.log.random_kills += 1
            else:
                await self._until_it_crashes(gateway, point)
        await self._restart(gateway, None)

    def _next_point(self) -> str:
        """Each in turn, in an order of its own."""
        self._points.append(self._points.pop(0))
        return self._points[-1]

    async def _restart(self, gateway: Process, point: str | None) -> float:
        """Start it anew; how long that took, in seconds."""
        began = time.monotonic()
        gateway.kill()
        gateway.start(*([f"--crash-at={point}:{self._chance.randint(1, 4)}"] if point else []))
        await gateway.ready()
        return time.monotonic() - began

    async def _until_it_crashes(self, gateway: Process, point: str) -> None:
        """Wait for a named crash; where it does not come about, the gateway is killed all the same."""
        patience = time.monotonic() + 3 * self._up_s[1]
        while gateway.alive and time.monotonic() < patience:
            if point == "spool":
                await self._stall()
                await asyncio.sleep(STALL_S)
            await asyncio.sleep(0.05)
        if gateway.alive:
            gateway.kill()
            self.log.random_kills += 1
        else:
            self.log.named_crashes[point] = self.log.named_crashes.get(point, 0) + 1

    async def _torment_hosts(self, calls_placed: asyncio.Event) -> None:
        while not calls_placed.is_set():
            await asyncio.sleep(self._chance.uniform(4, 8))
            if not self._hosts or self._chance.random() < 0.5:
                await self._stall()
                continue
            host = self._chance.choice(self._town.hosts)
            host.kill()
            self.log.host_kills += 1
            host.start()
            await host.ready()

    async def _stall(self) -> None:
        """Keep every writer out of the database for a while."""
        self.log.stalls += 1
        url = self._town.plan.database_url
        if url.startswith("postgres"):
            await _lock_postgres(url, STALL_S)
        else:
            await asyncio.to_thread(_lock_sqlite, url.removeprefix("sqlite:///"), STALL_S)


async def _lock_postgres(url: str, seconds: float) -> None:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE calls IN EXCLUSIVE MODE")
            await asyncio.sleep(seconds)
    finally:
        await connection.close()


def _lock_sqlite(path: str, seconds: float) -> None:
    connection = sqlite3.connect(path, isolation_level=None, timeout=30)
    try:
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        connection.execute("ROLLBACK")
    finally:
        connection.close()


def _faults(chance: random.Random) -> dict[str, Any]:
    """Troubles of Daily: its events go astray, its answers get lost."""

    def rare(probability: float, **fault: Any) -> dict[str, Any]:
        return {"probability": probability, "seed": chance.randrange(1_000_000), **fault}

    return {
        "events": [
            rare(0.12, withhold=True),
            rare(0.15, copies=2),
            rare(0.15, delay_s=1.5),
            rare(0.15, hold_back=4),
        ],
        "endpoints": [
            rare(0.04, method="POST", route="/v1/rooms", reset=True, runs=True),
            rare(0.04, method="POST", route="/v1/rooms", status=500),
            rare(0.05, method="DELETE", route="/v1/rooms/{name}", status=500),
            rare(0.04, method="POST", route="/cloud/v1/public/{agent}/start", reset=True, runs=True),
            rare(0.10, route="/v1/*", latency_ms=300),
        ],
    }
