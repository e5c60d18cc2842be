"""Calls out: what accepting one costs while thousands wait, how fast an urgent one gets through, the rate."""

import asyncio
import json
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp

from bench.campaigns import OFF, phone
from bench.figures import Figure
from bench.load import gateway_with_books, load, post, upstream
from tests.chaos.phones import Phones
from tests.chaos.town import CRM_KEY, Town, TownPlan

_BACKLOG, _POSTED, _AT_ONCE = 10_000, 400, 16
_RATE, _RATE_S, _WARM_UP_S = 5.0, 40.0, 5.0
_OVERTAKEN_ROWS, _URGENT, _URGENT_GAP_S = 200, 10, 1.5
_BUSY = OFF | {"CAPACITY": "12", "INCOMING_RESERVE": "2", "DIAL_STARTS_PER_S": "5"}
_QUICK = {
    "outcomes": ["answer"],
    "ring_s": 0.2,
    "script": [{"wait": 0.3}, {"hang_up": True, "at_once": True}],
}


def accept() -> Figure:
    """How long POST /dialout takes with 10,000 calls waiting: accepted, on disk and in the queue's hands."""
    with upstream() as far, gateway_with_books(far, more=_BUSY) as running:
        load(running.port, [_dialout(number) for number in range(_BACKLOG)], _AT_ONCE, _ACCEPTED)
        one_by_one = [_dialout(_BACKLOG + number) for number in range(_POSTED)]
        alone = load(running.port, one_by_one, 1, _ACCEPTED)
        waiting = _waiting(running.books)
    return Figure(
        "Accepting a call out behind 10,000 that wait, on SQLite",
        alone.median_ms(),
        10,
        "ms",
        f"median of {_POSTED} requests one after the other, 95th percentile {alone.percentile_ms(95):.1f} "
        f"ms; {waiting} calls waited at the end",
    )


def overtaking() -> Figure:
    """From POST /dialout to the dial, while a campaign keeps every line busy that it may have."""
    times = asyncio.run(_overtaken())
    return Figure(
        "An urgent call overtakes a running campaign: from the request to the dial",
        median(times),
        1,
        "s",
        f"median of {len(times)} ({min(times):.2f}-{max(times):.2f}), {_OVERTAKEN_ROWS} rows, "
        "bots without speech",
    )


def rate() -> Figure:
    """How much of the configured rate the dialing keeps up."""
    dialed = asyncio.run(_dialed())
    return Figure(
        f"Dials of a campaign, of the {_RATE:g} a second that are configured",
        100 * dialed / (_RATE * _RATE_S),
        95,
        "%",
        f"{dialed} dials in {_RATE_S:.0f} s, counted at the phones, bots without speech",
        at_least=True,
    )


_ACCEPTED = b" 202 "
_HEADERS = {"Authorization": "Bearer bench", "Prefer": "respond-async"}


def _dialout(number: int) -> bytes:
    body = {"phone_number": phone(number), "external_id": f"bench-{number}"}
    return post("/dialout", json.dumps(body).encode(), _HEADERS)


def _waiting(books: Path) -> int:
    with closing(sqlite3.connect(books)) as connection:
        waiting = "SELECT count(*) FROM calls WHERE ended_at IS NULL AND next_attempt_at IS NOT NULL"
        return int(connection.execute(waiting).fetchone()[0])


@asynccontextmanager
async def _town(**settings: str) -> AsyncIterator[tuple[Town, Phones]]:
    """Gateway, light bots and simulated phones, and somebody who watches the phones."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        plan = TownPlan(
            folder=folder,
            database_url=f"sqlite:///{folder / 'frontdesk.db'}",
            production=False,
            settings=settings,
        )
        async with AsyncExitStack() as stack:
            http = await stack.enter_async_context(aiohttp.ClientSession())
            town = await stack.enter_async_context(Town(plan, http).running())
            yield town, await stack.enter_async_context(Phones(http, town.simulator_url).watched())


async def _start_campaign(town: Town, rows: int, people: Mapping[str, Any]) -> None:
    for number in range(rows):
        await town.sim("PUT", f"/people/{phone(number)}", people)
    form = aiohttp.FormData()
    form.add_field("settings", json.dumps({"name": "bench"}), content_type="application/json")
    file = "\n".join(["phone_number", *(phone(number) for number in range(rows))])
    form.add_field("file", file, filename="rows.csv", content_type="text/csv")
    headers = {"Authorization": f"Bearer {CRM_KEY}"}
    async with town.http.post(f"{town.gateway_url}/campaigns", data=form, headers=headers) as answer:
        assert answer.status < 300, await answer.text()


async def _overtaken() -> list[float]:
    settings = {"CAPACITY": "10", "INCOMING_RESERVE": "2", "SINGLE_RESERVE": "1", "DIAL_STARTS_PER_S": "5"}
    async with _town(**settings) as (town, phones):
        await _start_campaign(town, _OVERTAKEN_ROWS, _QUICK | {"script": [{"wait": 8}, {"hang_up": True}]})
        await asyncio.sleep(_WARM_UP_S)
        return [await _urgent(town, phones, _OVERTAKEN_ROWS + number) for number in range(_URGENT)]


async def _urgent(town: Town, phones: Phones, number: int) -> float:
    await town.sim("PUT", f"/people/{phone(number)}", _QUICK)
    headers = {"Authorization": f"Bearer {CRM_KEY}", "Prefer": "respond-async"}
    began = time.monotonic()
    await town.json("POST", f"{town.gateway_url}/dialout", {"phone_number": phone(number)}, headers)
    async with asyncio.timeout(60):
        while not (at := await _dialed_at(phones, phone(number))):
            await asyncio.sleep(0.05)
    await asyncio.sleep(_URGENT_GAP_S)
    return at - began


async def _dialed_at(phones: Phones, number: str) -> float | None:
    history = await phones.history()
    return next((moment.at for moment, call in history.of("dialed") if call.number == number), None)


async def _dialed() -> int:
    settings = {"CAPACITY": "60", "INCOMING_RESERVE": "2", "DIAL_STARTS_PER_S": f"{_RATE:g}"}
    rows = int(_RATE * (_RATE_S + 2 * _WARM_UP_S)) + 20
    async with _town(**settings) as (town, phones):
        await _start_campaign(town, rows, _QUICK)
        await asyncio.sleep(_WARM_UP_S + _RATE_S + _WARM_UP_S)
        times = [moment.at for moment, _ in (await phones.history()).of("dialed")]
    began = times[0] + _WARM_UP_S
    return sum(began <= at < began + _RATE_S for at in times)


if __name__ == "__main__":
    for measure in (accept, overtaking, rate):
        print(measure().row())
