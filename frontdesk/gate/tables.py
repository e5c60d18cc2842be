"""Who must not be called."""

from sqlalchemy import Column, Table, Text

from frontdesk.storage.tables import METADATA, Seconds

do_not_call = Table(
    "do_not_call",
    METADATA,
    Column("organization_id", Text, primary_key=True),
    Column("number", Text, primary_key=True, comment="E.164."),
    Column("source", Text, nullable=False, comment="api, import or call."),
    Column("reason", Text),
    Column("call_id", Text, comment="In which the callee asked for it."),
    Column("added_at", Seconds, nullable=False),
    comment="Kept until somebody takes the number off the list: retention does not end a wish.",
)
