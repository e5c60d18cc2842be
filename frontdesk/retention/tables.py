"""What was erased, when, on whose request: without the data and without the person."""

from sqlalchemy import Column, ForeignKey, Integer, Table, Text

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

erasure_calls = Table(
    "erasure_calls",
    METADATA,
    Column("erasure_id", Text, ForeignKey("erasures.id", ondelete="CASCADE"), primary_key=True),
    Column("call_id", Text, primary_key=True),
    comment="Calls that a request still waits for: they go on, or their events are not delivered yet.",
)
