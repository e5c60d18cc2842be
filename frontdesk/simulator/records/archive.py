"""All calls of a run, the files that are written of them, and who watches them live."""

import asyncio
import json
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from frontdesk.simulator.records.record import Record
from frontdesk.simulator.records.sound import Sound, write_wav

if TYPE_CHECKING:
    from frontdesk.simulator.clock import Clock

KEPT = 2000
"""Finished calls that stay listed; their files stay anyway."""


class Records:
    """All calls of this run, and who watches them live.

    :param folder: Where a WAV and a JSON file per call are written when it ends; None writes nothing.
    """

    def __init__(self, clock: "Clock", folder: Path | None) -> None:
        self._clock = clock
        self._folder = folder
        self._calls: OrderedDict[str, Record] = OrderedDict()
        self._watchers: set[asyncio.Queue[dict[str, Any] | None]] = set()

    def open(self, direction: Literal["in", "out"], from_number: str | None, to_number: str) -> Record:
        """Begin the record of a call."""
        record = Record(direction, from_number, to_number, self._clock, self.publish)
        self._calls[record.id] = record
        self._forget_oldest()
        return record

    def get(self, call_id: str) -> Record | None:
        """The call of that id."""
        return self._calls.get(call_id)

    def all(self) -> list[Record]:
        """Every call, oldest first."""
        return list(self._calls.values())

    async def finish(self, record: Record, outcome: str) -> None:
        """Close a call: note the outcome, write the WAV, say that it has ended, write the JSON.

        Doing it twice is harmless.
        """
        if record.outcome is not None:
            return
        record.end(outcome)
        if self._folder is not None:
            await asyncio.to_thread(_write_sound, record, self._folder)
        record.sound = Sound()
        record.state = "ended"
        if self._folder is not None:
            await asyncio.to_thread(_write_view, record, self._folder)
        record.done.set()

    def _forget_oldest(self) -> None:
        while len(self._calls) > KEPT and next(iter(self._calls.values())).done.is_set():
            self._calls.popitem(last=False)

    def publish(self, event: dict[str, Any]) -> None:
        """Show an event to everybody who watches."""
        for watcher in self._watchers:
            watcher.put_nowait(event)

    def watch(self) -> asyncio.Queue[dict[str, Any] | None]:
        """Begin to watch every call; the queue yields None when the simulator stops."""
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._watchers.add(queue)
        return queue

    def unwatch(self, queue: asyncio.Queue[dict[str, Any] | None]) -> None:
        """Stop watching."""
        self._watchers.discard(queue)

    def close(self) -> None:
        """Let everybody who watches go."""
        for watcher in self._watchers:
            watcher.put_nowait(None)


def _write_sound(record: Record, folder: Path) -> None:
    stereo = record.sound.take()
    if stereo:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{record.id}.wav"
        write_wav(path, stereo)
        record.wav = path


def _write_view(record: Record, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record.view().model_dump(mode="json"), indent=1, ensure_ascii=False)
    (folder / f"{record.id}.json").write_text(text, encoding="utf-8")
