"""Live calls as a table for a terminal, and as lines for a pipe."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

_STYLES = {"in_progress": "green", "ringing": "yellow", "dialing": "yellow", "ended": "dim"}
_SHOWN_DIGITS = 2
Call = Mapping[str, Any]


class Board:
    """What is shown of calls.

    Args:
        numbers: Whether phone numbers are shown whole; all but their last two digits are hidden otherwise.
    """

    def __init__(self, *, numbers: bool = False) -> None:
        self._numbers = numbers
        self._told: dict[str, str] = {}

    def table(self, calls: Iterable[Call], now: float, rows: int, note: str = "") -> Table:
        """The newest calls, one a row; `note` stands below them."""
        table = Table(box=None, padding=(0, 1), pad_edge=False)
        for heading in ("time", "", "from", "to", "state", "s", "reason", "call"):
            table.add_column(heading, overflow="fold", no_wrap=heading not in {"reason", "call"})
        table.caption = note or None
        for call in list(calls)[:rows]:
            state = "canceling" if call["canceling"] else call["state"]
            cells = self._cells(call, now)
            table.add_row(*cells[:4], Text(state, _STYLES.get(call["state"], "")), *cells[4:])
        return table

    def lines(self, calls: Iterable[Call], now: float) -> Iterator[str]:
        """A line for every call whose state is another than when it was told last, oldest first."""
        for call in reversed(list(calls)):
            state = "canceling" if call["canceling"] else str(call["state"])
            if self._told.get(call["call_id"]) == state:
                continue
            self._told[call["call_id"]] = state
            cells = self._cells(call, now)
            yield " ".join(filter(None, (*cells[:4], state, *cells[4:])))

    def _cells(self, call: Call, now: float) -> list[str]:
        return [
            _moment(call["created_at"]).astimezone().strftime("%H:%M:%S"),
            "in" if call["direction"] == "inbound" else "out",
            self._number(call["from"]),
            self._number(call["to"]),
            str(_seconds(call, now)),
            call["ended_reason"] or "",
            call["call_id"],
        ]

    def _number(self, number: str | None) -> str:
        if number is None or self._numbers:
            return number or "-"
        return "…" + number[-_SHOWN_DIGITS:]


def _seconds(call: Call, now: float) -> int:
    """How long it lasts, from its acceptance."""
    end = _moment(call["ended_at"]).timestamp() if call["ended_at"] else now
    return max(0, round(end - _moment(call["created_at"]).timestamp()))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
