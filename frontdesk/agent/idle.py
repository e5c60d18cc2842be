"""A person who says nothing is asked once, then the call ends."""

from collections.abc import Awaitable, Callable

from frontdesk.agent.report import CallReport, Step


class IdleCaller:
    """Counts silences in a row.

    Args:
        report: Told of each silence.
        ask: Asks whether somebody is there.
        give_up: Says goodbye and ends the call.
    """

    def __init__(
        self, report: CallReport, ask: Callable[[], Awaitable[None]], give_up: Callable[[], Awaitable[None]]
    ) -> None:
        self._report = report
        self._ask = ask
        self._give_up = give_up
        self._silences = 0

    async def silent(self) -> None:
        """Nothing was said for the agreed time."""
        self._silences += 1
        self._report.step(Step.CALLER_SILENT, times=self._silences)
        await (self._ask() if self._silences == 1 else self._give_up())

    def heard(self) -> None:
        """The person said something that was understood."""
        self._silences = 0
