"""What a campaign is started with: what holds for all its rows, and how it is driven."""

import math
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator, model_validator

from frontdesk.calls.plan import OnBlocked
from frontdesk.dialout.models import DialoutRequest, RequestedVoicemail, Retry, Schedule

_OWN = {"name", "organization", "start", "concurrency", "circuit_breaker", "timezone"}
_ANYBODY = {"patient_id": "nobody"}


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)


class CircuitBreaker(_Settings):
    """When a campaign whose calls fail is paused.

    Only attempts count that failed for a reason which is not the callee's: a service, the phone network, the
    bot. Nobody is called while something is broken.
    """

    enabled: bool = True
    failed_share: float = Field(0.5, gt=0, le=1, description="Share of the ended attempts that failed.")
    least: int = Field(10, ge=1, le=1000, description="Of so many ended attempts at least.")
    window_s: float = Field(600, ge=60, le=86400, description="Ended within so many seconds.")


class CampaignSettings(_Settings):
    """The part `settings` of `POST /campaigns`.

    What is named as in `POST /dialout` means the same, for every row that says nothing else.
    """

    name: str = Field(min_length=1, max_length=200)
    organization: str | None = Field(
        None, max_length=60, description="Slug; the default organization when absent."
    )
    start: bool = Field(
        True, description="Start by itself when nothing is wrong with any row; false: wait for `start`."
    )
    concurrency: int | None = Field(None, ge=1, le=10_000, description="Most calls of the campaign at once.")
    circuit_breaker: CircuitBreaker = CircuitBreaker()
    workflow: str | None = Field(None, max_length=60)
    schedule: Schedule = Schedule()
    retry: Retry | None = None
    voicemail: RequestedVoicemail | None = None
    caller_id: UUID | str | None = None
    on_blocked: OnBlocked | None = None
    timezone: str | None = Field(
        None, max_length=60, description="Of callees whose own neither row nor stored patient says."
    )
    ring_timeout_s: int | None = Field(None, ge=5, le=120)
    max_duration_s: int | None = Field(None, ge=10, le=14000)
    variables: dict[str, JsonValue] = Field(default_factory=dict)
    metadata: dict[str, JsonValue] = Field(default_factory=dict)

    @field_validator("name")
    @classmethod
    def _visible(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("must have a visible character")
        return value.strip()

    @model_validator(mode="after")
    def _as_calls_take_them(self) -> Self:
        DialoutRequest.model_validate(self.for_rows() | _ANYBODY | {"timezone": self.timezone})
        return self

    def for_rows(self) -> dict[str, Any]:
        """What every row begins with: fields of a `DialoutRequest`, ready for JSON."""
        return self.model_dump(mode="json", exclude=_OWN, exclude_unset=True, exclude_none=True)

    @property
    def begins_at(self) -> float:
        """No row becomes a call before; UTC seconds."""
        return self.schedule.earliest_at.timestamp() if self.schedule.earliest_at else -math.inf

    @property
    def ends_at(self) -> float:
        """No row becomes a call after; UTC seconds."""
        return self.schedule.latest_at.timestamp() if self.schedule.latest_at else math.inf
