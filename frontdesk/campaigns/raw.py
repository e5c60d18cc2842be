"""A row as it stands in a file, before anything of it is checked."""

from dataclasses import dataclass, field
from typing import Any

COLUMNS = (
    "phone_number",
    "patient_id",
    "external_id",
    "timezone",
    "consent_at",
    "caller_id",
    "workflow",
    "earliest_at",
    "latest_at",
)
"""What a row may say for itself; whatever else it holds becomes a variable."""
STRUCTURED = ("variables", "metadata", "patient_data", "retry", "voicemail", "schedule")
"""The same, in JSON lines alone: objects as in `POST /dialout`."""
FOR_ALL = (
    "organization",
    "dialout_settings",
    "limits",
    "on_blocked",
    "ring_timeout_s",
    "max_duration_s",
    "concurrency",
    "circuit_breaker",
)
"""What no row can say, nor have as the name of a variable: somebody would believe that it is obeyed."""
Problem = dict[str, str]
BREATH_BYTES = 2048
"""After so much of a file in which there is no row, others get their turn."""


class FileError(Exception):
    """A file cannot be read, or not any further; the text says why, and holds nothing of the file."""


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row of a file.

    Args:
        number: From 1; the header and empty lines are not counted.
        values: What it says, by the name of the column; None when it cannot be read.
        problem: Why it cannot be read.
    """

    number: int
    values: dict[str, Any] | None = field(default=None, repr=False)
    problem: str | None = None


def problem(name: str, message: str) -> Problem:
    """What is wrong with one field."""
    return {"field": name, "message": message}
