"""Who is being dialed, and how fast. The durable queue itself is the engine's own database."""

from sqlalchemy import Boolean, Column, Double, Index, Integer, Table, Text

from frontdesk.storage.tables import METADATA, Seconds

dial_slots = Table(
    "dial_slots",
    METADATA,
    Column("call_id", Text, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("organization_id", Text, nullable=False),
    Column("campaign_id", Text),
    Column("caller_id", Text),
    Column("callee", Text, nullable=False, comment="Keyed digest of the number that is called."),
    Column("taken_at", Seconds, nullable=False),
    Column("rang", Boolean, comment="Whether the phone may have rung; null while that is not known."),
    Column("failed", Boolean, comment="Whether it failed for a reason that is not the callee's."),
    Column("released_at", Seconds),
    comment="One row per attempt to dial; live until released, then kept to count calls to one number.",
)
Index(
    "ix_dial_slots_live",
    dial_slots.c.organization_id,
    sqlite_where=dial_slots.c.released_at.is_(None),
    postgresql_where=dial_slots.c.released_at.is_(None),
)
Index("ix_dial_slots_callee", dial_slots.c.organization_id, dial_slots.c.callee, dial_slots.c.taken_at)
Index("ix_dial_slots_campaign_id_released_at", dial_slots.c.campaign_id, dial_slots.c.released_at)
Index("ix_dial_slots_released_at", dial_slots.c.released_at)

dial_pace = Table(
    "dial_pace",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("next_at", Seconds, nullable=False, comment="When the next dial may start."),
    Column("full_until", Seconds, nullable=False, comment="Nobody dials before: the other side is full."),
    Column("slowdown", Double, nullable=False, comment="1 at full speed; doubles when they are full."),
    Column("slowed_at", Seconds, nullable=False),
    comment="One row that all gateways share.",
)
