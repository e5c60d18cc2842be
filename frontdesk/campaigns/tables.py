"""Campaigns, the rows of their files, and what happened to them."""

from sqlalchemy import Boolean, Column, ForeignKeyConstraint, Index, Integer, Table, Text

from frontdesk.storage.tables import METADATA, Json, Seconds

campaigns = Table(
    "campaigns",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("organization_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False, comment="A `CampaignState`."),
    Column("settings", Json, nullable=False),
    Column("request_digest", Text, comment="Tells a repeated request from another one with the same key."),
    Column("report", Json, nullable=False, comment="Counts of what the file held."),
    Column("fed", Integer, nullable=False, comment="Rows up to this one are calls, or never will be."),
    Column("owner", Text, comment="The gateway that reads its file, and makes calls of its rows."),
    Column("hang_up", Boolean, nullable=False, comment="Canceled with what was on the line."),
    Column("paused_why", Text),
    Column("running_since", Seconds, comment="When it was started or resumed last."),
    Column("created_at", Seconds, nullable=False),
    Column("started_at", Seconds),
    Column("ended_at", Seconds),
    Column("updated_at", Seconds, nullable=False),
    Column("erased_at", Seconds, comment="When numbers and requests of its rows were erased."),
)
Index(
    "ix_campaigns_organization_id_created_at_id",
    campaigns.c.organization_id,
    campaigns.c.created_at,
    campaigns.c.id,
)
Index(
    "ix_campaigns_open",
    campaigns.c.state,
    sqlite_where=campaigns.c.ended_at.is_(None),
    postgresql_where=campaigns.c.ended_at.is_(None),
)


def _belongs_to_campaign() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], ondelete="CASCADE")


campaign_rows = Table(
    "campaign_rows",
    METADATA,
    Column("campaign_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True, comment="Line of the file, the header not counted, from 1."),
    Column("phone_number", Text),
    Column("patient_id", Text),
    Column("request", Json, comment="What the row asks for; null when it cannot be called."),
    Column("problems", Json, comment="What is wrong with it: field and message; null when nothing is."),
    Column("call_id", Text, comment="Once it is a call."),
    _belongs_to_campaign(),
)
Index(
    "ix_campaign_rows_problems",
    campaign_rows.c.campaign_id,
    campaign_rows.c.number,
    sqlite_where=campaign_rows.c.problems.is_not(None),
    postgresql_where=campaign_rows.c.problems.is_not(None),
)

Index(
    "ix_campaign_rows_patient_id",
    campaign_rows.c.campaign_id,
    campaign_rows.c.patient_id,
    sqlite_where=campaign_rows.c.patient_id.is_not(None),
    postgresql_where=campaign_rows.c.patient_id.is_not(None),
)
Index("ix_campaign_rows_phone_number", campaign_rows.c.campaign_id, campaign_rows.c.phone_number)

campaign_log = Table(
    "campaign_log",
    METADATA,
    Column("campaign_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("at", Seconds, nullable=False),
    Column("what", Text, nullable=False),
    Column("by", Text, comment="Id of the API key, or gateway."),
    Column("data", Json, nullable=False),
    _belongs_to_campaign(),
)
