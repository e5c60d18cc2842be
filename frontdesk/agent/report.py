"""The steps of a call, told to whoever keeps its timeline."""

import time
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from loguru import logger

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
    GREETING = "greeting"
    FIRST_WORD = "first_word"
    SERVICE_ERROR = "service_error"
    CALLER_SILENT = "caller_silent"
    TOOL = "tool"
    ENDED = "ended"


class CallReport(Protocol):
    """Takes note of a call's steps. Facts are ids, counts and reasons, never personal data."""

    def step(self, name: Step, **facts: str | float) -> None:
        """Note one step."""

    def ended(self, reason: EndedReason, detail: str) -> None:
        """Note the end; called once."""


class LoggedReport:
    """Writes each step as one log line, with the milliseconds since the bot was started."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()

    def step(self, name: Step, **facts: str | float) -> None:
        """Log one step."""
        told = "".join(f" {key}={value}" for key, value in facts.items())
        logger.info("step {} at_ms={:.0f}{}", name.value, (self._clock() - self._began) * 1000, told)

    def ended(self, reason: EndedReason, detail: str) -> None:
        """Log the end."""
        self.step(Step.ENDED, reason=reason.value, **({"detail": detail} if detail else {}))
