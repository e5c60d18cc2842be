"""What happens to a call, told to whoever keeps its timeline."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Literal, Protocol

from loguru import logger

from frontdesk.agent.link import Link
from frontdesk.ended import EndedReason


class Step(StrEnum):
    """What happened to a call, in the words of its timeline."""

    STARTED = "started"
    JOINED = "joined"
    DIALIN_READY = "dialin_ready"
    FORWARD_FAILED = "forward_failed"
    FORWARDED = "forwarded"
    CONNECTED = "connected"
    DIALING = "dialing"
    RINGING = "ringing"
    DIAL_ENDED = "dial_ended"
    ANSWERED = "answered"
    ANSWERED_BY = "answered_by"
    GREETING = "greeting"
    FIRST_WORD = "first_word"
    SERVICE_ERROR = "service_error"
    CALLER_SILENT = "caller_silent"
    TURN = "turn"
    TOOL = "tool"
    ENDING = "ending"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side said: the text as it was heard, or spoken until it was cut off.

    `started_at` and `ended_at` are UTC seconds, as far as they are known. `latency_ms` belongs to the bot's
    answers: `total` from the person's silence to the bot's first sound, then its parts.
    """

    role: Literal["user", "bot"]
    text: str = field(repr=False)
    started_at: float | None = None
    ended_at: float | None = None
    interrupted: bool = False
    latency_ms: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the language model called, and what came of it."""

    name: str
    arguments: Any = field(repr=False)
    result: Any = field(repr=False)
    ok: bool
    duration_ms: float | None


class CallReport(Protocol):
    """Takes note of what happens; never raises, never waits."""

    def step(self, name: Step, **facts: str | float) -> None:
        """Note one step. Facts are ids, counts and reasons, never personal data."""

    def turn(self, turn: Turn) -> None:
        """Note what was said; it is personal."""

    def tool(self, call: ToolCall) -> None:
        """Note a tool's call; it is personal."""

    def ending(self, reason: EndedReason, detail: str) -> None:
        """Note that the call is going to end; called once."""

    def ended(self, reason: EndedReason, detail: str) -> None:
        """Note that the bot has left; called once."""


class LoggedReport:
    """Writes each step as one log line, with the milliseconds since the bot was started."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()

    def step(self, name: Step, **facts: str | float) -> None:
        """Log one step."""
        told = "".join(f" {key}={value}" for key, value in facts.items())
        logger.info("step {} at_ms={:.0f}{}", name.value, (self._clock() - self._began) * 1000, told)

    def turn(self, turn: Turn) -> None:
        """What was said is in no log."""

    def tool(self, call: ToolCall) -> None:
        """What tools were told is in no log."""

    def ending(self, reason: EndedReason, detail: str) -> None:
        """Log that the end was decided."""
        self.step(Step.ENDING, **_why(reason, detail))

    def ended(self, reason: EndedReason, detail: str) -> None:
        """Log the end."""
        self.step(Step.ENDED, **_why(reason, detail))


_DROPPABLE = {Step.FORWARD_FAILED, Step.SERVICE_ERROR, Step.CALLER_SILENT}
_ONLY_LOGGED = {Step.STARTED, Step.TOOL}


class LinkedReport(LoggedReport):
    """Logs each step, and tells the gateway all there is to know."""

    def __init__(self, link: Link, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        self._link = link
        self._ready = False

    def step(self, name: Step, **facts: str | float) -> None:
        """Log and report one step."""
        super().step(name, **facts)
        # Daily repeats dialin-ready for every SIP endpoint; the first one is the milestone.
        repeated = name is Step.DIALIN_READY and self._ready
        self._ready |= name is Step.DIALIN_READY
        if name not in _ONLY_LOGGED and not repeated:
            self._link.tell(name.value, facts, droppable=name in _DROPPABLE)

    def turn(self, turn: Turn) -> None:
        """Report what was said."""
        self._link.tell(Step.TURN.value, _known(asdict(turn)), droppable=True)

    def tool(self, call: ToolCall) -> None:
        """Report a tool's call."""
        self._link.tell(Step.TOOL.value, asdict(call), droppable=True)


def _known(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}


def _why(reason: EndedReason, detail: str) -> dict[str, str]:
    return {"reason": reason.value, **({"detail": detail} if detail else {})}
