"""What happened on a call: a timeline in milliseconds, and who said and understood what."""

import asyncio
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pydantic import BaseModel, Field

from frontdesk.simulator.records.sound import Sound

if TYPE_CHECKING:
    from pathlib import Path

    from frontdesk.simulator.clock import Clock

State: TypeAlias = Literal["dialing", "ringing", "held", "connected", "transferred", "ended"]


class TimelineEntry(BaseModel):
    """One thing that happened."""

    ms: float = Field(description="Milliseconds since the call began.")
    event: str = Field(description="What happened, in the field's words: `ringing`, `answered`, `hung_up`, …")
    detail: Any = Field(None, description="More about it, depending on the event.")


class TranscriptEntry(BaseModel):
    """One line as the person at the phone said or understood it."""

    ms: float = Field(
        description="Milliseconds from the beginning of the call to the first sound of the line."
    )
    side: Literal["said", "heard"] = Field(
        description="`said` by the person, or `heard` by them from the bot."
    )
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
    late_frames: int = Field(
        description="20 ms frames that were more than 200 ms late: the machine is overloaded."
    )
    wav: str | None = Field(
        description="Stereo WAV, left the person, right the bot; null until the call has ended."
    )
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
        """Note the outcome; the first one stays. The state follows when the files are written."""
        if self.outcome is None:
            self.outcome = outcome
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
