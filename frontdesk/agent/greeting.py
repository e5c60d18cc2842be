"""The first words of a call: fixed, heard once, as soon as they can be heard."""

from collections.abc import Awaitable, Callable

from frontdesk.agent.report import CallReport, Step
from frontdesk.agent.timers import Timers

FIRST_WORD_TIMEOUT_S = 10.0
"""A greeting that cannot be heard after this long means that text to speech does not work."""


class Greeting:
    """Speaks the greeting once and watches that it is heard.

    Args:
        text: The sentence; another one may take its place until it is given.
        say: Queues a sentence to be spoken.
        retract: Drops what is queued.
        report: Told of the greeting and of its first sound.
        timers: Holds the deadline of the first word.
        on_mute: Awaited when no sound came within `FIRST_WORD_TIMEOUT_S`.
    """

    def __init__(
        self,
        text: str,
        *,
        say: Callable[[str], Awaitable[None]],
        retract: Callable[[], Awaitable[None]],
        report: CallReport,
        timers: Timers,
        on_mute: Callable[[], Awaitable[None]],
    ) -> None:
        self.text = text
        self._say = say
        self._retract = retract
        self._report = report
        self._timers = timers
        self._on_mute = on_mute
        self._heard = False
        self._repeated = False
        self.given = False

    async def give(self) -> None:
        """Greet, unless that was done before."""
        if self.given:
            return
        self.given = True
        self._report.step(Step.GREETING)
        self._timers.after("first-word", FIRST_WORD_TIMEOUT_S, self._on_mute)
        await self._say(self.text)

    async def again(self) -> None:
        """Say it once more, if it was given and no sound came out."""
        if self.given and not self._heard and not self._repeated:
            self._repeated = True
            await self._retract()
            await self._say(self.text)

    def bot_speaks(self) -> None:
        """The bot's voice went out."""
        if self.given and not self._heard:
            self._heard = True
            self._timers.cancel("first-word")
            self._report.step(Step.FIRST_WORD)
