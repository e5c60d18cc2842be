"""A campaign: its states, what it was started with, and what its file held."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from frontdesk.calls.models import Data


class CampaignState(StrEnum):
    """Where a campaign stands."""

    LOADING = "loading"
    """Its file is being read; no row is a call yet."""
    FAILED = "failed"
    """Its file could not be read to the end; no row was ever a call."""
    DRAFT = "draft"
    """Read, and waiting for somebody to start it."""
    RUNNING = "running"
    PAUSED = "paused"
    CANCELED = "canceled"
    """Nothing more is dialed; `ended_at` is null until its last call has ended."""
    COMPLETED = "completed"
    """Every row that can be called has ended."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the file held, counted in rows.

    Args:
        rows: All of them, the header not counted.
        callable: Those that become calls.
        invalid: Those with a wrong or missing value.
        duplicates: Those with the number of an earlier row.
        do_not_call: Those with a number on the do-not-call list.
        refused: Those that could have been called when they were read, and later could not.
        variables: Names of the columns that became variables.
        error: Why the file could not be read to the end.
    """

    rows: int = 0
    callable: int = 0
    invalid: int = 0
    duplicates: int = 0
    do_not_call: int = 0
    refused: int = 0
    variables: tuple[str, ...] = ()
    error: str | None = None

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong with any row, and there is one."""
        return self.error is None and 0 < self.rows == self.callable


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A campaign as the books have it; times are UTC seconds.

    Args:
        id: 32 hex digits.
        settings: `CampaignSettings` as JSON.
        fed: Rows up to this one are calls, or never will be.
        owner: The gateway that loads or feeds it.
        running_since: When it was started or resumed last.
        hang_up: Canceled, with what was on the line.
    """

    id: str
    organization_id: str
    name: str
    state: CampaignState
    settings: Data = field(repr=False)
    report: Report
    created_at: float
    updated_at: float
    request_digest: str | None = None
    fed: int = 0
    owner: str | None = None
    hang_up: bool = False
    paused_why: str | None = None
    running_since: float | None = None
    started_at: float | None = None
    ended_at: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file, checked.

    Args:
        number: From 1; the header is not counted.
        phone_number: E.164, as far as it is known; of a known patient, the patient's.
        patient_id: The CRM's own id of the patient.
        request: What it asks for beyond the campaign's settings; None when it cannot be called.
        problems: What is wrong with it, as `{field, message}`.
    """

    number: int
    phone_number: str | None = field(default=None, repr=False)
    patient_id: str | None = field(default=None, repr=False)
    request: dict[str, Any] | None = field(default=None, repr=False)
    problems: tuple[dict[str, str], ...] = ()
