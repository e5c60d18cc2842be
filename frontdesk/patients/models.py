"""What is kept of a patient."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """A patient as the CRM stored it; times are UTC seconds.

    Args:
        organization_id: Whose patient.
        id: The CRM's own id.
        phone_number: E.164.
        timezone: IANA; None when nobody said it.
        consent_at: When the patient agreed to be called at this number.
        consent_source: Where that is written down, in the CRM's words.
    """

    organization_id: str
    id: str = field(repr=False)
    phone_number: str = field(repr=False)
    timezone: str | None = None
    first_name: str | None = field(default=None, repr=False)
    language: str | None = None
    consent_at: float | None = None
    consent_source: str | None = field(default=None, repr=False)
    created_at: float
    updated_at: float
