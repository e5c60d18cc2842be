"""The processes of a laptop: started in order, watched, and stopped together."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import aiohttp

LOOPBACK = "127.0.0.1"
READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 8.0
GROUP_TIMEOUT_S = 2.0
LAST_LINES = 12

T = TypeVar("T")


class PartError(Exception):
    """A part could not start, or died; the text names it and says what to do."""


@dataclass(frozen=True)
class Part:
    """One process.

    Attributes:
        name: What it is called on the screen.
        command: Program and arguments.
        port: The loopback port that it serves.
        ready_path: HTTP path that answers 200 once it can be used.
        environment: Variables on top of this process's own.
        port_variable: The variable that moves it to another port.
    """

    name: str
    command: tuple[str, ...]
    port: int
    ready_path: str
    port_variable: str
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"http://{LOOPBACK}:{self.port}"


class House:
    """The running parts. Used as an async context manager: leaving it stops all of them.

    Args:
        log_dir: Folder for one file per part with all that it prints.
    """

    def __init__(self, log_dir: Path) -> None:
        self._log_dir = log_dir
        self._running: dict[str, asyncio.subprocess.Process] = {}

    async def __aenter__(self) -> Self:
        self._log_dir.mkdir(parents=True, exist_ok=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self, *parts: Part) -> None:
        """Start parts side by side and return when each is ready.

        Raises:
            PartError: A port is taken, a part died, or is not ready after a minute.
        """
        _check_apart(parts)
        for part in parts:
            _check_port(part)
        for part in parts:
            await self._spawn(part)
        await self.alongside(_all_ready(parts))

    async def alongside(self, work: Awaitable[T]) -> T:
        """Do some work while every part is alive.

        Raises:
            PartError: A part died first; the work is cancelled.
        """
        task = asyncio.ensure_future(work)
        deaths = [asyncio.create_task(p.wait(), name=name) for name, p in self._running.items()]
        try:
            await asyncio.wait([task, *deaths], return_when=asyncio.FIRST_COMPLETED)
            dead = next((death for death in deaths if death.done()), None)
            if dead is not None and not task.done():
                raise PartError(self._obituary(dead.get_name(), dead.result()))
            return await task
        finally:
            for pending in (task, *deaths):
                pending.cancel()

    async def stop(self, *names: str) -> None:
        """Ask parts (all, if none is named) to end, and make those end that do not."""
        processes = [
            self._running.pop(name) for name in names or tuple(self._running) if name in self._running
        ]
        for process in processes:
            _signal(process, signal.SIGTERM)
        waits = [asyncio.create_task(process.wait()) for process in processes]
        if waits:
            await asyncio.wait(waits, timeout=STOP_TIMEOUT_S)
        for process in processes:
            _signal(process, signal.SIGKILL)
            await process.wait()
            await _group_gone(process)

    def pid(self, name: str) -> int:
        """The process id of a running part."""
        return self._running[name].pid

    def log_file(self, name: str) -> Path:
        """The file with all that a part printed."""
        return self._log_dir / f"{name.replace(' ', '-')}.log"

    async def _spawn(self, part: Part) -> None:
        with self.log_file(part.name).open("wb") as log:
            self._running[part.name] = await asyncio.create_subprocess_exec(
                *part.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **part.environment},
                start_new_session=True,
            )

    def _obituary(self, name: str, code: int) -> str:
        lines = self.log_file(name).read_text(errors="replace").splitlines()[-LAST_LINES:]
        tail = "\n".join(f"    {line}" for line in lines)
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return f"The {name} {how}. Its last lines ({self.log_file(name)}):\n{tail}"


def _check_apart(parts: tuple[Part, ...]) -> None:
    by_port: dict[int, Part] = {}
    for part in parts:
        other = by_port.setdefault(part.port, part)
        if other is not part:
            raise PartError(
                f"The {other.name} and the {part.name} cannot both have port {part.port}: "
                f"choose another with {part.port_variable}=…"
            )


def _check_port(part: Part) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, part.port))
        except OSError as error:
            raise PartError(
                f"Port {part.port}, which the {part.name} needs, is taken ({error.strerror}). "
                f"End the program that holds it, or choose another with {part.port_variable}=…"
            ) from error


async def _all_ready(parts: tuple[Part, ...]) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
        await asyncio.gather(*(_ready(part, session) for part in parts))


async def _ready(part: Part, session: aiohttp.ClientSession) -> None:
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            while not await _answers(part, session):
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise PartError(f"The {part.name} is not ready after {READY_TIMEOUT_S:.0f} s.") from None


async def _answers(part: Part, session: aiohttp.ClientSession) -> bool:
    try:
        async with session.get(part.url + part.ready_path) as answer:
            return answer.status == 200  # noqa: PLR2004
    except (aiohttp.ClientError, TimeoutError):
        return False


def _signal(process: asyncio.subprocess.Process, number: int) -> bool:
    """Signal the part and whatever it started, its process group; False when nobody is left in it."""
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


async def _group_gone(process: asyncio.subprocess.Process) -> None:
    """Wait until what the part started is gone too; a zombie that nobody reaps is not waited for forever."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GROUP_TIMEOUT_S):
            while _signal(process, 0):
                await asyncio.sleep(0.01)
