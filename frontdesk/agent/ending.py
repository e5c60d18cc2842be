"""The one ending of a call, whatever combination of events asks for it."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from frontdesk.agent.report import CallReport
from frontdesk.agent.timers import Timers
from frontdesk.ended import EndedReason

FAREWELL_TIMEOUT_S = 20.0
"""Longest that a goodbye and what is queued before it may take."""


class Speaker(Protocol):
    """The bot's side of the line, as far as ending it goes."""

    async def finish(self, farewell: str | None) -> None:
        """Say what is queued, then the farewell, then leave."""

    async def cancel(self) -> None:
        """Leave at once; what is queued is dropped."""


class Ending:
    """Ends a call once. The first reason holds; a later call can only make the end come faster.

    Args:
        speaker: Who speaks and leaves.
        report: Told once, as soon as the reason is known.
        timers: Holds the deadline of the farewell.
        before: Awaited when the call ends, before anything is said (stops dials and the like).
    """

    def __init__(
        self,
        speaker: Speaker,
        report: CallReport,
        timers: Timers,
        before: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._speaker = speaker
        self._report = report
        self._timers = timers
        self._before = before
        self._leaving = False
        self.reason: EndedReason | None = None
        self.detail = ""

    @property
    def begun(self) -> bool:
        """Whether the call is ending or over."""
        return self.reason is not None

    async def politely(self, reason: EndedReason, farewell: str | None = None, detail: str = "") -> None:
        """Let queued speech finish, say the farewell, then hang up; cut short after a deadline."""
        if not self._decide(reason, detail):
            return
        self._timers.after("farewell", FAREWELL_TIMEOUT_S, self._leave)
        await self._prepare()
        if not self._leaving:
            await self._speaker.finish(farewell)

    async def at_once(self, reason: EndedReason, detail: str = "") -> None:
        """Hang up now, also in the middle of a farewell that nobody hears any more."""
        if self._decide(reason, detail):
            await self._prepare()
        await self._leave()

    def settle(self, reason: EndedReason, detail: str = "") -> EndedReason:
        """Name the reason of a call that is over already; the first one known holds."""
        self._decide(reason, detail)
        return self.reason or reason

    def _decide(self, reason: EndedReason, detail: str) -> bool:
        if self.reason is not None:
            return False
        self.reason, self.detail = reason, detail
        self._report.ending(reason, detail)
        return True

    async def _prepare(self) -> None:
        if self._before is not None:
            await self._before()

    async def _leave(self) -> None:
        if not self._leaving:
            self._leaving = True
            self._timers.cancel("farewell")
            await self._speaker.cancel()
