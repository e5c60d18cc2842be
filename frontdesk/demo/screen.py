"""What scrolls by: the timeline and the transcript of each call, line by line as they happen."""

from collections.abc import Mapping
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
