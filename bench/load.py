"""A light HTTP/1.1 load generator on raw connections, and processes to point it at."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import cast

import uvloop

from bench.upstream import content_length

_ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Load:
    """What a run measured: seconds of each answer, in the order of the answers, and of the run."""

    latencies_s: list[float] = field(default_factory=list)
    elapsed_s: float = 0.0

    def median_ms(self, warm_up: int = 0, tail: int = 0) -> float:
        """Median latency in milliseconds, without so many answers at either end."""
        return median(self.latencies_s[warm_up : len(self.latencies_s) - tail]) * 1000

    def percentile_ms(self, percent: int) -> float:
        """Latency in milliseconds that so many percent of the answers kept."""
        return quantiles(self.latencies_s, n=100)[percent - 1] * 1000


def get(path: str) -> bytes:
    """A GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()


WITHOUT_BOOKS = ("-m", "bench.forgetful")
"""What Python runs for a gateway that keeps no books."""
Sign = Callable[[bytes], tuple[str, str]]


def dialin(signed: Sign, call_id: str | None = None) -> bytes:
    """A dial-in webhook for a call of its own; `signed` gives signature and timestamp of a body."""
    call = {
        "To": "+14155550100",
        "From": "+12025550123",
        "callId": call_id or str(uuid.uuid4()),
        "callDomain": "c1f8a4c0-5a6e-4d57-8f0d-5b7d3c7f0a11",
    }
    body = json.dumps(call, separators=(",", ":")).encode()
    signature, timestamp = signed(body)
    headers = {"X-Pinless-Signature": signature, "X-Pinless-Timestamp": timestamp}
    return post("/daily-dialin-webhook", body, headers)


def post(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """A POST request with JSON."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"{lines}Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def load(port: int, requests: list[bytes], connections: int, status: bytes = b" 200 ") -> Load:
    """Send all requests over so many connections, each as fast as it is answered with this status.

    Raises:
        RuntimeError: An answer was another one, or a connection was lost.
    """
    queue = iter(requests)
    return uvloop.run(_run(port, [queue] * connections, status))


def load_in_order(port: int, stories: list[list[bytes]], connections: int) -> Load:
    """Send stories over so many connections, the requests of each story one after the other.

    Raises:
        RuntimeError: An answer was not 200, or a connection was lost.
    """
    left = iter(stories)
    return uvloop.run(_run(port, [chain.from_iterable(left) for _ in range(connections)]))


async def _run(port: int, queues: list[Iterator[bytes]], status: bytes = b" 200 ") -> Load:
    result = Load()
    loop = asyncio.get_running_loop()
    callers = [
        (await loop.create_connection(partial(_Caller, queue, result, status), "127.0.0.1", port))[1]
        for queue in queues
    ]
    began = time.perf_counter()
    await asyncio.gather(*(caller.start() for caller in callers))
    result.elapsed_s = time.perf_counter() - began
    return result


class _Caller(asyncio.Protocol):
    """One connection: sends the next request as soon as the last one is answered."""

    def __init__(self, queue: Iterator[bytes], result: Load, status: bytes) -> None:
        self._queue = queue
        self._result = result
        self._status = status
        self._done = asyncio.get_running_loop().create_future()
        self._buffer = b""
        self._began = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def start(self) -> asyncio.Future[None]:
        """Send the first request; done when the queue is empty."""
        self._send()
        return self._done

    def _send(self) -> None:
        request = next(self._queue, None)
        if request is None:
            self._done.set_result(None)
            self._transport.close()
            return
        self._began = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found or len(body) < content_length(head):
            return
        self._result.latencies_s.append(time.perf_counter() - self._began)
        self._buffer = b""
        if self._status in head[:16]:
            self._send()
        else:
            self._fail(head.decode())

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the connection was lost: {exc}")

    def _fail(self, reason: str) -> None:
        if not self._done.done():
            self._done.set_exception(RuntimeError(reason))


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used so far (Linux: the clock of another process)."""
    return time.clock_gettime((~pid << 3) | 2)


@contextmanager
def _pinned(*, gateway: bool) -> Iterator[None]:
    """Start processes on a core of their own: the gateway on the first, all that surrounds it on the others.

    Does nothing where processes cannot be pinned, or where there is one core only.
    """
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(cores) < 2:
        yield
        return
    os.sched_setaffinity(0, cores[:1] if gateway else cores[1:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


@contextmanager
def upstream(rest_ms: float = 0, start_ms: float = 0) -> Iterator[int]:
    """The light fake of Daily and the start API; gives its port."""
    command = [
        sys.executable,
        "-m",
        "bench.upstream",
        f"--rest-ms={rest_ms}",
        f"--start-ms={start_ms}",
    ]
    with _pinned(gateway=False):
        process = subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE)
    with process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


DAILY_KEY = "bench"
SECRET = "YmVuY2htYXJrLXNlY3JldC0wMTIzNDU2Nzg5"


@dataclass(frozen=True)
class Gateway:
    """A running gateway."""

    pid: int
    port: int
    books: Path


@contextmanager
def gateway(upstream_port: int, *program: str) -> Iterator[tuple[int, int]]:
    """The gateway as it is served in production; gives its pid and port."""
    with gateway_with_books(upstream_port, *program) as running:
        yield running.pid, running.port


@contextmanager
def gateway_with_books(
    upstream_port: int,
    *program: str,
    folder: Path | None = None,
    more: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Gateway]:
    """The same with its books, a SQLite file, and a CRM that is told of calls.

    Args:
        upstream_port: Of everything outside.
        program: What Python runs; `server.py` when nothing is given.
        folder: Where the books are; a new one when None.
        more: Further environment.
    """
    if folder is None:
        with TemporaryDirectory(prefix="frontdesk-bench-") as fresh:
            with gateway_with_books(upstream_port, *program, folder=Path(fresh), more=more) as running:
                yield running
            return
    port = _free_port()
    environment = {**_environment(upstream_port, port, folder), **more}
    command = [sys.executable, *(program or ("server.py",))]
    with Path(os.devnull).open("w") as log, _pinned(gateway=True):
        process = subprocess.Popen(command, cwd=_ROOT, env=environment, stderr=log)
    with process:
        try:
            _wait_until_served(port)
            with _pinned(gateway=False):
                yield Gateway(process.pid, port, folder / "frontdesk.db")
        finally:
            process.terminate()


def _environment(upstream_port: int, port: int, folder: Path) -> dict[str, str]:
    far = f"http://127.0.0.1:{upstream_port}"
    return {
        "PATH": os.environ["PATH"],
        "PYTHON_DOTENV_DISABLED": "1",
        "PORT": str(port),
        "DAILY_API_KEY": DAILY_KEY,
        "DAILY_API_URL": f"{far}/v1",
        "LOCAL_SERVER_URL": far,
        "PINLESS_HMAC_SECRET": SECRET,
        "DAILY_EVENTS_SECRET": SECRET,
        "FRONTDESK_API_KEYS": "bench",
        "DATABASE_URL": f"sqlite:///{folder / 'frontdesk.db'}",
        "SPOOL_DIR": str(folder / "spool"),
        "CRM_EVENTS_URL": f"{far}/crm/events",
        "CRM_SECRETS": f"whsec_{SECRET}",
        "CRM_ALLOW_PRIVATE": "true",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_served(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            load(port, [get("/healthz")], 1)
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the gateway did not start")
