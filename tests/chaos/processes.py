"""Processes that are killed and started again."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import aiohttp

from frontdesk.demo.laptop import CHECKOUT

READY_TIMEOUT_S = 90.0


class Process:
    """One program, which may be started and killed any number of times; its output goes to one file.

    Args:
        name: Of the log file.
        arguments: What Python is called with.
        url: Answers 200 once the program can be used.
        environment: On top of this process's own.
        folder: Where the log lies.
    """

    def __init__(
        self, name: str, arguments: tuple[str, ...], url: str, environment: Mapping[str, str], folder: Path
    ) -> None:
        self.name = name
        self.arguments = arguments
        self._url = url
        self._environment = {**os.environ, **environment}
        self._log = (folder / f"{name}.log").open("ab")
        self._process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def start(self, *more: str) -> None:
        """Start it with further arguments; returns at once."""
        self._process = subprocess.Popen(
            [sys.executable, *self.arguments, *more],
            cwd=CHECKOUT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        self.started_at = time.monotonic()

    async def ready(self) -> bool:
        """Wait until it can be used; False when it has died before.

        Raises:
            TimeoutError: It lives and cannot be used.
        """
        async with asyncio.timeout(READY_TIMEOUT_S), aiohttp.ClientSession() as http:
            while self.alive:
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with http.get(self._url, timeout=aiohttp.ClientTimeout(total=2)) as answer:
                        if answer.status == 200:
                            return True
                await asyncio.sleep(0.05)
        return False

    def kill(self) -> None:
        """`kill -9`, and wait until it is gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to end; gives its exit code."""
        return self._end(signal.SIGTERM)

    def close(self) -> None:
        """Leave nothing behind."""
        self.kill()
        self._log.close()

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        self._process.send_signal(number)
        try:
            return self._process.wait(40)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
