"""Watches a conversation with pipecat's own observers and reports its turns and tool calls."""

from typing import Any

from pipecat.observers.base_observer import BaseObserver
from pipecat.observers.function_call_observer import (
    FunctionCallEvent,
    FunctionCallEventKind,
    FunctionCallObserver,
)
from pipecat.observers.speaking_observer import SpeakingObserver, SpeechEvent
from pipecat.observers.user_bot_latency_observer import LatencyBreakdown, UserBotLatencyObserver
from pipecat.processors.aggregators.llm_response_universal import (
    AssistantTurnStoppedMessage,
    LLMAssistantAggregator,
    LLMUserAggregator,
    UserTurnStoppedMessage,
)

from frontdesk.agent.report import CallReport, ToolCall
from frontdesk.agent.speech import Speech
from frontdesk.agent.turns import Turns

_OPENING = {FunctionCallEventKind.STARTED, FunctionCallEventKind.IN_PROGRESS}


class Witness:
    """The observers of one conversation.

    Args:
        report: Told of every turn and tool call.
        speech: The conversation's services.
    """

    def __init__(self, report: CallReport, speech: Speech) -> None:
        self._report = report
        self._arguments: dict[str, Any] = {}
        services = {speech.stt.name: "stt", speech.llm.name: "llm", speech.tts.name: "tts"}
        self.turns = Turns(report.turn, services)
        self.observers: list[BaseObserver] = [self._speaking(), self._latencies(), self._tools()]

    def listen(self, person: LLMUserAggregator, bot: LLMAssistantAggregator) -> None:
        """Take the texts from where pipecat keeps the conversation."""

        async def on_person(_: Any, __: Any, message: UserTurnStoppedMessage) -> None:
            self.turns.person(message.content or "", message.timestamp)

        async def on_bot(_: Any, message: AssistantTurnStoppedMessage) -> None:
            self.turns.bot(message.content or "", message.timestamp, interrupted=message.interrupted)

        person.add_event_handler("on_user_turn_stopped", on_person)
        bot.add_event_handler("on_assistant_turn_stopped", on_bot)

    def _speaking(self) -> BaseObserver:
        async def heard(_: Any, event: SpeechEvent) -> None:
            self.turns.speech(event)

        observer = SpeakingObserver()
        observer.add_event_handler("on_speech_event", heard)
        return observer

    def _latencies(self) -> BaseObserver:
        async def measured(_: Any, breakdown: LatencyBreakdown) -> None:
            self.turns.latency(breakdown)

        observer = UserBotLatencyObserver()
        observer.add_event_handler("on_latency_breakdown", measured)
        return observer

    def _tools(self) -> BaseObserver:
        async def called(_: Any, event: FunctionCallEvent) -> None:
            self._tool(event)

        observer = FunctionCallObserver(include_results=True)
        observer.add_event_handler("on_function_call_event", called)
        return observer

    def _tool(self, event: FunctionCallEvent) -> None:
        if event.kind in _OPENING:
            self._arguments[event.tool_call_id] = event.arguments
            return
        ran_s = event.timestamp - event.in_progress_at if event.in_progress_at is not None else None
        ok = event.kind is FunctionCallEventKind.COMPLETED
        failure = {"error": event.error or event.kind.value.removeprefix("function_call_")}
        self._report.tool(
            ToolCall(
                name=event.function_name,
                arguments=self._arguments.pop(event.tool_call_id, None),
                result=event.result if ok else failure,
                ok=ok,
                duration_ms=None if ran_s is None else round(ran_s * 1000, 1),
            )
        )
