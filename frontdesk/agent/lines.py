"""The phone line of a call: from the joined room to the person on the phone, and their end."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pipecat.transports.daily.transport import DailyTransport

from frontdesk.agent.dialin import Forwarded, Forwarder
from frontdesk.agent.report import CallReport, Step
from frontdesk.agent.timers import Timers
from frontdesk.ended import EndedReason

MEDIA_WAIT_S = 1.5
"""dialin-connected comes before any sound passes; a caller who is not seen in the room by then is greeted."""


@dataclass(frozen=True)
class LineEvents:
    """What a line tells the session."""

    connected: Callable[[], Awaitable[None]]
    """The person is on the line and hears the bot."""
    ended: Callable[[EndedReason, str], Awaitable[None]]
    """The line is gone: why, and a detail."""


class Line(Protocol):
    """The phone line of one call."""

    def attach(self, transport: DailyTransport) -> None:
        """Listen to the room's events of this line."""

    async def joined(self) -> None:
        """The bot is in the room."""

    async def call_off(self) -> None:
        """The call ends: no phone may ring on."""

    async def close(self) -> None:
        """Drop what is still under way; for the end of the session."""


class InboundLine:
    """A caller whom Daily holds until the bot forwards them.

    Args:
        forwarder: Brings the caller from hold into the room.
        report: Told of each step.
        timers: Holds the deadline of the connection.
        events: Told when the caller is there and when the line is gone.
        connect_timeout_s: Seconds from joining the room until a caller counts as lost.
    """

    def __init__(
        self,
        forwarder: Forwarder,
        report: CallReport,
        timers: Timers,
        events: LineEvents,
        connect_timeout_s: float,
    ) -> None:
        self._forwarder = forwarder
        self._report = report
        self._timers = timers
        self._events = events
        self._connect_timeout_s = connect_timeout_s
        self._connected = False
        self._caller: str | None = None
        self._session_id: str | None = None

    def attach(self, transport: DailyTransport) -> None:
        """Listen to the room's dial-in events."""
        transport.add_event_handler("on_dialin_ready", self._on_ready)
        transport.add_event_handler("on_dialin_connected", self._on_negotiated)
        transport.add_event_handler("on_first_participant_joined", self._on_first_participant)
        transport.add_event_handler("on_participant_left", self._on_participant_left)
        transport.add_event_handler("on_dialin_stopped", self._on_stopped)
        transport.add_event_handler("on_dialin_error", self._on_error)

    async def _on_ready(self, _: Any, sip_endpoint: str) -> None:
        self._report.step(Step.DIALIN_READY)
        match await self._forwarder.forward(sip_endpoint):
            case Forwarded.DONE:
                self._report.step(Step.FORWARDED)
            case Forwarded.CALLER_GONE:
                await self._events.ended(EndedReason.CALLER_HANGUP, "on_hold")
            case Forwarded.REFUSED:
                await self._events.ended(EndedReason.LOST, "forward_refused")
            case Forwarded.TIMED_OUT:
                await self._events.ended(EndedReason.LOST, "forward_failed")

    async def _on_negotiated(self, _: Any, data: Mapping[str, Any]) -> None:
        self._session_id = data.get("sessionId") or self._session_id
        if not self._connected:
            self._timers.after("media", MEDIA_WAIT_S, self._connect)

    async def _on_first_participant(self, _: Any, participant: Mapping[str, Any]) -> None:
        self._caller = participant["id"]
        await self._connect()

    async def _on_participant_left(self, _: Any, participant: Mapping[str, Any], __: str) -> None:
        if participant["id"] in {self._caller, self._session_id}:
            await self._events.ended(EndedReason.CALLER_HANGUP, "")

    async def _on_stopped(self, _: Any, data: Mapping[str, Any]) -> None:
        if self._is_caller(data):
            await self._events.ended(EndedReason.CALLER_HANGUP, "")

    async def _on_error(self, _: Any, data: Mapping[str, Any]) -> None:
        if self._is_caller(data):
            await self._events.ended(EndedReason.LOST, "dialin_error")

    async def joined(self) -> None:
        """Wait for the caller, but not forever."""
        if not self._connected:
            self._timers.after("connect", self._connect_timeout_s, self._not_connected)

    async def call_off(self) -> None:
        """Nothing rings on an incoming call."""

    async def close(self) -> None:
        """The timers are the session's."""

    async def _connect(self) -> None:
        if self._connected:
            return
        self._connected = True
        self._timers.cancel("connect")
        self._timers.cancel("media")
        leg = self._session_id or self._caller
        self._report.step(Step.CONNECTED, **({"session_id": leg} if leg else {}))
        await self._events.connected()

    async def _not_connected(self) -> None:
        await self._events.ended(EndedReason.LOST, "not_connected")

    def _is_caller(self, data: Mapping[str, Any]) -> bool:
        return self._session_id is None or data.get("sessionId", self._session_id) == self._session_id
