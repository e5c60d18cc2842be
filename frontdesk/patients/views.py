"""What the API takes and says of patients."""

import time
from datetime import UTC, datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
)

from frontdesk.calls.views import Moment, moment, moment_or_none
from frontdesk.gate.consent import is_past
from frontdesk.organizations import known_timezone
from frontdesk.patients.models import Patient
from frontdesk.phone import dialable

_FIRST = datetime(1970, 1, 2, tzinfo=UTC)


def _text(value: object) -> object:
    if isinstance(value, str):
        return value
    raise ValueError("must be a time with its offset, RFC 3339, such as 2026-03-02T14:05:00-05:00")


def _past(value: datetime) -> datetime:
    if value < _FIRST or not is_past(value.timestamp(), time.time()):
        raise ValueError("must be a time in the past")
    return value


_Past = Annotated[AwareDatetime, BeforeValidator(_text), AfterValidator(_past)]
_Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)]
_Line = Annotated[str, Field(min_length=1, max_length=200)]


class PatientRequest(BaseModel):
    """A patient, whole: what is left out is not kept."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    phone_number: str = Field(max_length=64, description="E.164.")
    timezone: str | None = Field(
        None, max_length=60, description="The patient's own (IANA); never guessed from the number."
    )
    first_name: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    language: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)] | None = (
        None
    )
    consent_at: _Past | None = Field(
        None, description="When the patient agreed to be called at this number; RFC 3339."
    )
    consent_source: _Line | None = Field(None, description="Where that is written down.")

    @field_validator("phone_number")
    @classmethod
    def _dialable(cls, value: str) -> str:
        return dialable(value)

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, value: str | None) -> str | None:
        return None if value is None else known_timezone(value)

    def patient(self, organization_id: str, patient_id: str, now: float) -> Patient:
        """As it is kept."""
        fields = self.model_dump(exclude={"consent_at"})
        agreed = None if self.consent_at is None else self.consent_at.timestamp()
        return Patient(
            organization_id=organization_id,
            id=patient_id,
            consent_at=agreed,
            created_at=now,
            updated_at=now,
            **fields,
        )


class PatientView(BaseModel):
    """What is kept of a patient."""

    patient_id: str
    phone_number: str
    timezone: str | None
    first_name: str | None
    language: str | None
    consent_at: Moment | None
    consent_source: str | None
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, patient: Patient) -> "PatientView":
        """What is shown of a patient."""
        return cls(
            patient_id=patient.id,
            phone_number=patient.phone_number,
            timezone=patient.timezone,
            first_name=patient.first_name,
            language=patient.language,
            consent_at=moment_or_none(patient.consent_at),
            consent_source=patient.consent_source,
            created_at=moment(patient.created_at),
            updated_at=moment(patient.updated_at),
        )
