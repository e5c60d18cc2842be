"""What was erased, when, on whose request: without the data and without the person."""

from sqlalchemy import Column, Integer, Table, Text

from frontdesk.storage.tables import METADATA, Seconds

erasures = Table(
    "erasures",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("organization_id", Text, comment="None: the retention of all."),
    Column("kind", Text, nullable=False, comment="retention or request."),
    Column("requested_by", Text, comment="Id of the API key, or `operator`."),
    Column("subject_hash", Text, comment="Keyed hash of the patient or number that was asked for."),
    Column("requested_at", Seconds, nullable=False),
    Column("done_at", Seconds),
    Column("calls", Integer, nullable=False),
    Column("turns", Integer, nullable=False),
)
