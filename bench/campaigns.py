"""What a campaign's file costs: the time until its report, and the gateway's memory meanwhile."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bench.figures import Figure
from bench.load import Gateway, gateway_with_books, upstream

OFF = {"OUTREACH_RULES": "off"}
"""The phones are none, so no clock may keep the bench waiting."""
_ROWS, _FEWER_ROWS, _POLL_S = 100_000, 10_000, 0.25


def time_taken() -> Figure:
    """How long a file of 100,000 rows takes, from the first byte to its report."""
    with upstream() as far, gateway_with_books(far, more=OFF) as running:
        taken = asyncio.run(_taken_in(running, _ROWS))
    return Figure(
        f"A campaign of {_ROWS:,} rows: from the first byte to its report",
        taken.seconds,
        180,
        "s",
        f"{taken.callable} rows can be called; CSV with two variables, {taken.megabytes:.1f} MB",
    )


def memory() -> Figure:
    """What the gateway's memory peaks at while it takes in a long file, above what a short one takes."""
    with upstream() as far:
        with gateway_with_books(far, more=OFF) as running:
            short = asyncio.run(_taken_in(running, _FEWER_ROWS))
        with gateway_with_books(far, more=OFF) as running:
            long = asyncio.run(_taken_in(running, _ROWS))
    return Figure(
        f"Gateway's peak memory with {_ROWS:,} rows, above that with {_FEWER_ROWS:,}",
        long.peak_mib - short.peak_mib,
        32,
        "MiB",
        f"{short.peak_mib:.0f} MiB with {_FEWER_ROWS:,} rows, {long.peak_mib:.0f} MiB with {_ROWS:,}",
    )


def phone(number: int) -> str:
    """One of eight million numbers that can be dialed."""
    return f"+1310{2_000_000 + number:07}"


@dataclass(frozen=True)
class _TakenIn:
    seconds: float
    callable: int
    megabytes: float
    peak_mib: float


async def _taken_in(running: Gateway, rows: int) -> _TakenIn:
    """Hand over a file of so many rows and wait for its report."""
    size = sum(len(chunk) for chunk in _file(rows))
    with _peak(running.pid) as peak:
        async with aiohttp.ClientSession(headers={"Authorization": "Bearer bench"}) as http:
            began = time.monotonic()
            report = await _report(http, f"http://127.0.0.1:{running.port}/campaigns", rows)
            seconds = time.monotonic() - began
    return _TakenIn(seconds, int(report["callable"]), size / 1e6, max(peak))


async def _report(http: aiohttp.ClientSession, url: str, rows: int) -> Mapping[str, Any]:
    form = aiohttp.FormData()
    form.add_field("settings", json.dumps({"name": "bench", "start": False}), content_type="application/json")
    form.add_field("file", _stream(rows), filename="rows.csv", content_type="text/csv")
    forever = aiohttp.ClientTimeout(total=600)
    async with http.post(url, data=form, timeout=forever) as answer:
        campaign: dict[str, Any] = await answer.json()
        assert answer.status < 300, campaign
    while campaign["state"] == "loading":
        await asyncio.sleep(_POLL_S)
        async with http.get(f"{url}/{campaign['campaign_id']}") as answer:
            campaign = await answer.json()
    return dict(campaign["report"])


async def _stream(rows: int) -> AsyncIterator[bytes]:
    for chunk in _file(rows):
        yield chunk
        await asyncio.sleep(0)


def _file(rows: int) -> Iterator[bytes]:
    yield b"phone_number,first_name,last_visit\n"
    for first in range(0, rows, 500):
        lines = (
            f"{phone(n)},Name{n},2026-03-{n % 28 + 1:02}\n" for n in range(first, min(first + 500, rows))
        )
        yield "".join(lines).encode()


@contextmanager
def _peak(pid: int) -> Iterator[list[float]]:
    """Resident memory of a process while the block lasts, in MiB, often looked at."""
    readings, over = [_rss_mib(pid)], threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            readings.append(_rss_mib(pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield readings
    finally:
        over.set()
        watcher.join()


def _rss_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


if __name__ == "__main__":
    for measure in (time_taken, memory):
        print(measure().row())
