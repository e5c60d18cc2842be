"""A CSV file of numbers, in any shape that exports have, in any pieces that a network makes of it."""

from collections.abc import AsyncIterator, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.errors import BodyTooLargeError, InvalidBodyError
from frontdesk.gate import importing
from frontdesk.gate.csv_lines import lines
from frontdesk.gate.do_not_call import DoNotCall
from frontdesk.gate.importing import Report, import_numbers
from frontdesk.storage.database import Database
from tests.gate.desk import OUR_ID

ONE, TWO, THREE = "+12025550123", "+12025550124", "+12025550125"


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def take(database: Database, *parts: bytes) -> Report:
    return await import_numbers(DoNotCall(database), OUR_ID, chunks(*parts))


async def listed(database: Database) -> dict[str, str | None]:
    return {entry.number: entry.reason for entry in await DoNotCall(database).page(OUR_ID)}


SHAPES: dict[str, bytes] = {
    "header": f"number,reason\n{ONE},\n{TWO},moved away\n".encode(),
    "other_order": f"id;Reason;PHONE_NUMBER\r\n1;;{ONE}\r\n2;moved away;{TWO}\r\n".encode(),
    "no_header": f"{ONE}\n{TWO},moved away".encode(),
    "bom_and_quotes": f'\ufeff"number","reason"\n"{ONE}",""\n"{TWO}","moved away"\n\n\n'.encode(),
    "tabs": f"phone\treason\n{ONE}\n{TWO}\tmoved away\n".encode(),
    "as_people_write": b"number,reason\n+1 202-555-0123,\n (unreadable\n+1 (202) 555 0124,moved away\n",
}


@pytest.mark.parametrize("content", SHAPES.values(), ids=SHAPES)
async def test_shapes(database: Database, content: bytes) -> None:
    """Header or none, any order of columns, comma, semicolon or tab, BOM, quotes and empty lines."""
    report = await take(database, content)
    assert (report.added, report.already_listed) == (2, 0)
    assert await listed(database) == {ONE: None, TWO: "moved away"}
    again = await take(database, content)
    assert (again.added, again.already_listed, again.wrong) == (0, 2, report.wrong)


async def test_a_wrong_row_harms_no_other(database: Database) -> None:
    """Each row that cannot be used is told by line and code, without its number; all others are listed."""
    rows = [
        "name,number,reason",
        f'Ada,{ONE},"an open quote',
        f"Ben,{TWO},fine",
        "Cleo,911,",
        "Dan",
        "Eve,+14155,",
        f"Fay,{TWO},twice",
        "",
        f"Gus,{THREE},{'x' * 900}",
    ]
    report = await take(database, "\n".join(rows).encode())
    assert [(one.line, one.code) for one in report.problems] == [
        (2, "malformed"),
        (4, "number_not_dialable"),
        (5, "malformed"),
        (6, "number_not_dialable"),
    ]
    assert (report.rows, report.added, report.already_listed, report.wrong) == (7, 2, 1, 4)
    assert not any("4155" in one.message or "911" in one.message for one in report.problems)
    assert await listed(database) == {TWO: "twice", THREE: "x" * 500}


async def test_many_problems_are_counted(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many problems the first are told and all are counted."""
    monkeypatch.setattr(importing, "MOST_PROBLEMS", 3)
    report = await take(database, b"number\n" + b"12\n" * 9)
    assert (len(report.problems), report.wrong) == (3, 9)


async def test_too_many_rows(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is too long is refused with the limit; the rows before the limit are on the list."""
    monkeypatch.setattr(importing, "MOST_ROWS", 2)
    with pytest.raises(BodyTooLargeError) as caught:
        await take(database, f"{ONE}\n{TWO}\n{THREE}\n".encode())
    assert caught.value.extensions == {"limit_rows": 2}
    assert set(await listed(database)) == {ONE, TWO}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"name,telephone\nAda,1\n", "The first line must name the columns"),
        (b"2025550123\n", "The first line must name the columns"),
        (f"number\n{ONE}\n".encode() + b"\xff\xfe\n", "is not UTF-8"),
        (f"number\n{ONE}\n".encode() + b"x" * 9000, "Line 3 is longer"),
        (f"number\n{ONE}\n".encode("utf-16"), "is not UTF-8"),
    ],
)
async def test_files_that_cannot_be_read(database: Database, content: bytes, told: str) -> None:
    """What is no CSV of numbers is refused with the place."""
    with pytest.raises(InvalidBodyError, match=told):
        await take(database, content)


async def test_what_stood_before_the_fault_is_listed(database: Database) -> None:
    """When a file breaks off in the middle, the numbers before it are on the list."""
    with pytest.raises(InvalidBodyError):
        await take(database, f"number\n{ONE}\n".encode(), b"\xff")
    assert set(await listed(database)) == {ONE}


async def test_an_empty_file(database: Database) -> None:
    """An empty file lists nobody."""
    assert (await take(database)).rows == 0
    assert (await take(database, b"number\n")).rows == 0


@settings(deadline=None)
@given(st.text('aü\n\r,"€+1', max_size=60), st.lists(st.integers(1, 9), max_size=80))
async def test_pieces_do_not_matter(text: str, sizes: list[int]) -> None:
    """However the network cuts a file, its lines are the same."""
    content = text.encode()
    whole = [line async for line in lines(chunks(content))]
    assert [line async for line in lines(chunks(*pieces(content, sizes)))] == whole
    assert whole == [(n, one.rstrip("\r")) for n, one in enumerate(text.split("\n"), 1) if one.strip()]


def pieces(content: bytes, sizes: Iterable[int]) -> Iterable[bytes]:
    for size in sizes:
        yield content[:size]
        content = content[size:]
    yield content
