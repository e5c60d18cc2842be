"""What is read of a file, and what is told of one that cannot be read."""

import io
import json
from typing import Any

import pytest

from frontdesk.campaigns.files import FileError, open_file


def rows(content: bytes) -> list[Any]:
    """What each row says, or why it cannot be read."""
    return [row.problem or row.values for row in open_file(io.BytesIO(content)).rows() if row]


def refusal(content: bytes) -> str:
    """Why a file is refused at its first look."""
    with pytest.raises(FileError) as error:
        open_file(io.BytesIO(content))
    return str(error.value)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_csv_of_any_program(separator: str, ending: str, mark: bytes) -> None:
    """Separator, line ending and byte order mark of any spreadsheet program are understood."""
    lines = [["Phone Number", "name"], ["+12125550100", "Zoë"], ["+12125550101", ""]]
    content = ending.join(separator.join(line) for line in lines) + ending
    expected = [{"phone_number": "+12125550100", "name": "Zoë"}, {"phone_number": "+12125550101"}]
    assert rows(mark + content.encode()) == expected


def test_quotes() -> None:
    """Separators, quotes and line breaks within quotes belong to the value."""
    content = b'phone_number,note\n+12125550100,"a ""b"", c\nd"\n+12125550101,x\n'
    assert [row["note"] for row in rows(content)] == ['a "b", c\nd', "x"]


def test_empty_lines_are_not_counted() -> None:
    """Empty lines, and lines of separators alone, are no rows."""
    content = b"\n,,\nphone_number,a,b\n\n+12125550100,1,2\n,,\n\n+12125550101,3,4\n"
    numbered = [(row.number, row.values) for row in open_file(io.BytesIO(content)).rows() if row]
    assert [(number, values["a"]) for number, values in numbered if values] == [(1, "1"), (2, "3")]


def test_a_row_that_cannot_be_read_harms_no_other() -> None:
    """Too few or too many values, a stray quote and a quote that is never closed are told with their row."""
    content = b'phone_number,a\n+12125550100\n+12125550101,1,2\n+12125550102,"x"y\n+12125550103,ok\n+1,"z\n'
    found = rows(content)
    assert found[:2] == [
        "has 1 values where the header names 2",
        "has 3 values where the header names 2",
    ]
    assert "behind a closing quote" in found[2]
    assert found[3] == {"phone_number": "+12125550103", "a": "ok"}
    assert "never closed" in found[4]


def test_a_quote_that_swallows_the_file() -> None:
    """A quote that is never closed costs a part of the file, and no memory: reading goes on behind it."""
    content = b'phone_number,a\n+12125550100,"x\n' + b"+12125550101,y\n" * 20_000
    found = rows(content)
    assert "too long, or a quote that is never closed" in found[0]
    assert found[-1] == {"phone_number": "+12125550101", "a": "y"}


def test_bytes_that_are_no_text() -> None:
    """A row that is not UTF-8 is read, so that its problem can be told; the others are not harmed."""
    content = b"phone_number,name\n+12125550100,M\xfcller\n+12125550101,Jos\xc3\xa9\n"
    odd, good = rows(content)
    assert any("\ud800" <= letter <= "\udfff" for letter in odd["name"])
    assert good["name"] == "José"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \n\n", "is empty"),
        ("phone_number\n+12125550100\n".encode("utf-16"), "UTF-16"),
        (b"PK\x03\x04....", "spreadsheet"),
        (b"phone_number\n\0\n", "NUL"),
        (b'[{"phone_number":"+12125550100"}]', "JSON lines"),
        (b"+12125550100\n+12125550101\n", "no header"),
        (b"name,number\nJane,+12125550100\n", "no header"),
        (b"phone_number,\n+12125550100,x\n", "columns without a usable name: 2"),
        (b"phone_number,a,a\n+12125550100,x,y\n", "the column `a` twice"),
        (b"phone_number,phone number\n+1,+1\n", "the column `phone_number` twice"),
        (b"phone_number,Max Duration S\n+1,3\n", "`max_duration_s`"),
        (b"phone_number,retry\n+1,3\n", "`retry`"),
        (b'phone_number,"x\n+1,3\n', "a header with a quote"),
        (b"phone_number," + b",".join(b"c%d" % n for n in range(300)) + b"\n", "more than 200 columns"),
        (b"phone_number," + b"x" * 100_000, "too long for a header"),
        (b",\n" * 60_000 + b"phone_number\n+12125550100\n", "no header within its first 64 KiB"),
        (b",\n" * 32_765 + b"phone_number\n+12125550100\n", "too long for a header"),
        (b"phone_number,n\xfcmber\n", "not UTF-8"),
    ],
)
def test_a_file_that_is_refused(content: bytes, told: str) -> None:
    """A file that cannot be read at all is refused at the first look, with what to do."""
    assert told in refusal(content)


def test_no_value_of_the_file_is_told() -> None:
    """A file without a header begins with a person: what is told of it names nobody."""
    assert "Jane" not in refusal(b"Jane Doe,+12125550100\n")


def test_json_lines() -> None:
    """One object on each line; empty lines are not counted, and what is no object is told with its row."""
    lines = [
        json.dumps({"phone_number": "+12125550100", "visits": 3, "none": None}),
        "",
        "{",
        "17",
        '{"phone_number":"\\u0000"}',
        '{"phone_number":"+1","limits":{}}',
        '{"phone_number":"+12125550101"}',
    ]
    found = rows("\n".join(lines).encode())
    assert found[0] == {"phone_number": "+12125550100", "visits": 3}
    told = ["is no JSON in UTF-8", "is no JSON object", "holds NUL characters"]
    assert found[1:4] == told
    assert "`limits`" in found[4]
    assert found[5] == {"phone_number": "+12125550101"}


def test_a_line_of_json_that_is_too_long() -> None:
    """A line that does not end costs itself alone."""
    content = b'{"a":"' + b"x" * 400_000 + b'"}\n{"phone_number":"+12125550101"}\n'
    told, good = rows(content)
    assert told == "is longer than 128 KiB"
    assert good == {"phone_number": "+12125550101"}


def test_a_file_is_never_read_whole() -> None:
    """Rows come while the file is read: behind the first row, little more than a buffer was asked for."""
    file = Counted(b"phone_number\n" + b"+12125550100\n" * 1_000_000)
    next(open_file(file).rows())
    assert file.given < 300_000


MANY = 1024 * 1024
CSV = b"phone_number,a\n+12125550100,x\n"
JSON = b'{"phone_number":"+12125550100"}\n'


@pytest.mark.parametrize(
    ("begin", "much"),
    [
        (CSV, b"\n" * MANY),
        (CSV, b"\r" * MANY),
        (CSV, b",\n" * (MANY // 2)),
        (CSV, (b"," * 60_000 + b"\n") * (MANY // 60_001)),
        (CSV, b" " * MANY + b"\n"),
        (CSV, b"x" * MANY + b"\n"),
        (CSV, b"ab," * (MANY // 3) + b"\n"),
        (CSV, b'"x\n' * (MANY // 3)),
        (CSV, b'"' + b"\n" * MANY),
        (JSON, b"\n" * MANY),
        (JSON, b" " * MANY + b"\n"),
        (JSON, b"x" * MANY + b"\n"),
    ],
)
def test_little_is_read_before_others_get_their_turn(begin: bytes, much: bytes) -> None:
    """Whatever a file holds between two rows, reading stops for others after some kilobytes of it."""
    file = Counted(begin + much + begin)
    most = before = 0
    reading = open_file(file).rows()
    for _ in reading:
        most, before = max(most, file.given - before), file.given
    assert file.given > MANY
    assert most < 300_000


@pytest.mark.parametrize("line", [b"x" * MANY, b"ab," * (MANY // 3), b'+12125550100,"' + b"x" * MANY + b'"'])
def test_a_line_of_csv_that_is_too_long(line: bytes) -> None:
    """A line that does not end is told as its row, and costs itself alone."""
    told, good = rows(b"phone_number,a\n" + line + b"\n+12125550101,y\n")
    assert told == "is longer than 64 KiB"
    assert good == {"phone_number": "+12125550101", "a": "y"}


@pytest.mark.parametrize("row", [b'"x\n\n",' * 20_000, b'+12125550100,"' + b"x\n" * 40_000 + b'"'])
def test_a_row_of_many_lines_that_is_too_long(row: bytes) -> None:
    """A row is no longer than a line may be, however its quotes cut it."""
    assert "too long, or a quote that is never closed" in rows(b"phone_number,a\n" + row + b"\n")[0]


class Counted(io.BytesIO):
    """Counts what is read."""

    given = 0

    def read(self, size: int | None = -1) -> bytes:
        return self._count(super().read(size))

    def read1(self, size: int | None = -1) -> bytes:
        return self._count(super().read1(-1 if size is None else size))

    def readline(self, size: int | None = -1) -> bytes:
        return self._count(super().readline(-1 if size is None else size))

    def _count(self, piece: bytes) -> bytes:
        self.given += len(piece)
        return piece
