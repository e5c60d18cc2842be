"""What a CRM may say of a caller."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, field_validator
from pydantic_core import to_json

from frontdesk.contract import CallContext

MOST_BYTES = 32 * 1024
"""Of a whole answer, and of its variables."""
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class _Answer(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", hide_input_in_errors=True)


class Refusal(_Answer):
    """The caller is not to be talked to."""

    message: _Text = Field(description="Spoken instead of the greeting; then the bot hangs up.")


class CallerAnswer(_Answer):
    """All of it is optional; keys that are not listed here are ignored.

    Raises:
        pydantic.ValidationError: A type is wrong, or the variables are too large.
    """

    variables: dict[str, JsonValue] = Field(default_factory=dict, max_length=100, repr=False)
    workflow: str | None = Field(None, max_length=60, description="Another workflow of the organization.")
    refuse: Refusal | None = None
    patient_id: str | None = Field(None, min_length=1, max_length=200, repr=False)

    @field_validator("variables")
    @classmethod
    def _small(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if len(to_json(value)) > MOST_BYTES or any(len(name) > 100 for name in value):  # noqa: PLR2004
            raise ValueError("too large")
        return value

    def context(self) -> CallContext:
        """The answer as bots get it; the patient's id is one of the variables."""
        known = {} if self.patient_id is None else {"patient_id": self.patient_id}
        return CallContext(
            variables=known | self.variables,
            workflow=self.workflow,
            refusal=self.refuse.message if self.refuse else None,
        )
