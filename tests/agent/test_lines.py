"""The line of an incoming call, whatever order Daily's events come in."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from frontdesk.agent.dialin import Forwarder
from frontdesk.agent.lines import MEDIA_WAIT_S, InboundLine, LineEvents
from frontdesk.agent.timers import Timers
from frontdesk.ended import EndedReason
from tests.agent.fakes import ManualTime, NotedReport, settle

CALLER = {"id": "phone-leg", "info": {}}
NEGOTIATED = {"sessionId": "phone-leg"}


class Room:
    """The part of a transport that hands out events."""

    def __init__(self) -> None:
        self._handlers: dict[str, Callable[..., Awaitable[None]]] = {}

    def add_event_handler(self, name: str, handler: Callable[..., Awaitable[None]]) -> None:
        self._handlers[name] = handler

    async def emit(self, name: str, *data: Any) -> None:
        await self._handlers[f"on_{name}"](self, *data)


class Stage:
    """An incoming line with a clock that is moved by hand."""

    def __init__(self) -> None:
        self.time, self.report, self.room = ManualTime(), NotedReport(), Room()
        self.connected = 0
        self.ended: list[tuple[EndedReason, str]] = []
        events = LineEvents(self._connect, self._end)
        timers = Timers(self.time.sleep)
        self.line = InboundLine(cast("Forwarder", None), self.report, timers, events, 45)
        self.line.attach(cast("Any", self.room))

    async def _connect(self) -> None:
        self.connected += 1

    async def _end(self, reason: EndedReason, detail: str) -> None:
        self.ended.append((reason, detail))


@pytest.mark.parametrize(
    "order",
    [
        [("first_participant_joined", CALLER)],
        [("dialin_connected", NEGOTIATED)],
        [("dialin_connected", NEGOTIATED), ("first_participant_joined", CALLER)],
        [("first_participant_joined", CALLER), ("dialin_connected", NEGOTIATED)],
        [("dialin_connected", NEGOTIATED), ("dialin_connected", NEGOTIATED)],
        [("first_participant_joined", CALLER), ("first_participant_joined", CALLER)],
    ],
)
async def test_a_caller_is_connected_once_in_every_order(order: list[tuple[str, Any]]) -> None:
    """However often and in whatever order Daily tells that the caller is there, it happens once."""
    stage = Stage()
    await stage.line.joined()
    for name, data in order:
        await stage.room.emit(name, data)
    await stage.time.pass_by(MEDIA_WAIT_S)
    await stage.time.pass_by(60)
    assert stage.connected == 1
    assert stage.report.steps.count("connected") == 1
    assert stage.ended == []


async def test_a_late_participant_does_not_connect_again() -> None:
    """A caller who was greeted without being seen in the room is not greeted again when they appear."""
    stage = Stage()
    await stage.room.emit("dialin_connected", NEGOTIATED)
    await stage.time.pass_by(MEDIA_WAIT_S)
    await stage.room.emit("first_participant_joined", CALLER)
    await settle()
    assert stage.connected == 1


async def test_nobody_connected_is_an_end() -> None:
    """When no caller comes within the time, the line says so, once."""
    stage = Stage()
    await stage.line.joined()
    await stage.time.pass_by(45)
    assert stage.ended == [(EndedReason.LOST, "not_connected")]


async def test_only_the_callers_leaving_ends_the_line() -> None:
    """Somebody else who leaves the room ends nothing; the caller does."""
    stage = Stage()
    await stage.room.emit("dialin_connected", NEGOTIATED)
    await stage.room.emit("first_participant_joined", CALLER)
    await stage.room.emit("participant_left", {"id": "somebody-else"}, "leftCall")
    await stage.room.emit("dialin_stopped", {"sessionId": "another-leg"})
    assert stage.ended == []
    await stage.room.emit("participant_left", CALLER, "leftCall")
    assert stage.ended == [(EndedReason.CALLER_HANGUP, "")]
