"""CSV: with a header, separated by comma, semicolon or tab, values in quotes where they need them."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, cast

from frontdesk.campaigns.lines import Lines, TooLongError
from frontdesk.campaigns.raw import BREATH_BYTES, COLUMNS, FOR_ALL, STRUCTURED, FileError, RawRow

_SEPARATORS = ",;\t"
_NAME = re.compile(r"[^\W\d][\w .\-/()#?]{0,63}")
_MOST_COLUMNS = 200
_LONGEST_HEADER = 32 * 1024
_LOOK_BYTES = 2 * _LONGEST_HEADER
_EMPTY = b"\xef\xbb\xbf\t ,;\r\n"
_CANNOT_READ = {
    "unexpected end": "has a quote that is never closed",
    "expected after": 'has text behind a closing quote; write a quote within quotes as ""',
}


@dataclass(frozen=True, slots=True)
class Columns:
    """The header of a CSV: names by position, and what separates values."""

    names: tuple[str, ...]
    separator: str

    @property
    def variables(self) -> tuple[str, ...]:
        """Columns that become variables."""
        return tuple(name for name in self.names if name not in COLUMNS)


def csv_columns(file: IO[bytes]) -> Columns:
    """Read the header.

    Known columns may be written in any case, with spaces or dashes for underscores.

    Raises:
        FileError: It is missing, or a column of it cannot be used.
    """
    line = _first_line(file)
    separator = max(_SEPARATORS, key=line.count)
    try:
        written = next(csv.reader([line], delimiter=separator, strict=True))
    except csv.Error:
        raise FileError("has a header with a quote that is never closed") from None
    names = tuple(_known(name.strip()) for name in written)
    _check(names)
    return Columns(names, separator)


def csv_rows(file: IO[bytes], columns: Columns) -> Iterator[RawRow | None]:
    """The rows behind the header; those that cannot be read are told as such, and reading goes on.

    None comes where a piece of the file holds no row: whoever reads may let others work.
    """
    text = _text(file)
    try:
        number = -1
        for cells in _records(Lines(text), columns.separator):
            if cells is None:
                yield None
                continue
            number += 1
            if number:
                yield _row(number, cells, columns)
    finally:
        text.detach()


def _records(lines: Lines, separator: str) -> Iterator[list[str] | str | None]:
    """What each row holds, the header's among them, or why it cannot be read; None for much emptiness."""
    reader = csv.reader(lines, delimiter=separator, strict=True)
    seen = 0
    while (cells := _next(reader, lines)) is not None:
        for _ in lines.rest():
            yield None
        if isinstance(cells, str) or any(cell.strip() for cell in cells):
            yield cells
        elif lines.taken - seen >= BREATH_BYTES:
            seen = lines.taken
            yield None


def _next(reader: Iterator[list[str]], lines: Lines) -> list[str] | str | None:
    """The next row, why it cannot be read, or None at the end."""
    lines.begin_row()
    try:
        return next(reader)
    except StopIteration:
        return None
    except TooLongError as error:
        return str(error)
    except csv.Error as error:
        reason = str(error)
        return next((told for part, told in _CANNOT_READ.items() if part in reason), "is no CSV")


def _row(number: int, cells: list[str] | str, columns: Columns) -> RawRow:
    if isinstance(cells, str):
        return RawRow(number, problem=cells)
    if len(cells) != len(columns.names):
        told = f"has {len(cells)} values where the header names {len(columns.names)}"
        return RawRow(number, problem=told)
    pairs = zip(columns.names, cells, strict=True)
    return RawRow(number, {name: value.strip() for name, value in pairs if value.strip()})


def _first_line(file: IO[bytes]) -> str:
    """The first line that is not empty; lines may end as on any kind of computer."""
    file.seek(0)
    begin = file.read(_LOOK_BYTES)
    cut = len(begin) == _LOOK_BYTES
    found = next((line for line in begin.splitlines(keepends=True) if line.strip(_EMPTY)), b"")
    if cut and not found:
        raise FileError(f"has no header within its first {_LOOK_BYTES // 1024} KiB")
    if len(found) > _LONGEST_HEADER or (cut and not found.endswith((b"\n", b"\r"))):
        raise FileError("has a first line that is too long for a header")
    return _decoded(found.rstrip(b"\r\n"))


def _decoded(line: bytes) -> str:
    try:
        return line.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileError("is not UTF-8; save it as CSV in UTF-8") from None


def _known(name: str) -> str:
    plain = re.sub(r"[ \-]+", "_", name.lower())
    return plain if plain in (*COLUMNS, *STRUCTURED, *FOR_ALL) else name


def _check(names: tuple[str, ...]) -> None:
    if not {"phone_number", "patient_id"} & set(names):
        raise FileError("has no header with a column `phone_number` or `patient_id`")
    if len(names) > _MOST_COLUMNS:
        raise FileError(f"has more than {_MOST_COLUMNS} columns")
    unusable = [str(place) for place, name in enumerate(names, 1) if not _NAME.fullmatch(name)]
    if unusable:
        raise FileError(f"has columns without a usable name: {', '.join(unusable[:10])}, counted from 1")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise FileError(f"has the column `{twice[0]}` twice")
    refused = [name for name in names if name in (*STRUCTURED, *FOR_ALL)]
    if refused:
        raise FileError(f"has a column `{refused[0]}`, which no row of a CSV can say: put it into `settings`")


def _text(file: IO[bytes]) -> io.TextIOWrapper:
    """Bytes that are not UTF-8 become lone surrogates, so that their row can be told."""
    file.seek(0)
    raw = cast("io.BufferedReader", file)
    return io.TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline="")
