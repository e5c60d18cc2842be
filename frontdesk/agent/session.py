"""A whole phone call: the line, the conversation, and the one ending they share."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from pipecat.transports.daily.transport import DailyTransport

from frontdesk.agent.answering import Answering
from frontdesk.agent.briefing import brief
from frontdesk.agent.call import Call
from frontdesk.agent.conversation import Conversation, ConversationEvents, Manner
from frontdesk.agent.dialin import Forwarder
from frontdesk.agent.ending import Ending
from frontdesk.agent.greeting import Greeting
from frontdesk.agent.idle import IdleCaller
from frontdesk.agent.lines import InboundLine, Line, LineEvents
from frontdesk.agent.outbound import OutboundLine
from frontdesk.agent.parts import SessionParts
from frontdesk.agent.repair import Repair
from frontdesk.agent.report import Step
from frontdesk.agent.timers import Timers
from frontdesk.agent.tools import CallResources
from frontdesk.agent.transport import daily_transport, own_leg
from frontdesk.agent.voicemail import Callee, Caller
from frontdesk.ended import EndedReason


class PhoneSession:
    """One phone call, from joining its room to its one ending. Nothing outlives it."""

    def __init__(self, call: Call, parts: SessionParts) -> None:
        self._call = call
        self._parts = parts
        self._report = parts.report
        self._timers = Timers()
        self._joined = False
        self._connected = False
        self._task: asyncio.Task[Any] | None = None
        self._transport = daily_transport(call)
        outbound = call.request.direction == "outbound"
        self._answering = Answering(parts.speech.llm) if outbound else None
        self._conversation = self._converse()
        self._line = self._open_line()
        self._ending = Ending(self._conversation, self._report, self._timers, self._line.call_off)
        self._greeting = Greeting(
            parts.briefing.greeting,
            say=self._conversation.say,
            retract=self._conversation.interrupt,
            report=self._report,
            timers=self._timers,
            on_mute=self._mute,
        )
        self._repair = Repair(
            self._report,
            self._timers,
            self._ending,
            self._conversation,
            greet_again=self._greeting.again,
            apology=call.organization.apology,
            caller_waits=call.request.dialin_settings is not None,
        )
        self._idle = IdleCaller(self._report, self._ask, self._give_up)
        self._other = self._other_end()

    async def run(self, *, handle_sigint: bool) -> EndedReason:
        """Take the call to its end and return why it ended."""
        self._listen(self._transport)
        self._task = asyncio.current_task()
        if self._parts.orders is not None:
            self._timers.after("orders", 0, self._obey)
        try:
            await self._conversation.run(handle_sigint=handle_sigint)
        finally:
            if self._host_stops():
                self._ending.settle(EndedReason.CANCELED, "host")
            ended = self._ending.settle(EndedReason.BOT_CRASHED, "pipeline")
            await self._timers.close()
            await self._line.close()
            self._report.ended(ended, self._ending.detail)
        if self._host_stops():
            raise asyncio.CancelledError
        return ended

    def _host_stops(self) -> bool:
        # pipecat takes a cancellation as a wish to end, leaves the room and returns; the task still knows.
        return self._task is not None and self._task.cancelling() > 0

    def _converse(self) -> Conversation:
        organization, settings = self._call.organization, self._parts.settings
        conversation = Conversation(
            self._transport,
            self._parts.speech,
            self._parts.ears,
            CallResources(organization, lambda: datetime.now(UTC), self._report, self._hang_up),
            Manner(idle_s=settings.caller_idle_s),
            self._answering,
        )
        conversation.tell(
            ConversationEvents(
                bot_started=self._bot_started,
                bot_stopped=self._bot_stopped,
                person_spoke=self._person_spoke,
                person_silent=self._person_silent,
                service_failed=self._service_failed,
                message_left=self._message_left,
            )
        )
        return conversation

    def _open_line(self) -> Line:
        request, parts = self._call.request, self._parts
        events = LineEvents(connected=self._person_connected, ended=self._line_ended)
        if request.dialin_settings is not None:
            timeout_s = parts.settings.connect_timeout_s
            forwarder = Forwarder(
                parts.http, self._call.daily, request.dialin_settings, self._report, timeout_s
            )
            return InboundLine(forwarder, self._report, self._timers, events, timeout_s)
        return OutboundLine(
            self._transport,
            request,
            self._report,
            self._timers,
            events,
            policy=parts.policy,
            claim=parts.claim,
        )

    def _other_end(self) -> Callee | Caller:
        if self._answering is None:
            return Caller()
        callee = Callee(
            self._answering,
            self._call.request.voicemail,
            self._conversation,
            self._ending,
            self._report,
            self._timers,
            lambda: self._greeting.text,
        )
        self._answering.tell(callee.known, callee.heard)
        return callee

    def _listen(self, transport: DailyTransport) -> None:
        async def joined(_: Any, data: Any) -> None:
            self._joined = True
            self._report.step(Step.JOINED, **own_leg(data))
            if not self._ending.begun:
                await self._line.joined()

        async def failed(_: Any, __: str) -> None:
            # The text names the room; whatever fails after joining has an event of its own.
            if not self._joined:
                await self._ending.at_once(EndedReason.BOT_START_FAILED, "join")

        async def state(_: Any, state: str) -> None:
            if state == "left" and self._joined:
                canceled = self._host_stops()
                reason = EndedReason.CANCELED if canceled else EndedReason.LOST
                await self._ending.at_once(reason, "host" if canceled else "room_gone")

        transport.add_event_handler("on_joined", joined)
        transport.add_event_handler("on_error", failed)
        transport.add_event_handler("on_call_state_updated", state)
        self._line.attach(transport)

    # The line

    async def _person_connected(self) -> None:
        if self._ending.begun:
            return
        self._connected = True
        self._timers.after("max-duration", self._call.request.limits.max_duration_s, self._too_long)
        if await self._repair.connected():
            await self._greet()

    async def _greet(self) -> None:
        briefing = self._parts.briefing
        context = self._parts.context()
        if context is not None:
            briefing = brief(self._call, context)
            self._greeting.text = briefing.greeting
        if briefing.instructions != self._parts.briefing.instructions:
            await self._conversation.instruct(briefing.instructions)
        await self._greeting.give()
        if briefing.refused:
            await self._ending.politely(EndedReason.REFUSED)

    async def _line_ended(self, reason: EndedReason, detail: str) -> None:
        await self._ending.at_once(*self._other.why(reason, detail))

    # The conversation

    async def _bot_started(self) -> None:
        self._repair.replied()
        self._greeting.bot_speaks()
        self._other.bot_speaks()

    async def _bot_stopped(self) -> None:
        self._parts.on_first_word()

    async def _person_spoke(self) -> None:
        if not self._other.machine:
            self._other.person_spoke()
            self._idle.heard()
            self._repair.await_reply()

    async def _person_silent(self) -> None:
        if self._connected and not self._ending.begun and not self._other.machine:
            await self._idle.silent()

    async def _ask(self) -> None:
        await self._conversation.say(self._call.organization.idle_prompt)

    async def _give_up(self) -> None:
        await self._ending.politely(EndedReason.SILENCE, self._call.organization.goodbye)

    async def _hang_up(self) -> None:
        await self._ending.politely(EndedReason.BOT_HANGUP, self._call.organization.goodbye)

    async def _too_long(self) -> None:
        await self._ending.politely(EndedReason.MAX_DURATION, self._call.organization.goodbye)

    async def _mute(self) -> None:
        await self._ending.at_once(EndedReason.SERVICE_FAILED, "tts_silent")

    async def _message_left(self) -> None:
        await self._other.message_left()

    async def _service_failed(self, name: str, usable: bool) -> None:
        await self._repair.service_failed(name, usable=usable)

    async def _obey(self) -> None:
        if self._parts.orders is None:
            return
        reason = await self._parts.orders()
        if reason is EndedReason.MAX_DURATION and self._connected:
            await self._too_long()
        else:
            await self._ending.at_once(reason, "gateway")
