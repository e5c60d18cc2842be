"""Files of campaigns: CSV with a header, or JSON lines; read row by row, never whole."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any

from frontdesk.campaigns.csv_rows import csv_columns, csv_rows
from frontdesk.campaigns.json_rows import json_rows
from frontdesk.campaigns.raw import FileError, RawRow

__all__ = ["CampaignFile", "FileError", "open_file"]

_LOOK_BYTES = 4096
_BOMS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_ZIPPED = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class CampaignFile:
    """A file that can be read.

    Args:
        variables: Columns of a CSV that become variables; JSON lines tell theirs row by row.
        rows: Reads it once, from the beginning; None comes after each piece without a row, so that whoever
            reads can let others work. Raises `FileError` where it cannot go on.
    """

    variables: tuple[str, ...]
    rows: Callable[[], Iterator[RawRow | None]]


def open_file(file: IO[bytes]) -> CampaignFile:
    """Look at the beginning of a file: what it is, and which columns it has.

    Raises:
        FileError: It is empty, no text in UTF-8, or has no usable header.
    """
    file.seek(0)
    begin = file.read(_LOOK_BYTES)
    _refuse_other_kinds(begin)
    first = begin.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not first:
        raise FileError("is empty")
    if first.startswith(b"["):
        raise FileError("is a JSON array; send JSON lines: one object on each line")
    if first.startswith(b"{"):
        return CampaignFile((), lambda: json_rows(file))
    columns = csv_columns(file)
    return CampaignFile(columns.variables, lambda: csv_rows(file, columns))


def _refuse_other_kinds(begin: bytes) -> None:
    if begin.startswith(_ZIPPED):
        raise FileError("is a spreadsheet or an archive; save it as CSV in UTF-8")
    for mark, name in _BOMS.items():
        if begin.startswith(mark):
            raise FileError(f"is {name}; save it as CSV in UTF-8")
    if b"\0" in begin:
        raise FileError("holds NUL bytes; save it as CSV in UTF-8")


def canonical(value: Any) -> bytes:
    """JSON of a value, the same however its keys were ordered."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
