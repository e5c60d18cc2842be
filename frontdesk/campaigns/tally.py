"""Counts what a file held."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from frontdesk.campaigns.models import Report, Row
from frontdesk.campaigns.raw import Problem

DUPLICATE = "duplicate"
DO_NOT_CALL = "do_not_call"
_MOST_VARIABLES = 200


def duplicate(first: int) -> Problem:
    """The number of an earlier row."""
    return {"field": "phone_number", "message": f"is the number of row {first}", "code": DUPLICATE}


def do_not_call() -> Problem:
    """A number on the list."""
    return {"field": "phone_number", "message": "is on the do-not-call list", "code": DO_NOT_CALL}


class Tally:
    """Counts rows as they come.

    Args:
        variables: Columns that are known to become variables.
    """

    def __init__(self, variables: Sequence[str] = ()) -> None:
        self.report = Report(variables=tuple(variables))
        self._names = dict.fromkeys(variables)

    def count(self, rows: Sequence[Row]) -> Report:
        """The report with these rows in it."""
        kinds = [_kind(row) for row in rows]
        for row in rows:
            self._note_names(row.request or {})
        old = self.report
        self.report = replace(
            old,
            rows=old.rows + len(rows),
            callable=old.callable + kinds.count(""),
            invalid=old.invalid + kinds.count("invalid"),
            duplicates=old.duplicates + kinds.count(DUPLICATE),
            do_not_call=old.do_not_call + kinds.count(DO_NOT_CALL),
            variables=tuple(self._names),
        )
        return self.report

    def _note_names(self, request: Mapping[str, object]) -> None:
        variables = request.get("variables")
        if isinstance(variables, dict) and len(self._names) < _MOST_VARIABLES:
            self._names |= dict.fromkeys(variables)


def _kind(row: Row) -> str:
    if not row.problems:
        return ""
    codes = {problem.get("code", "") for problem in row.problems}
    return next((code for code in (DO_NOT_CALL, DUPLICATE) if code in codes), "invalid")
