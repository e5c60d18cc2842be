"""CPU of a dial-in webhook, as a multiple of GET /healthz on the same server."""

import time
from statistics import median

from bench.figures import Figure
from bench.load import SECRET, WITHOUT_BOOKS, cpu_s, dialin, gateway, get, load, upstream
from frontdesk.doors.signature import sign

_CONNECTIONS = 32
_ROUNDS = 10
_CALLS = 600
_PROBES = 3000


def measure() -> Figure:
    """Upstream at 0 ms, every request a call of its own, signed; the books are another figure."""
    with upstream() as far, gateway(far) as keeping, gateway(far, *WITHOUT_BOOKS) as bare:
        for pid, port in (keeping, bare):
            _cpu_ms(pid, port, _CALLS * [get("/healthz")] + [dialin(_sign) for _ in range(_CALLS)])
        rounds = [(*_round(*bare), *_round(*keeping)) for _ in range(_ROUNDS)]
    call, probe, kept, _ = (median(column) for column in zip(*rounds, strict=True))
    return Figure(
        "CPU per dial-in webhook / CPU per GET /healthz, without the books",
        median(call / probe for call, probe, _, _ in rounds),
        8,
        "×",
        f"{call:.3f} ms / {probe:.3f} ms, {_CONNECTIONS} connections, median of {_ROUNDS} rounds; with the "
        f"books and the events to a CRM {kept:.3f} ms, {median(k / p for _, _, k, p in rounds):.2f} ×",
    )


def _round(pid: int, port: int) -> tuple[float, float]:
    """Both in turns, so that a busy machine slows both."""
    call = _cpu_ms(pid, port, [dialin(_sign) for _ in range(_CALLS)])
    return call, _cpu_ms(pid, port, [get("/healthz")] * _PROBES)


def _sign(body: bytes) -> tuple[str, str]:
    timestamp = str(int(time.time() * 1000))
    return sign(SECRET, timestamp, body), timestamp


def _cpu_ms(pid: int, port: int, requests: list[bytes]) -> float:
    before = cpu_s(pid)
    load(port, requests, _CONNECTIONS)
    return (cpu_s(pid) - before) * 1000 / len(requests)


if __name__ == "__main__":
    print(measure().row())
