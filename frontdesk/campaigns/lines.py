"""Lines of a CSV, as `csv.reader` takes them: no row costs more memory than it may be long."""

from collections.abc import Iterator
from typing import TextIO

LONGEST_ROW = 64 * 1024
_LEAST = 16
"""A line counts so many characters at least: reading it takes that long."""
_ENDS = ("\n", "\r")


class TooLongError(Exception):
    """A row is longer than any that could be called; the text says so, and holds nothing of the row."""


class Lines:
    """The lines of a text, each with its end; those of one row are together no longer than a row may be.

    Args:
        text: Opened with `newline=""`.
    """

    def __init__(self, text: TextIO) -> None:
        self.taken = 0
        """Characters that were read so far."""
        self._text = text
        self._of_row = 0
        self._kept = ""
        self._inside = False

    def begin_row(self) -> None:
        """What comes now belongs to another row."""
        self._of_row = 0

    def rest(self) -> Iterator[None]:
        """Pass over what is left of a line that was too long, piece by piece."""
        while self._inside:
            self._inside = not _ends(self._read())
            yield None

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._kept or self._read()
        self._kept = ""
        if not line:
            raise StopIteration
        if len(line) > LONGEST_ROW and not _ends(line):
            self._inside = True
            raise TooLongError(f"is longer than {LONGEST_ROW // 1024} KiB")
        cost = max(len(line), _LEAST)
        if self._of_row and self._of_row + cost > LONGEST_ROW:
            self._kept = line
            raise TooLongError("has a value that is too long, or a quote that is never closed")
        self._of_row += cost
        return line

    def _read(self) -> str:
        line = self._text.readline(LONGEST_ROW + 1)
        self.taken += len(line)
        return line


def _ends(line: str) -> bool:
    return not line or line.endswith(_ENDS)
