"""What happened on a call: a timeline in milliseconds, who said and understood what, and the sound of both sides."""

import asyncio
import json
import uuid
import wave
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from pydantic import BaseModel, Field

if TYPE_CHECKING:
    from frontdesk.simulator.clock import Clock

PHONE_RATE = 8000
KEPT = 2000
"""Finished calls that stay listed; their files stay anyway."""

State: TypeAlias = Literal["dialing", "ringing", "held", "connected", "transferred", "ended"]


class TimelineEntry(BaseModel):
    """One thing that happened."""

    ms: float = Field(description="Milliseconds since the call began.")
    event: str = Field(description="What happened, in the field's words: `ringing`, `answered`, `hung_up`, …")
    detail: Any = Field(None, description="More about it, depending on the event.")


class TranscriptEntry(BaseModel):
    """One line as the person at the phone said or understood it."""

    ms: float = Field(description="Milliseconds from the beginning of the call to the first sound of the line.")
    side: Literal["said", "heard"] = Field(description="`said` by the person, or `heard` by them from the bot.")
    text: str


class CallView(BaseModel):
    """A call as the control API shows it."""

    id: str
    direction: Literal["in", "out"]
    from_number: str | None = Field(description="Caller, E.164; null when withheld.")
    to_number: str
    state: State
    outcome: str | None = Field(description="How it ended; null while it lasts.")
    room: str | None = Field(description="Name of the room the phone leg was in.")
    session_id: str | None = Field(description="Daily's session id of the phone leg.")
    failed_expectations: int = Field(description="`expect` steps of the script that were not met.")
    late_frames: int = Field(description="20 ms frames that were more than 200 ms late: the machine is overloaded.")
    wav: str | None = Field(description="Stereo WAV, left the person, right the bot; null until the call has ended.")
    said: list[str] = Field(description="Lines that the person spoke.")
    heard: list[str] = Field(description="Lines that the person understood of the bot, from the sound alone.")
    transcript: list[TranscriptEntry]
    timeline: list[TimelineEntry]


Listener: TypeAlias = Callable[[dict[str, Any]], None]


class Record:
    """One call, from the first digit to the last sound."""

    def __init__(
        self,
        direction: Literal["in", "out"],
        from_number: str | None,
        to_number: str,
        clock: "Clock",
        publish: Listener = lambda _event: None,
    ) -> None:
        self.id = str(uuid.uuid4())
        self.direction = direction
        self.from_number = from_number
        self.to_number = to_number
        self.state: State = "dialing"
        self.outcome: str | None = None
        self.room: str | None = None
        self.session_id: str | None = None
        self.failed_expectations = 0
        self.late_frames = 0
        self.marked_first_sound = False
        self.wav: Path | None = None
        self.timeline: list[TimelineEntry] = []
        self.transcript: list[TranscriptEntry] = []
        self.done = asyncio.Event()
        self.sound = Sound()
        self._clock = clock
        self._publish = publish
        self._began = clock.monotonic()

    @property
    def now_ms(self) -> float:
        """Milliseconds since the call began."""
        return round((self._clock.monotonic() - self._began) * 1000, 1)

    def mark(self, event: str, detail: Any = None) -> None:
        """Write an event on the timeline."""
        entry = TimelineEntry(ms=self.now_ms, event=event, detail=detail)
        self.timeline.append(entry)
        self._publish({"call": self.id, "type": "timeline", **entry.model_dump()})

    def line(self, side: Literal["said", "heard"], text: str, ms: float) -> None:
        """Write down a line that the person said or understood."""
        entry = TranscriptEntry(ms=round(ms, 1), side=side, text=text)
        self.transcript.append(entry)
        self._publish({"call": self.id, "type": "transcript", **entry.model_dump()})

    def marked(self, event: str) -> bool:
        """Whether an event of that name is on the timeline."""
        return any(entry.event == event for entry in self.timeline)

    def said(self, side: Literal["said", "heard"] = "said") -> list[str]:
        """The lines of one side, in order."""
        return [entry.text for entry in self.transcript if entry.side == side]

    def end(self, outcome: str) -> None:
        """Close the call with its outcome; the first outcome stays."""
        if self.outcome is None:
            self.outcome = outcome
            self.state = "ended"
            self.mark("ended", outcome)

    def view(self) -> CallView:
        """The call as the control API shows it."""
        return CallView(
            id=self.id,
            direction=self.direction,
            from_number=self.from_number,
            to_number=self.to_number,
            state=self.state,
            outcome=self.outcome,
            room=self.room,
            session_id=self.session_id,
            failed_expectations=self.failed_expectations,
            late_frames=self.late_frames,
            wav=str(self.wav) if self.wav else None,
            said=self.said("said"),
            heard=self.said("heard"),
            transcript=self.transcript,
            timeline=self.timeline,
        )


class Sound:
    """Both sides of a call as 16-bit mono PCM at 8 kHz, aligned with the timeline."""

    def __init__(self) -> None:
        self.person = bytearray()
        self.bot = bytearray()

    def begin_at(self, ms: float) -> None:
        """Fill with silence up to a moment of the timeline; does nothing if the sound is already that long."""
        missing = int(ms * PHONE_RATE / 1000) * 2 - len(self.person)
        if missing > 0:
            self.person.extend(bytes(missing))
            self.bot.extend(bytes(missing))

    def add(self, person: bytes, bot: bytes) -> None:
        """Append one frame of each side; both have the same length."""
        self.person += person
        self.bot += bot

    def take(self) -> bytes:
        """Both sides interleaved, left the person; forgets them."""
        sides = [np.frombuffer(bytes(side), np.int16) for side in (self.person, self.bot)]
        self.person, self.bot = bytearray(), bytearray()
        return np.stack(sides, axis=1).tobytes()


def write_wav(path: Path, stereo: bytes) -> None:
    """Write 8 kHz 16-bit stereo PCM."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(PHONE_RATE)
        file.writeframes(stereo)


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
        """Close a call and write its files. Doing it twice is harmless."""
        if record.done.is_set():
            return
        record.end(outcome)
        if self._folder is not None:
            await asyncio.to_thread(self._write, record, self._folder)
        record.sound = Sound()
        record.done.set()

    def _write(self, record: Record, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        stereo = record.sound.take()
        if stereo:
            path = folder / f"{record.id}.wav"
            write_wav(path, stereo)
            record.wav = path
        text = json.dumps(record.view().model_dump(mode="json"), indent=1, ensure_ascii=False)
        (folder / f"{record.id}.json").write_text(text, encoding="utf-8")

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
