"""A CSV file of numbers as it arrives: a row on each line, and a wrong one harms no other."""

import codecs
import csv
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from dataclasses import dataclass, field

from frontdesk.errors import FrontdeskError, InvalidBodyError
from frontdesk.phone import dialable

_MOST_LINE = 8 * 1024
_MOST_REASON = 500
_DELIMITERS = ",;\t"
_NAMES = ("number", "phone_number", "phone")


@dataclass(frozen=True, slots=True)
class Row:
    """A row that can be used.

    Args:
        line: Of the file, from 1.
        number: E.164.
    """

    line: int
    number: str = field(repr=False)
    reason: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Problem:
    """A row that cannot; the number itself is never repeated."""

    line: int
    code: str
    message: str


async def lines(chunks: AsyncIterable[bytes]) -> AsyncIterator[tuple[int, str]]:
    """The lines of a file in UTF-8, with or without BOM, numbered from 1; empty ones are left out.

    Raises:
        InvalidBodyError: It is no UTF-8, or a line does not end.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    number, rest = 0, ""
    async for chunk in _then_end(chunks):
        *whole, rest = (rest + _decoded(decoder, chunk, number + 1)).split("\n")
        if chunk is None:
            whole, rest = [*whole, rest], ""
        for text in whole:
            number += 1
            if text.strip():
                yield number, text.rstrip("\r")
        if len(rest) > _MOST_LINE:
            raise InvalidBodyError(f"Line {number + 1} is longer than {_MOST_LINE} characters.")


class Reader:
    """Makes rows of lines; the first line is the header, unless it begins with a number."""

    def __init__(self) -> None:
        self._delimiter: str | None = None
        self._number, self._reason = 0, 1

    def read(self, line: int, text: str) -> Row | Problem | None:
        """What a line holds; None for the header.

        Raises:
            InvalidBodyError: The header names no column of numbers.
        """
        if self._delimiter is None:
            self._delimiter = next((mark for mark in text if mark in _DELIMITERS), ",")
            if not text.lstrip('" ').startswith("+"):
                self._header(text)
                return None
        try:
            cells = self._cells(text)
            return Row(line, dialable(cells[self._number]), self._reason_in(cells))
        except (csv.Error, IndexError):
            return Problem(line, "malformed", "The row has too few columns, or quotes that do not close.")
        except FrontdeskError as error:
            return Problem(line, error.code, error.detail)

    def _header(self, text: str) -> None:
        try:
            names = [cell.strip().lower() for cell in self._cells(text)]
        except csv.Error:
            names = []
        found = [names.index(name) for name in _NAMES if name in names]
        if not found:
            raise InvalidBodyError("The first line must name the columns, one of them `number`.")
        self._number = found[0]
        self._reason = names.index("reason") if "reason" in names else len(names)

    def _reason_in(self, cells: list[str]) -> str | None:
        cell = cells[self._reason] if self._reason < len(cells) else ""
        return cell.replace("\0", "").strip()[:_MOST_REASON] or None

    def _cells(self, text: str) -> list[str]:
        rows: Iterator[list[str]] = csv.reader([text], delimiter=self._delimiter or ",", strict=True)
        return next(rows)


async def _then_end(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes | None]:
    async for chunk in chunks:
        yield chunk
    yield None


def _decoded(decoder: codecs.IncrementalDecoder, chunk: bytes | None, line: int) -> str:
    try:
        return decoder.decode(chunk or b"", final=chunk is None)
    except UnicodeDecodeError:
        raise InvalidBodyError(f"Behind line {line}, the file is not UTF-8.") from None
