"""The leak audit: what a gateway holds after many calls, against what it held after the first hundred."""

import asyncio
import json
import os
import random
import signal
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.chaos.judge import Judge
from tests.chaos.town import CRM_KEY, Town, TownPlan
from tests.chaos.traffic import CLINIC, Seen

AT_ONCE = 10
WARM_UP = 100
LONGEST_IDLE_S = 45.0
"""By then every connection that was kept for later is closed."""
MORE_FILES, MORE_TASKS, MORE_KIB = 4, 2, 24 * 1024
"""What may be there more: connections in pools come and go; the allocator keeps some pages."""
HANGS_UP = [{"hang_up": True, "at_once": True}]


@dataclass(frozen=True)
class Held:
    """What a gateway holds while nothing happens."""

    files: int
    tasks: int
    rss_kib: int
    task_names: dict[str, int] = field(repr=False)


@dataclass(frozen=True)
class Audit:
    """What was held early and late."""

    calls: int
    early: Held
    late: Held
    wrong: list[str]

    def __str__(self) -> str:
        grown = (self.late.rss_kib - self.early.rss_kib) / 1024
        lines = [
            f"leak audit, {self.calls} calls: files {self.early.files} → {self.late.files}",
            f"tasks {self.early.tasks} → {self.late.tasks}",
            f"memory {self.early.rss_kib / 1024:.1f} → {self.late.rss_kib / 1024:.1f} MiB ({grown:+.1f})",
            *(f"  WRONG: {one}" for one in self.wrong),
        ]
        return "\n".join(lines)


async def audit(each_way: int, warm_up: int = WARM_UP, idle_s: float = 35.0) -> Audit:
    """Place so many calls in and as many out, and compare with what was held after the first ones.

    Args:
        each_way: Calls in, and calls out.
        warm_up: The first ones, of both together.
        idle_s: How long the gateway has been idle when it is looked at, in seconds.
    """
    async with _town() as (town, books):
        await _calls(town, warm_up // 2, first=0)
        await asyncio.sleep(idle_s)
        early = await _held(town, books)
        await _calls(town, each_way - warm_up // 2, first=warm_up)
        await asyncio.sleep(idle_s)
        late = await _held(town, books)
        deadline = time.monotonic() + LONGEST_IDLE_S
        while _grown(early, late) and time.monotonic() < deadline:
            await asyncio.sleep(1)
            late = await _held(town, books)
    return Audit(2 * each_way, early, late, _grown(early, late))


def _grown(early: Held, late: Held) -> list[str]:
    allowed = {"files": MORE_FILES, "tasks": MORE_TASKS, "rss_kib": MORE_KIB}
    return [
        f"{name} grew from {getattr(early, name)} to {getattr(late, name)}"
        for name, more in allowed.items()
        if getattr(late, name) > getattr(early, name) + more
    ]


@asynccontextmanager
async def _town() -> AsyncIterator[tuple[Town, Path]]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        books = folder / "audit.jsonl"
        plan = TownPlan(
            folder=folder,
            database_url=f"sqlite:///{folder / 'frontdesk.db'}",
            production=False,
            talk_s=(5, 5),
            tuning={"audit": str(books)},
        )
        async with aiohttp.ClientSession() as http, Town(plan, http).running() as town:
            yield town, books


async def _calls(town: Town, each_way: int, first: int) -> None:
    """Place calls, a few at a time, and wait until nothing of them is left."""
    turns = asyncio.Semaphore(AT_ONCE)
    numbers = range(first, first + each_way)
    await asyncio.gather(*(_in(town, turns) for _ in numbers), *(_out(town, turns, n) for n in numbers))
    async with Judge(town, Seen()) as judge:
        assert await judge.settled(120) == []


async def _in(town: Town, turns: asyncio.Semaphore) -> None:
    async with turns:
        call = {"from": f"+1212736{random.randrange(10_000):04}", "to": CLINIC, "script": HANGS_UP}
        call_id = (await town.sim("POST", "/calls", call))["id"]
        await _over(town, call_id)


async def _over(town: Town, call_id: str) -> None:
    async with asyncio.timeout(120):
        while (await town.sim("GET", f"/calls/{call_id}"))["state"] != "ended":
            await asyncio.sleep(0.1)


async def _out(town: Town, turns: asyncio.Semaphore, number: int) -> None:
    async with turns:
        phone = f"+1310555{number:04}"
        await town.sim("PUT", f"/people/{phone}", {"script": HANGS_UP, "ring_s": 0.05})
        body = {"dialout_settings": {"phone_number": phone}}
        headers = {"Authorization": f"Bearer {CRM_KEY}"}
        accepted = await town.json("POST", f"{town.gateway_url}/dialout", body, headers)
        async with asyncio.timeout(120):
            while await _state(town, accepted["call_id"], headers) != "ended":
                await asyncio.sleep(0.1)


async def _state(town: Town, call_id: str, headers: dict[str, str]) -> str | None:
    """Where a call stands; None while it is in the spool only."""
    async with town.http.get(f"{town.gateway_url}/calls/{call_id}", headers=headers) as answer:
        return str((await answer.json())["state"]) if answer.status == 200 else None


async def _held(town: Town, books: Path) -> Held:
    """What the gateway says that it holds."""
    before = _audits(books)
    os.kill(town.gateways[0].pid, signal.SIGUSR1)
    async with asyncio.timeout(60):
        while len(after := _audits(books)) == len(before):
            await asyncio.sleep(0.1)
    held = after[-1]
    return Held(held["files"], held["tasks"], held["rss_kib"], held["task_names"])


def _audits(books: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in books.read_text().splitlines()] if books.exists() else []
