"""What keeping the books costs a call, and how many calls a second one gateway keeps on SQLite."""

import os
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.figures import Figure
from bench.lives import life, signed
from bench.load import (
    WITHOUT_BOOKS,
    Gateway,
    cpu_s,
    dialin,
    gateway_with_books,
    load,
    load_in_order,
    upstream,
)

_UNDELIVERED = ("-m", "bench.undelivered")
_CONNECTIONS, _ROUNDS, _CALLS = 32, 10, 600
_REST_MS, _QUIET_CONNECTIONS, _QUIET_CALLS = 80, 24, 1000
_SECONDS, _AT_ONCE, _EXPECTED = 20, 64, 300
_LIVES, _FIRST, _ENTERED_S = 500, 300, 20
_AFTERWARDS_S = 0.5
"""What a gateway still does after its last answer belongs to the cost."""


def cpu() -> Figure:
    """CPU that ledger, events and outbox add to a dial-in webhook under load."""
    with (
        upstream() as far,
        gateway_with_books(far) as delivering,
        gateway_with_books(far, *_UNDELIVERED) as keeping,
        gateway_with_books(far, *WITHOUT_BOOKS) as forgetful,
    ):
        for running in (delivering, keeping, forgetful):
            _cpu_ms(running)
        rounds = [(_cpu_ms(delivering), _cpu_ms(keeping), _cpu_ms(forgetful)) for _ in range(_ROUNDS)]
    _, with_books, without = (median(column) for column in zip(*rounds, strict=True))
    delivered = median(one - kept for one, kept, _ in rounds)
    return Figure(
        "CPU that ledger, events and outbox add to a dial-in webhook under load",
        median(kept - bare for _, kept, bare in rounds),
        0.5,
        "ms",
        f"{with_books:.3f} ms with, {without:.3f} ms without, {_CONNECTIONS} connections, median of "
        f"{_ROUNDS} rounds; delivering the events to a CRM afterwards: {delivered:.2f} ms more",
    )


def latency() -> Figure:
    """What the books add to the median of a dial-in webhook."""
    with (
        upstream(rest_ms=_REST_MS) as far,
        gateway_with_books(far) as keeping,
        gateway_with_books(far, *WITHOUT_BOOKS) as forgetful,
    ):
        rounds = [(_median_ms(keeping), _median_ms(forgetful)) for _ in range(5)]
    with_books, without = (median(column) for column in zip(*rounds, strict=True))
    return Figure(
        "What the books add to the median of a dial-in webhook",
        median(kept - bare for kept, bare in rounds),
        5,
        "ms",
        f"{with_books:.1f} ms with, {without:.1f} ms without, two round trips to Daily of {_REST_MS} ms, "
        f"{_QUIET_CONNECTIONS} connections, median of 5 rounds of {_QUIET_CALLS} calls",
    )


def rate() -> Figure:
    """How many calls a second one gateway takes and keeps on SQLite, each durable when it was answered."""
    with upstream() as far, TemporaryDirectory(prefix="frontdesk-bench-") as folder:
        with gateway_with_books(far, folder=Path(folder)) as running:
            lives = _lives(running, _installation(running.books))
            load(running.port, [dialin(signed) for _ in range(_FIRST)], _AT_ONCE)
            count = int(_EXPECTED * _SECONDS)
            elapsed_s = load(running.port, [dialin(signed) for _ in range(count)], _AT_ONCE).elapsed_s
            os.kill(running.pid, signal.SIGKILL)
        with gateway_with_books(far, folder=Path(folder)) as running:
            lost = _lost(running.books, _LIVES + _FIRST + count)
    return Figure(
        "Calls a second that one gateway takes and keeps on SQLite",
        0.0 if lost else count / elapsed_s,
        _EXPECTED,
        "calls/s",
        f"{count} calls, {_AT_ONCE} connections; killed after the last answer and started again: {lost} "
        f"lost; told of whole lives in {len(life('0' * 16))} requests each, it keeps {lives:.0f} calls/s",
        at_least=True,
    )


def _cpu_ms(running: Gateway) -> float:
    calls = [dialin(signed) for _ in range(_CALLS)]
    before = cpu_s(running.pid)
    load(running.port, calls, _CONNECTIONS)
    time.sleep(_AFTERWARDS_S)
    return (cpu_s(running.pid) - before) * 1000 / len(calls)


def _median_ms(running: Gateway) -> float:
    calls = [dialin(signed) for _ in range(_QUIET_CALLS)]
    return load(running.port, calls, _QUIET_CONNECTIONS).median_ms(_QUIET_CONNECTIONS, _QUIET_CONNECTIONS)


def _lives(running: Gateway, installation: str) -> float:
    """Calls a second, when every step of every call is told in a request of its own."""
    stories = [life(installation) for _ in range(_LIVES)]
    return _LIVES / load_in_order(running.port, stories, _AT_ONCE).elapsed_s


def _installation(books: Path) -> str:
    with closing(sqlite3.connect(books)) as connection:
        rows = connection.execute("SELECT value FROM notes WHERE name = 'installation'").fetchall()
    return str(rows[0][0])


def _lost(books: Path, expected: int) -> int:
    """How many calls are not in the books, once all that was kept is entered."""
    deadline = time.monotonic() + _ENTERED_S
    while (lost := expected - _kept(books)) and time.monotonic() < deadline:
        time.sleep(0.5)
    return lost


def _kept(books: Path) -> int:
    with closing(sqlite3.connect(books)) as connection:
        return int(connection.execute("SELECT count(*) FROM calls").fetchone()[0])


if __name__ == "__main__":
    for measure in (cpu, latency, rate):
        print(measure().row())
