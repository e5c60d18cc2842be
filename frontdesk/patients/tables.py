"""What is kept of a patient."""

from sqlalchemy import Column, Index, Table, Text

from frontdesk.storage.tables import METADATA, Seconds

patients = Table(
    "patients",
    METADATA,
    Column("organization_id", Text, primary_key=True),
    Column("id", Text, primary_key=True, comment="The CRM's own id of the patient."),
    Column("phone_number", Text, nullable=False, comment="E.164."),
    Column("timezone", Text, comment="IANA; never guessed from the number."),
    Column("first_name", Text),
    Column("language", Text),
    Column("consent_at", Seconds, comment="When the patient agreed to be called."),
    Column("consent_source", Text),
    Column("created_at", Seconds, nullable=False),
    Column("updated_at", Seconds, nullable=False),
)
Index("ix_patients_organization_id_phone_number", patients.c.organization_id, patients.c.phone_number)
