"""Whole files of numbers that must not be called."""

import asyncio
from collections.abc import AsyncIterable
from dataclasses import dataclass, field

from frontdesk.errors import BodyTooLargeError, InvalidBodyError
from frontdesk.gate.csv_lines import Problem, Reader, lines
from frontdesk.gate.do_not_call import DoNotCall

MOST_ROWS = 100_000
MOST_PROBLEMS = 1000
_AT_ONCE = 200
_LET_OTHERS_AFTER = 20
"""Rows: each costs a tenth of a millisecond to check, and calls are to be answered meanwhile."""


@dataclass(slots=True)
class Report:
    """What an import came to.

    Args:
        rows: How many the file held, the header and empty lines not counted.
        added: How many numbers are new on the list.
        already_listed: How many were there before, or stood in the file before.
        wrong: How many could not be used.
        problems: The first thousand of those.
    """

    rows: int = 0
    added: int = 0
    already_listed: int = 0
    wrong: int = 0
    problems: list[Problem] = field(default_factory=list)

    def note(self, problem: Problem) -> None:
        """Count a row that cannot be used."""
        self.wrong += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)


async def import_numbers(store: DoNotCall, organization_id: str, chunks: AsyncIterable[bytes]) -> Report:
    """Put all numbers of a CSV file on the list while it arrives. To repeat it changes nothing.

    Raises:
        InvalidBodyError: The file cannot be read; what stood before that place is on the list.
        BodyTooLargeError: It has more than 100,000 rows; those are on the list.
        DatabaseUnavailableError: The books are away; the numbers before are on the list.
    """
    importing = _Import(store, organization_id)
    try:
        async for number, text in lines(chunks):
            await importing.take(number, text)
    except (InvalidBodyError, BodyTooLargeError):
        await importing.keep()
        raise
    await importing.keep()
    return importing.report


class _Import:
    def __init__(self, store: DoNotCall, organization_id: str) -> None:
        self._store = store
        self._organization_id = organization_id
        self._reader = Reader()
        self._waiting: list[tuple[str, str | None]] = []
        self.report = Report()

    async def take(self, number: int, text: str) -> None:
        """One line."""
        row = self._reader.read(number, text)
        if row is None:
            return
        _count(self.report)
        if isinstance(row, Problem):
            self.report.note(row)
        else:
            self._waiting.append((row.number, row.reason))
        if len(self._waiting) >= _AT_ONCE:
            await self.keep()
        if self.report.rows % _LET_OTHERS_AFTER == 0:
            await asyncio.sleep(0)

    async def keep(self) -> None:
        """Write down what is waiting."""
        rows, self._waiting = self._waiting, []
        added = await self._store.add_many(self._organization_id, rows)
        self.report.added += added
        self.report.already_listed += len(rows) - added


def _count(report: Report) -> None:
    if report.rows == MOST_ROWS:
        detail = f"Send at most {MOST_ROWS} rows at once: those before the last ones are on the list now."
        raise BodyTooLargeError(detail, limit_rows=MOST_ROWS)
    report.rows += 1
