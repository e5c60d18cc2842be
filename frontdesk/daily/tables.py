"""The inbox of Daily's events: kept before they are acknowledged, worked on after."""

from sqlalchemy import Column, Index, Integer, Table, Text

from frontdesk.storage.tables import METADATA, Json, Seconds

daily_events = Table(
    "daily_events",
    METADATA,
    Column("id", Text, primary_key=True, comment="Daily's own id of the event."),
    Column("type", Text, nullable=False),
    Column("room", Text),
    Column("call_id", Text),
    Column("payload", Json),
    Column("event_at", Seconds),
    Column("received_at", Seconds, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("due_at", Seconds, comment="When it is to be worked on; null when that is done."),
    Column("outcome", Text, comment="applied, foreign, unknown_call or failed."),
)
Index(
    "ix_daily_events_due_at",
    daily_events.c.due_at,
    sqlite_where=daily_events.c.due_at.is_not(None),
    postgresql_where=daily_events.c.due_at.is_not(None),
)
