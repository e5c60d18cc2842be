"""The phone line of a call out: granted by the gateway, then dialed until somebody picks up."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from pipecat.transports.daily.transport import DailyTransport

from frontdesk.agent.claim import Verdict
from frontdesk.agent.dial_events import Stopped
from frontdesk.agent.dial_policy import DialPolicy, dialout_settings
from frontdesk.agent.dialout import DialoutManager, DialoutOutcome
from frontdesk.agent.lines import LineEvents
from frontdesk.agent.report import CallReport
from frontdesk.agent.timers import Timers
from frontdesk.contract import AgentRequest
from frontdesk.ended import EndedReason


class Decider(Protocol):
    """Whoever decides whether this bot may dial."""

    async def verdict(self) -> Verdict:
        """Wait until it is decided whether it may dial at all."""

    async def again(self, dial: int) -> bool:
        """Whether it may dial once more, for the `dial`th time; answers within a bounded time."""


class OutboundLine:
    """A callee whom the dial-out manager calls, once the gateway has granted that.

    Args:
        transport: Places the call.
        request: Whom to call.
        report: Told of each dial.
        timers: Holds the wait for the claim.
        events: Told when somebody picked up, when the line is gone, and when this bot may not dial.
        policy: How often, how long, how far apart; by default as the request's limits say.
        claim: Decides whether this bot may dial; None when nobody does.
    """

    def __init__(
        self,
        transport: DailyTransport,
        request: AgentRequest,
        report: CallReport,
        timers: Timers,
        events: LineEvents,
        *,
        policy: DialPolicy | None = None,
        claim: Decider | None = None,
    ) -> None:
        self._timers = timers
        self._events = events
        self._claim = claim
        self._session_id: str | None = None
        self._manager = DialoutManager(
            transport,
            dialout_settings(request),
            policy or DialPolicy(request.limits.dial_attempts, request.limits.ring_timeout_s),
            report,
            DialoutOutcome(answered=self._answered, finished=self._finished),
            may_redial=None if claim is None else claim.again,
        )

    def attach(self, transport: DailyTransport) -> None:
        """Listen to the room's dial-out events, and for a refusal of the claim."""
        for name in ("connected", "answered", "stopped", "error"):
            transport.add_event_handler(f"on_dialout_{name}", self._handler(name))

        async def left(_: Any, participant: Mapping[str, Any], __: str) -> None:
            # Before somebody picks up, a leg that leaves the room says nothing of its own.
            if self._manager.talking and participant["id"] == self._session_id:
                await self._manager.handle(Stopped(self._session_id))

        transport.add_event_handler("on_participant_left", left)
        if self._claim is not None:
            self._timers.after("claim", 0, self._leave_unless_granted)

    async def joined(self) -> None:
        """Place the call as soon as it is granted; if the call is over by then, nobody is dialed."""
        if self._claim is None or await self._claim.verdict() is Verdict.GRANTED:
            await self._manager.begin()

    async def call_off(self) -> None:
        """Stop what rings; a conversation is left to its goodbye."""
        await self._manager.call_off()

    async def close(self) -> None:
        """Drop the manager's timers and tasks."""
        await self._manager.close()

    async def _answered(self, session_id: str | None) -> None:
        self._session_id = session_id
        await self._events.connected()

    async def _finished(self, reason: EndedReason) -> None:
        await self._events.ended(reason, "")

    async def _leave_unless_granted(self) -> None:
        match self._claim and await self._claim.verdict():
            case Verdict.REFUSED:
                await self._events.ended(EndedReason.CANCELED, "not_granted")
            case Verdict.UNKNOWN:
                await self._events.ended(EndedReason.BOT_START_FAILED, "claim")

    def _handler(self, name: str) -> Callable[[Any, Any], Awaitable[None]]:
        async def handle(_: Any, data: Any) -> None:
            await self._manager.on_event(name, data)

        return handle
