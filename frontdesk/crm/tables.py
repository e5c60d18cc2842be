"""The outbox: events are written in the transaction of the change that they tell of."""

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from frontdesk.storage.tables import METADATA, Json, Seconds

crm_events = Table(
    "crm_events",
    METADATA,
    Column("id", Text, primary_key=True, comment="The webhook-id; the same on every delivery."),
    Column("organization_id", Text, nullable=False),
    Column("call_id", Text, comment="None for events that belong to no call."),
    Column("sequence", Integer, nullable=False, comment="Within the call, from 1 without gaps."),
    Column("type", Text, nullable=False),
    Column("payload", Json, nullable=False),
    Column("created_at", Seconds, nullable=False),
    Column("erased_at", Seconds),
    UniqueConstraint("call_id", "sequence"),
)
Index(
    "ix_crm_events_organization_id_created_at_id",
    crm_events.c.organization_id,
    crm_events.c.created_at,
    crm_events.c.id,
)

crm_deliveries = Table(
    "crm_deliveries",
    METADATA,
    Column("id", Text, primary_key=True, comment="Follows from the event and the endpoint."),
    Column("event_id", Text, ForeignKey("crm_events.id", ondelete="CASCADE"), nullable=False),
    Column("endpoint_id", Text, nullable=False),
    Column("organization_id", Text, nullable=False),
    Column("call_id", Text),
    Column("sequence", Integer, nullable=False),
    Column("type", Text, nullable=False),
    Column("state", Text, nullable=False, comment="pending, delivered, failed, disabled."),
    Column("tries", Integer, nullable=False, comment="Tries whose outcome is known."),
    Column("earlier_tries", Integer, nullable=False, comment="Of `tries`, those before the latest resend."),
    Column("due_at", Seconds, comment="Next try, or when a claim runs out; set while pending only."),
    Column("created_at", Seconds, nullable=False),
    Column("delivered_at", Seconds),
    Column("last_status", Integer),
    Column("last_error", Text),
)
_PENDING = crm_deliveries.c.due_at.is_not(None)
Index(
    "ix_crm_deliveries_endpoint_id_due_at",
    crm_deliveries.c.endpoint_id,
    crm_deliveries.c.due_at,
    sqlite_where=_PENDING,
    postgresql_where=_PENDING,
)
Index(
    "ix_crm_deliveries_endpoint_id_call_id_sequence",
    crm_deliveries.c.endpoint_id,
    crm_deliveries.c.call_id,
    crm_deliveries.c.sequence,
    sqlite_where=_PENDING,
    postgresql_where=_PENDING,
)
Index(
    "ix_crm_deliveries_organization_id_created_at_id",
    crm_deliveries.c.organization_id,
    crm_deliveries.c.created_at,
    crm_deliveries.c.id,
)
Index("ix_crm_deliveries_event_id", crm_deliveries.c.event_id)

crm_tries = Table(
    "crm_tries",
    METADATA,
    Column("delivery_id", Text, ForeignKey("crm_deliveries.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", Seconds, nullable=False),
    Column("status", Integer),
    Column("error", Text),
    Column("duration_ms", Seconds, nullable=False),
)

crm_endpoints = Table(
    "crm_endpoints",
    METADATA,
    Column("id", Text, primary_key=True, comment="Follows from the organization and the URL."),
    Column("organization_id", Text, nullable=False),
    Column("failing_since", Seconds, comment="First failure after the last success."),
    Column("disabled_at", Seconds),
    Column("disabled_why", Text, comment="gone or failing."),
)
