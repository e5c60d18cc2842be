"""Stand-ins that the agent's unit tests share; each keeps what it was told."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from frontdesk.agent.report import Step, ToolCall, Turn
from frontdesk.ended import EndedReason


@dataclass
class NotedReport:
    """A report that remembers."""

    steps: list[str] = field(default_factory=list)
    facts: list[dict[str, str | float]] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    tools: list[ToolCall] = field(default_factory=list)
    endings: list[tuple[EndedReason, str]] = field(default_factory=list)
    ends: list[tuple[EndedReason, str]] = field(default_factory=list)

    def step(self, name: Step, **facts: str | float) -> None:
        self.steps.append(name.value)
        self.facts.append(facts)

    def turn(self, turn: Turn) -> None:
        self.turns.append(turn)

    def tool(self, call: ToolCall) -> None:
        self.tools.append(call)

    def ending(self, reason: EndedReason, detail: str) -> None:
        self.endings.append((reason, detail))

    def ended(self, reason: EndedReason, detail: str) -> None:
        self.ends.append((reason, detail))


class ManualTime:
    """A clock that stands until it is moved; sleepers wake when their time has come."""

    def __init__(self) -> None:
        self.now = 0.0
        self._sleepers: list[tuple[float, asyncio.Event]] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        due = asyncio.Event()
        self._sleepers.append((self.now + seconds, due))
        await due.wait()

    async def pass_by(self, seconds: float) -> None:
        """Move the clock and let everybody who wakes do their work."""
        await settle()
        self.now += seconds
        for at, due in self._sleepers:
            if at <= self.now:
                due.set()
        self._sleepers = [sleeper for sleeper in self._sleepers if sleeper[0] > self.now]
        await settle()


class SkippedTime(ManualTime):
    """A clock on which every sleep is over at once."""

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


async def settle() -> None:
    """Let every task that can run do so."""
    for _ in range(30):
        await asyncio.sleep(0)


@dataclass
class NotedSpeaker:
    """The bot's side of the line."""

    said: list[str | None] = field(default_factory=list)
    canceled: int = 0

    async def finish(self, farewell: str | None) -> None:
        self.said.append(farewell)

    async def cancel(self) -> None:
        self.canceled += 1


class ScriptedPhone:
    """DailyTransport's dial-out as a script of answers to `start_dialout`; it keeps every settings it got."""

    def __init__(self, *answers: tuple[str, Any]) -> None:
        self._answers = list(answers)
        self.started: list[dict[str, Any]] = []
        self.stopped: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def start_dialout(self, settings: dict[str, Any]) -> tuple[str, Any]:
        self.started.append(settings)
        await self.gate.wait()
        return self._answers.pop(0)

    async def stop_dialout(self, participant_id: str) -> Any:
        self.stopped.append(participant_id)
