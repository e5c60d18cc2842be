"""CPU of a dial-in webhook, as a multiple of GET /healthz on the same server."""

import asyncio
import time

from bench.figures import Figure
from bench.load import SECRET, Load, cpu_s, dialin, gateway, get, run, upstream
from frontdesk.dialin.signature import sign

_CONNECTIONS = 32
_CALLS = 6000
_PROBES = 20000


def measure() -> Figure:
    """Upstream at 0 ms, every request a call of its own, signed."""
    with upstream() as far, gateway(far) as (pid, port):
        _cpu_ms(pid, port, [dialin(_sign) for _ in range(500)])
        call = _cpu_ms(pid, port, [dialin(_sign) for _ in range(_CALLS)])
        probe = _cpu_ms(pid, port, [get("/healthz")] * _PROBES)
    return Figure(
        "CPU per dial-in webhook / CPU per GET /healthz",
        call / probe,
        8,
        "×",
        f"{call:.3f} ms / {probe:.3f} ms, {_CONNECTIONS} connections",
    )


def _sign(body: bytes) -> tuple[str, str]:
    timestamp = str(int(time.time() * 1000))
    return sign(SECRET, timestamp, body), timestamp


def _cpu_ms(pid: int, port: int, requests: list[bytes]) -> float:
    before = cpu_s(pid)
    load: Load = asyncio.run(run(port, requests, _CONNECTIONS))
    return (cpu_s(pid) - before) * 1000 / len(load.latencies_s)


if __name__ == "__main__":
    print(measure().row())
