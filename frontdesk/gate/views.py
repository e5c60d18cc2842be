"""What the API takes and says of the do-not-call list."""

import base64
import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from frontdesk.calls.views import Moment, moment
from frontdesk.errors import InvalidCursorError
from frontdesk.gate.do_not_call import Listed, Wish
from frontdesk.gate.importing import Report

_E164 = re.compile(r"\+[0-9]{5,20}", re.ASCII)


def _plus(value: object) -> object:
    """A `+` that somebody decoded twice arrives as a space."""
    return f"+{value[1:]}" if isinstance(value, str) and value.startswith(" ") else value


Number = Annotated[str, BeforeValidator(_plus), Field(max_length=64)]


class WishRequest(BaseModel):
    """Why a number is put on the list; the body may be left out."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    reason: str | None = Field(None, max_length=500, description="For people; erased with the person's data.")


class ListedNumber(BaseModel):
    """A number that is never called."""

    number: str
    source: Wish = Field(description="How it came on the list first; `call`: the callee said so.")
    reason: str | None
    call_id: str | None = Field(description="The call in which the callee asked for it.")
    added_at: Moment

    @classmethod
    def of(cls, entry: Listed) -> "ListedNumber":
        """What is shown of an entry."""
        return cls(
            number=entry.number,
            source=entry.source,
            reason=entry.reason,
            call_id=entry.call_id,
            added_at=moment(entry.added_at),
        )


class ListPage(BaseModel):
    """A part of the list, in the order of the numbers."""

    numbers: tuple[ListedNumber, ...]
    next_cursor: str | None = Field(description="Null on the last page.")

    @classmethod
    def of(cls, entries: list[Listed], limit: int) -> "ListPage":
        """A page of at most `limit` of the entries, which are one more if there is another page."""
        shown = entries[:limit]
        cursor = (
            base64.urlsafe_b64encode(shown[-1].number.encode()).decode() if len(entries) > limit else None
        )
        return cls(numbers=tuple(map(ListedNumber.of, shown)), next_cursor=cursor)


class PageRequest(BaseModel):
    """Which part of the list."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(100, ge=1, le=1000)
    cursor: str | None = Field(None, max_length=100, description="`next_cursor` of the page before.")
    organization: str | None = Field(
        None, max_length=60, description="Slug; the key's own or the default when absent."
    )

    @property
    def after(self) -> str:
        """The last number of the page before.

        Raises:
            InvalidCursorError: The cursor is none of ours.
        """
        if self.cursor is None:
            return ""
        try:
            number = base64.b64decode(self.cursor.encode(), b"-_", validate=True).decode("ascii")
        except ValueError:
            raise InvalidCursorError from None
        if not _E164.fullmatch(number):
            raise InvalidCursorError
        return number


class RowProblem(BaseModel):
    """A row of the file that could not be used."""

    line: int
    code: str
    message: str


class ImportReport(BaseModel):
    """What an import came to."""

    rows: int = Field(description="Of the file, without the header and empty lines.")
    added: int
    already_listed: int = Field(description="Were on the list before, or stood in the file before.")
    wrong: int = Field(description="Rows that could not be used.")
    problems: tuple[RowProblem, ...] = Field(description="The first thousand of them, by line.")

    @classmethod
    def of(cls, report: Report) -> "ImportReport":
        """What is shown of a report."""
        problems = tuple(
            RowProblem(line=one.line, code=one.code, message=one.message) for one in report.problems
        )
        return cls(
            rows=report.rows,
            added=report.added,
            already_listed=report.already_listed,
            wrong=report.wrong,
            problems=problems,
        )
