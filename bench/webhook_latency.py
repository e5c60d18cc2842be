"""Latency of a dial-in webhook under load, as a multiple of the two round trips that it must take."""

import time

from bench.figures import Figure
from bench.load import SECRET, cpu_s, dialin, gateway, load, upstream
from frontdesk.dialin.signature import sign

_CONNECTIONS = 256
_CALLS = 4000
_REST_MS = 80


def measure() -> Figure:
    """Room 80 ms, token 80 ms, launch 0 ms, 256 connections."""
    with upstream(rest_ms=_REST_MS) as far, gateway(far) as (pid, port):
        load(port, [dialin(_sign) for _ in range(_CONNECTIONS)], _CONNECTIONS)
        before = cpu_s(pid)
        result = load(port, [dialin(_sign) for _ in range(_CALLS)], _CONNECTIONS)
        busy = (cpu_s(pid) - before) / result.elapsed_s
    physical = 2 * _REST_MS
    return Figure(
        "Median of a dial-in webhook / its two round trips to Daily",
        result.median_ms / physical,
        1.4,
        "×",
        f"{result.median_ms:.0f} ms / {physical} ms, {_CONNECTIONS} connections, "
        f"{len(result.latencies_s) / result.elapsed_s:.0f} calls/s, gateway at {busy:.0%} of a core",
    )


def _sign(body: bytes) -> tuple[str, str]:
    timestamp = str(int(time.time() * 1000))
    return sign(SECRET, timestamp, body), timestamp


if __name__ == "__main__":
    print(measure().row())
