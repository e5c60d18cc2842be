"""What scrolls by: the timeline and the transcript of each call, line by line as they happen."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

_QUIET = frozenset({"participant_joined", "participant_left", "person_speaks", "person_silent", "bot_speaks"})
_WIDTH = 8


class Screen:
    """Prints what the simulator reports of its calls.

    Args:
        console: Where lines go; plain text when it is no terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last_call: str | None = None

    def say(self, text: str, style: str = "") -> None:
        """Print a line of our own."""
        self._console.print(Text(text, style=style))

    def chapter(self, text: str) -> None:
        """Print a heading."""
        self._console.print()
        self._console.rule(Text(text, style="bold"), align="left")

    def show(self, event: Mapping[str, Any], person: str) -> None:
        """Print one event of the simulator's stream; `person` is who holds the phone."""
        if event["call"] != self._last_call:
            self._last_call = event["call"]
            self._console.print()
        if event["type"] == "transcript":
            self._transcript(event, person)
        elif event["event"] not in _QUIET:
            self._timeline(event)

    def record(self, record: Mapping[str, Any], timeline: Sequence[Mapping[str, Any]]) -> None:
        """Print what the gateway's books say of a call: its end, its figures, and who told of it."""
        figures = record["durations"]
        told = Counter(event["source"] for event in timeline)
        self._fact("record", f"GET /calls/{record['call_id']}")
        self._fact("", f"{record['state']}: {record['ended_reason']} (by {record['ended_by']})")
        to_answer, to_word, talk = (
            _ms(figures[name]) for name in ("to_answer_ms", "answered_to_first_word_ms", "talk_ms")
        )
        self._fact("", f"answered after {to_answer}, first word {to_word} later, talked for {talk}")
        self._fact("", "told by " + ", ".join(f"{source} {count}×" for source, count in told.items()))

    def attempts(self, attempts: Sequence[Mapping[str, Any]]) -> None:
        """Print what each attempt of a call came to."""
        for attempt in attempts:
            self._fact(
                "attempt", f"{attempt['number']}  {attempt['ended_reason']}, dialed {attempt['dials']}×"
            )

    def crm_events(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Print what the CRM was told, in the order of arrival; each signature was verified."""
        for event in events:
            data = event["data"]
            why = data.get("ended_reason") or data.get("waiting_for")
            reason = f": {why}" if why else ""
            self._fact("CRM", f"{data['sequence']}  {event['type']}{reason}  (signature verified)")

    def _fact(self, label: str, text: str) -> None:
        indent = " " * 11
        self._console.print(Text.assemble(indent, (f"{label:<{_WIDTH}}", "bold magenta"), (text, "")))

    def step(self, ms: float, name: str, facts: str) -> None:
        """Print one step of a bot's own timeline."""
        self._line(ms, "", f"{name.replace('_', ' ')} {facts}".rstrip(), "dim")

    def _transcript(self, event: Mapping[str, Any], person: str) -> None:
        who, style = (person, "cyan") if event["side"] == "said" else ("bot", "green")
        self._line(event["ms"], who, event["text"], style)

    def _timeline(self, event: Mapping[str, Any]) -> None:
        detail = event.get("detail")
        text = event["event"].replace("_", " ") + (f": {_short(detail)}" if detail is not None else "")
        self._line(event["ms"], "", text, "dim")

    def _line(self, ms: float, who: str, text: str, style: str) -> None:
        clock = f"{ms / 1000:7.2f} s  "
        self._console.print(
            Text.assemble((clock, "dim"), (f"{who:<{_WIDTH}}", f"bold {style}"), (text, style))
        )


def _short(detail: Any) -> str:
    if isinstance(detail, Mapping):
        return ", ".join(f"{key} {value}" for key, value in detail.items() if value is not None)
    return str(detail)


def _ms(value: int | None) -> str:
    return "no time" if value is None else f"{value / 1000:.2f} s"
