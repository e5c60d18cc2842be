"""Latency of a dial-in webhook under load, as a multiple of the two round trips that it must take."""

import time
from statistics import median

from bench.figures import Figure
from bench.load import SECRET, WITHOUT_BOOKS, cpu_s, dialin, gateway, load, upstream
from frontdesk.doors.signature import sign

_CONNECTIONS = 256
_REST_MS = 80
_ROUNDS = 3
_CALLS = 8000
_WARM_UP = 2000  # the first calls of all connections come at once, and bunch for a while


def measure() -> Figure:
    """Room 80 ms, token 80 ms, launch 0 ms, 256 connections; what the books add is a figure of its own."""
    with upstream(rest_ms=_REST_MS) as far, gateway(far) as keeping, gateway(far, *WITHOUT_BOOKS) as bare:
        for _, port in (keeping, bare):
            load(port, [dialin(_sign) for _ in range(_WARM_UP)], _CONNECTIONS)
        rounds = [_round(*bare) for _ in range(_ROUNDS)]
        kept, kept_rate, _ = _round(*keeping)
    latency, rate, busy = (median(column) for column in zip(*rounds, strict=True))
    physical = 2 * _REST_MS
    return Figure(
        "Median of a dial-in webhook / its two round trips to Daily, without the books",
        latency / physical,
        1.4,
        "×",
        f"{latency:.0f} ms / {physical} ms, {_CONNECTIONS} connections, {rate:.0f} calls/s, "
        f"gateway at {busy:.0%} of a core, median of {_ROUNDS} rounds of {_CALLS} calls; with the "
        f"books, more than one core can do, {kept:.0f} ms and {kept_rate:.0f} calls/s",
    )


def _round(pid: int, port: int) -> tuple[float, float, float]:
    """Median latency in a steady loop, calls a second, and how busy the gateway was."""
    calls = [dialin(_sign) for _ in range(_CALLS)]
    before = cpu_s(pid)
    result = load(port, calls, _CONNECTIONS)
    busy = (cpu_s(pid) - before) / result.elapsed_s
    return result.median_ms(_WARM_UP, _CONNECTIONS), _CALLS / result.elapsed_s, busy


def _sign(body: bytes) -> tuple[str, str]:
    timestamp = str(int(time.time() * 1000))
    return sign(SECRET, timestamp, body), timestamp


if __name__ == "__main__":
    print(measure().row())
