"""What is done about a machine that answers a call out: hang up, leave a message, or say who is calling."""

from collections.abc import Callable
from typing import Protocol

from frontdesk.agent.answering import Kind
from frontdesk.agent.ending import Ending
from frontdesk.agent.report import CallReport, Step
from frontdesk.agent.timers import Timers
from frontdesk.contract import Voicemail
from frontdesk.ended import EndedReason

QUIET_S = 1.5
"""Silence of a mailbox, after the verdict, that means that it records: its beep is behind it."""
MESSAGE_EXTRA_S = 15.0
_SLOW_SPEECH = 8.0
"""Characters a second of a slow voice."""


class Answerer(Protocol):
    """Knows who has answered, as far as anybody does."""

    @property
    def likely(self) -> Kind:
        """By the verdict, and before that by what was heard so far."""

    @property
    def machine(self) -> bool:
        """Whether what is heard comes from a machine that talks by itself."""


class Recorder(Protocol):
    """The bot's voice, as far as machines need it."""

    async def interrupt(self) -> None:
        """Stop thinking and speaking."""

    async def say(self, text: str) -> None:
        """Speak a sentence."""

    async def leave_message(self, text: str) -> None:
        """Speak a message that nothing cuts off."""


class Callee:
    """Whoever is at the other end of a call out, once the phone was answered.

    Args:
        answerer: Knows who that is.
        wish: What the call is to do about a voicemail.
        recorder: Speaks.
        ending: Ends the call.
        report: Told who has answered.
        timers: Holds the silence before a message, and the deadline of it.
        introduction: Gives the sentence that says who is calling, for screeners.
    """

    def __init__(
        self,
        answerer: Answerer,
        wish: Voicemail,
        recorder: Recorder,
        ending: Ending,
        report: CallReport,
        timers: Timers,
        introduction: Callable[[], str],
    ) -> None:
        self._answerer = answerer
        self._wish = wish
        self._recorder = recorder
        self._ending = ending
        self._report = report
        self._timers = timers
        self._introduction = introduction
        self._waits_for_quiet = False
        self._leaves_message = False
        self._message_heard = False
        self._spoke = False

    @property
    def machine(self) -> bool:
        """Whether what is heard comes from a machine, which is owed neither reply nor patience."""
        return self._answerer.machine

    async def known(self, kind: Kind) -> None:
        """It was decided who has answered."""
        if self._ending.begun:
            return
        self._report.step(Step.ANSWERED_BY, kind=kind.value)
        self._spoke = False
        if kind is Kind.SCREENING:
            await self._recorder.say(self._introduction())
        elif kind is Kind.VOICEMAIL and self._wish.action == "hang_up":
            await self._ending.at_once(EndedReason.VOICEMAIL_NO_MESSAGE)
        elif kind is Kind.VOICEMAIL:
            await self._recorder.interrupt()
            self._waits_for_quiet = True
            self._listen_for_quiet()

    def heard(self) -> None:
        """Something was said: a mailbox is not done with its greeting."""
        if self._waits_for_quiet:
            self._listen_for_quiet()

    def person_spoke(self) -> None:
        """A turn was taken that was no machine's."""
        self._spoke = True

    def bot_speaks(self) -> None:
        """The bot's voice went out."""
        self._message_heard |= self._leaves_message

    async def message_left(self) -> None:
        """The message was spoken to its end."""
        self._timers.cancel("message")
        reason = EndedReason.VOICEMAIL_LEFT if self._message_heard else EndedReason.SERVICE_FAILED
        await self._ending.politely(reason, detail="" if self._message_heard else "tts")

    def why(self, reason: EndedReason, detail: str) -> tuple[EndedReason, str]:
        """What it means that the line ended for this reason, given who was on it."""
        if reason is not EndedReason.CALLER_HANGUP:
            return reason, detail
        if self._message_heard:
            return EndedReason.VOICEMAIL_LEFT, "cut_off"
        if self._answerer.likely is Kind.VOICEMAIL:
            return EndedReason.VOICEMAIL_NO_MESSAGE, "hung_up"
        if self._answerer.likely is Kind.SCREENING and not self._spoke:
            return EndedReason.CALL_SCREENED, detail
        return reason, detail

    def _listen_for_quiet(self) -> None:
        self._timers.after("mailbox-quiet", QUIET_S, self._leave_message)

    async def _leave_message(self) -> None:
        self._waits_for_quiet = False
        if self._ending.begun:
            return
        message = self._wish.message or self._introduction()
        self._leaves_message = True
        self._timers.after("message", MESSAGE_EXTRA_S + len(message) / _SLOW_SPEECH, self._too_long)
        await self._recorder.leave_message(message)

    async def _too_long(self) -> None:
        await self._ending.at_once(*self.why(EndedReason.CALLER_HANGUP, ""))


class Caller:
    """Whoever calls in; nobody asks whether that is a machine."""

    machine = False

    async def known(self, kind: Kind) -> None:
        """Never told."""

    def heard(self) -> None:
        """Nothing follows."""

    def person_spoke(self) -> None:
        """Nothing follows."""

    def bot_speaks(self) -> None:
        """Nothing follows."""

    async def message_left(self) -> None:
        """Never told."""

    def why(self, reason: EndedReason, detail: str) -> tuple[EndedReason, str]:
        """The line ended for this very reason."""
        return reason, detail
