"""When a service of a call fails: try again where that helps, else apologize and end the call."""

from collections.abc import Awaitable, Callable

from frontdesk.agent.conversation import Conversation
from frontdesk.agent.ending import Ending
from frontdesk.agent.report import CallReport, Step
from frontdesk.agent.timers import Timers
from frontdesk.ended import EndedReason

REPLY_TIMEOUT_S = 12.0
"""A language model that gave a person no reply for this long is asked again, then given up."""


class Repair:
    """What is done about failures.

    Args:
        report: Told of each failure.
        timers: Holds the deadline of a reply.
        ending: Ends the call when nothing else helps.
        conversation: Thinks again, drops what hangs.
        greet_again: Says the greeting once more if it was not heard.
        apology: Said when the call cannot go on.
        caller_waits: Somebody is on hold, and hears the apology once they are connected.
    """

    def __init__(
        self,
        report: CallReport,
        timers: Timers,
        ending: Ending,
        conversation: Conversation,
        *,
        greet_again: Callable[[], Awaitable[None]],
        apology: str,
        caller_waits: bool,
    ) -> None:
        self._report = report
        self._timers = timers
        self._ending = ending
        self._conversation = conversation
        self._greet_again = greet_again
        self._apology = apology
        self._caller_waits = caller_waits
        self._connected = False
        self._broken: str | None = None
        self._thought_lost = False

    async def connected(self) -> bool:
        """The person is on the line; False when all that is left to say to them is the apology."""
        self._connected = True
        if self._broken:
            await self._apologize(self._broken)
        return not self._broken

    def replied(self) -> None:
        """The bot speaks."""
        self._thought_lost = False
        self._timers.cancel("reply")

    def await_reply(self) -> None:
        """The person spoke and is owed a reply."""
        if not self._ending.begun:
            self._timers.after("reply", REPLY_TIMEOUT_S, self._no_reply)

    async def service_failed(self, name: str, usable: bool) -> None:
        """A service (`stt`, `llm`, `tts`) failed, for now or for good."""
        kind = "temporary" if usable else "permanent"
        self._report.step(Step.SERVICE_ERROR, service=name, kind=kind)
        if self._ending.begun:
            return
        if usable:
            await self._try_again(name)
        elif name == "tts" or not (self._connected or self._caller_waits):
            await self._ending.at_once(EndedReason.SERVICE_FAILED, name)
        elif self._connected:
            await self._apologize(name)
        else:
            # The caller is still on hold: connect them, so that they hear the apology.
            self._broken = name

    async def _no_reply(self) -> None:
        if not self._ending.begun:
            # What hangs would hold up every sentence behind it.
            await self._conversation.interrupt()
            await self.service_failed("llm", usable=True)

    async def _try_again(self, name: str) -> None:
        if name == "tts":
            await self._greet_again()
        elif name == "llm" and self._thought_lost:
            await self._apologize(name)
        elif name == "llm":
            self._thought_lost = True
            self.await_reply()
            await self._conversation.think_again()

    async def _apologize(self, name: str) -> None:
        await self._ending.politely(EndedReason.SERVICE_FAILED, self._apology, name)
