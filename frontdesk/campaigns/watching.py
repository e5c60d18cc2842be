"""Watches a campaign in a terminal: a bar that grows, or a line now and then where there is none."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from frontdesk.calls.client import ApiError

_EVERY_S = 1.0
_LONGEST_PAUSE_S = 10.0
_LINE_EVERY_S = 10.0
_SETTLED = {"failed", "draft", "paused", "completed"}
Pause = Callable[[float], Awaitable[object]]


class Source(Protocol):
    """Who knows the campaign."""

    async def find(self, campaign_id: str) -> dict[str, Any]:
        """How it stands; raises `ApiError`."""


class Watching:
    """Shows how far a campaign has come, until it stands still.

    Args:
        source: Who knows it.
        console: Where it is shown.
        pause: Waits some seconds.
    """

    def __init__(self, source: Source, console: Console, *, pause: Pause = asyncio.sleep) -> None:
        self._source = source
        self._console = console
        self._pause = pause
        self._last_line = ""
        self._quiet_s = _LINE_EVERY_S

    async def until_read(self, campaign_id: str) -> dict[str, Any]:
        """Until the file was read.

        Raises:
            ApiError: The gateway refuses, and would again.
        """
        return await self._watch(campaign_id, lambda campaign: campaign["state"] != "loading")

    async def until_still(self, campaign_id: str) -> dict[str, Any]:
        """Until it is complete, paused, or canceled with its last call ended.

        Raises:
            ApiError: The gateway refuses, and would again.
        """
        return await self._watch(campaign_id, _is_still)

    async def _watch(self, campaign_id: str, done: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[told]}"),
        )
        with Progress(*columns, console=self._console, disable=not self._console.is_terminal) as bar:
            task = bar.add_task("", total=None, told="")
            pause = _EVERY_S
            while True:
                try:
                    campaign = await self._source.find(campaign_id)
                except ApiError as error:
                    if error.final:
                        raise
                    self._note(bar, task, f"{error}; next try in {pause:.0f} s")
                    await self._pause(pause)
                    pause = min(pause * 2, _LONGEST_PAUSE_S)
                    continue
                pause = _EVERY_S
                self._show(bar, task, campaign, last=done(campaign))
                if done(campaign):
                    return campaign
                await self._pause(_EVERY_S)

    def _show(self, bar: Progress, task: TaskID, campaign: dict[str, Any], *, last: bool) -> None:
        if campaign["state"] == "loading":
            rows = campaign["report"]["rows"]
            bar.update(task, description="reading", completed=rows, total=None, told="rows")
            line = f"reading: {rows} rows"
        else:
            progress = campaign["progress"]
            told = in_words(progress)
            ended = progress["ended"]
            bar.update(
                task, description=campaign["state"], completed=ended, total=progress["total"], told=told
            )
            line = f"{campaign['state']}: {ended} of {progress['total']}{f', {told}' if told else ''}"
        self._line(line, now=last)

    def _note(self, bar: Progress, task: TaskID, text: str) -> None:
        bar.update(task, told=text)
        self._line(text, now=True)

    def _line(self, line: str, *, now: bool) -> None:
        """Where there is no terminal: what is new, not too often."""
        self._quiet_s += _EVERY_S
        if self._console.is_terminal or line == self._last_line:
            return
        if now or self._quiet_s >= _LINE_EVERY_S:
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)
            self._last_line = line
            self._quiet_s = 0.0


def in_words(progress: dict[str, Any]) -> str:
    """What there is beside the calls that have ended, and why those have."""
    parts = [f"{progress[name]} {word}" for name, word in _PARTS if progress.get(name)]
    parts += [f"{count} {reason}" for reason, count in sorted(progress["reasons"].items())]
    return ", ".join(parts)


_PARTS = (
    ("going_on", "on the phone"),
    ("waiting", "waiting"),
    ("pending", "to come"),
    ("expired", "never called: the time was over"),
    ("canceled", "never called: canceled"),
)


def _is_still(campaign: dict[str, Any]) -> bool:
    return campaign["state"] in _SETTLED or campaign["ended_at"] is not None
