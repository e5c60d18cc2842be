"""One trial: a town, calls in and out, a monkey, and afterwards the judge."""

import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import aiohttp

from tests.chaos.judge import Judge
from tests.chaos.light_bot import Manner
from tests.chaos.monkey import Log, Monkey
from tests.chaos.receiver import Mood
from tests.chaos.town import Town, TownPlan
from tests.chaos.traffic import Traffic
from tests.engine.servers import own_database

DatabaseKind = Literal["sqlite", "postgres"]
MANNERS = {
    Manner.NORMAL: 0.72,
    Manner.MUTE: 0.08,
    Manner.CRASHES: 0.08,
    Manner.HANGS: 0.06,
    Manner.ABSENT: 0.06,
}
IMPATIENT: dict[str, Any] = {
    "patience": {
        "join_s": 8,
        "lease_s": 6,
        "settle_s": 2,
        "confirm_s": 2,
        "retry_s": 1,
        "longest_retry_s": 3,
        "slack_s": 2,
        "expiry_s": 20,
        "close_tries": 1000,
    },
    "services": {
        "reaper_every_s": 0.5,
        "gateway_every_s": 1,
        "gateway_dead_after_s": 5,
        "takeover_grace_s": 1,
        "orphan_room_after_s": 10,
        "sweep_every_s": 3,
    },
    "pace": {"schedule_s": [0.3] * 200, "timeout_s": 2, "claim_s": 4, "poll_s": 0.5},
}


@dataclass(frozen=True)
class Trial:
    """What is tried.

    Attributes:
        seed: Repeats the choices of a trial; the machine's own timing remains.
        database: Where the books are.
        calls: How many calls are placed.
        kills: How often gateways die at least.
        gap_s: Mean seconds between two calls.
        up_s: Shortest and longest life of a gateway, in seconds.
        gateways: How many share the books.
        real_bots: How many calls at a time are taken by real bots.
        settle_s: How long everything may take to come to rest, in seconds.
    """

    seed: int
    database: DatabaseKind
    calls: int = 24
    kills: int = 4
    gap_s: float = 0.4
    up_s: tuple[float, float] = (0.5, 3.0)
    gateways: int = 1
    real_bots: int = 0
    settle_s: float = 150.0


@dataclass
class Outcome:
    """What came of a trial; all is well when `wrong` is empty."""

    trial: object
    wrong: list[str]
    log: Log
    totals: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    def __str__(self) -> str:
        lines = [f"{self.trial}", f"{self.log}, {self.seconds:.0f} s", f"{self.totals}"]
        return "\n".join([*lines, *(f"  WRONG: {one}" for one in self.wrong[:40])])


async def run(trial: Trial) -> Outcome:
    """Run one trial from nothing to the verdict."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        async with books(trial.database, folder) as url, aiohttp.ClientSession() as http:
            plan = TownPlan(
                folder=folder,
                database_url=url,
                gateways=trial.gateways,
                real_bots=trial.real_bots,
                manners=MANNERS,
                mood=Mood(),
                tuning=IMPATIENT,
                seed=trial.seed,
            )
            async with Town(plan, http).running() as town:
                outcome = await _in(town, trial)
    outcome.seconds = time.monotonic() - began
    return outcome


async def _in(town: Town, trial: Trial) -> Outcome:
    chance = random.Random(trial.seed)
    traffic = Traffic(town, trial.calls, trial.gap_s, chance)
    monkey = Monkey(town, random.Random(trial.seed + 1), trial.up_s, trial.kills)
    placed = asyncio.Event()

    async def place() -> None:
        await traffic.run()
        placed.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(place())
        group.create_task(monkey.run(placed))
    async with Judge(town, traffic.seen) as judge:
        left = await judge.settled(trial.settle_s)
        wrong = [*left, *await judge.broken()]
        totals = await judge.totals() | traffic.seen.totals()
    return Outcome(trial, wrong, monkey.log, totals)


@asynccontextmanager
async def books(database: DatabaseKind, folder: Path) -> AsyncIterator[str]:
    """The URL of an empty database."""
    if database == "sqlite":
        yield f"sqlite:///{folder / 'frontdesk.db'}"
        return
    async with own_database() as url:  # a new queue waits for every transaction of its database
        yield url
