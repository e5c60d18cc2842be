"""JSON lines: one object on each line."""

from collections.abc import Iterator
from typing import IO, Any

from pydantic_core import from_json

from frontdesk.campaigns.raw import BREATH_BYTES, FOR_ALL, RawRow

_LONGEST_LINE = 128 * 1024
_BOM = b"\xef\xbb\xbf"


def json_rows(file: IO[bytes]) -> Iterator[RawRow | None]:
    """The objects; lines that hold none are told as such, empty ones are not counted.

    None comes where a piece of the file holds no row: whoever reads may let others work.
    """
    file.seek(0)
    number = 0
    empty = 0
    while line := file.readline(_LONGEST_LINE + 1):
        too_long = len(line) > _LONGEST_LINE and not line.endswith(b"\n")
        if too_long:
            yield from _rest(file)
        content = line.removeprefix(_BOM) if not number else line
        if content.strip():
            number += 1
            yield RawRow(number, problem=_TOO_LONG) if too_long else _row(number, content)
            continue
        empty += len(line)
        if empty >= BREATH_BYTES:
            empty = 0
            yield None


_TOO_LONG = f"is longer than {_LONGEST_LINE // 1024} KiB"


def _rest(file: IO[bytes]) -> Iterator[None]:
    """Pass over what is left of a line."""
    while (rest := file.readline(_LONGEST_LINE)) and not rest.endswith(b"\n"):
        yield None


def _row(number: int, line: bytes) -> RawRow:
    if b"\\u0000" in line or b"\0" in line:
        return RawRow(number, problem="holds NUL characters")
    try:
        value: Any = from_json(line, allow_inf_nan=False)
    except ValueError:
        return RawRow(number, problem="is no JSON in UTF-8")
    if not isinstance(value, dict):
        return RawRow(number, problem="is no JSON object")
    refused = next((name for name in FOR_ALL if name in value), None)
    if refused is not None:
        return RawRow(number, problem=f"says `{refused}`, which no row can: put it into `settings`")
    return RawRow(number, {name: told for name, told in value.items() if told is not None and told != ""})
