"""Watches calls until it is stopped: asks every second, and again after an outage."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from rich.console import Console
from rich.live import Live

from frontdesk.calls.board import Board
from frontdesk.calls.client import ApiError

_EVERY_S = 1.0
_LONGEST_PAUSE_S = 10.0
_FRAME_ROWS = 6
Pause = Callable[[float], Awaitable[object]]


class Source(Protocol):
    """Who knows the calls."""

    async def latest(self) -> list[dict[str, Any]]:
        """The calls to show, newest first."""


class Tail:
    """Shows live calls: a table in a terminal, lines elsewhere.

    Args:
        source: Who knows the calls.
        console: Where they are shown.
        board: How.
        pause: Waits some seconds.
        clock: Now, UTC seconds.
    """

    def __init__(
        self,
        source: Source,
        console: Console,
        board: Board,
        *,
        pause: Pause = asyncio.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._source = source
        self._console = console
        self._board = board
        self._pause = pause
        self._clock = clock
        self._calls: list[dict[str, Any]] = []

    async def run(self) -> None:
        """Show until canceled.

        Raises:
            ApiError: The gateway refuses, and would again.
        """
        if not self._console.is_terminal:
            await self._watch(self._print)
            return
        with Live(console=self._console, auto_refresh=False, vertical_overflow="crop") as live:
            await self._watch(lambda note: live.update(self._table(note), refresh=True))

    async def _watch(self, show: Callable[[str], None]) -> None:
        pause = _EVERY_S
        while True:
            try:
                self._calls = await self._source.latest()
            except ApiError as error:
                if error.final:
                    raise
                show(f"{error}; next try in {pause:.0f} s")
                await self._pause(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_S)
            else:
                show("")
                pause = _EVERY_S
                await self._pause(_EVERY_S)

    def _table(self, note: str) -> Any:
        rows = max(1, self._console.height - _FRAME_ROWS)
        return self._board.table(self._calls, self._clock(), rows, note)

    def _print(self, note: str) -> None:
        if note:
            self._console.print(note, markup=False, highlight=False)
            return
        for line in self._board.lines(self._calls, self._clock()):
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)
