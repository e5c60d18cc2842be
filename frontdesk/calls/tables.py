"""The tables of the ledger. `calls.life` is what the life of the call remembers; the rest is for readers."""

from sqlalchemy import Boolean, Column, ForeignKeyConstraint, Index, Integer, Table, Text, and_

from frontdesk.storage.tables import METADATA, Json, Seconds

calls = Table(
    "calls",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("organization_id", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("workflow", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("from_number", Text),
    Column("to_number", Text),
    Column("patient_id", Text),
    Column("line", Json, nullable=False),
    Column("limits", Json, nullable=False),
    Column("variables", Json, nullable=False),
    Column("metadata", Json, nullable=False),
    Column("caller_id", Text, comment="Daily's id of the number that is shown; of calls out."),
    Column("external_id", Text, comment="The CRM's own id of the call."),
    Column("campaign_id", Text),
    Column("request_digest", Text, comment="Tells a repeated request from another one with the same key."),
    Column("plan", Json, nullable=False, server_default="{}", comment="How a call out is to be tried."),
    Column("brief", Json, nullable=False, server_default="{}", comment="What only the bot needs; personal."),
    Column("next_attempt_at", Seconds, comment="Not before; null while none is waited for."),
    Column("waiting_for", Text, comment="Why it waits."),
    Column("created_at", Seconds, nullable=False),
    Column("updated_at", Seconds, nullable=False),
    Column("answered_at", Seconds, comment="Connected, or answered by the callee."),
    Column("first_word_at", Seconds),
    Column("ended_at", Seconds),
    Column("ended_reason", Text),
    Column("ended_by", Text),
    Column("ended_detail", Text),
    Column("attempt", Integer, nullable=False, comment="The latest attempt, from 1; 0 before the first."),
    Column("life", Json, nullable=False),
    Column(
        "due_at", Seconds, comment="When the reaper must look at the call; null when there is nothing to do."
    ),
    Column("erased_at", Seconds),
)
Index("ix_calls_organization_id_created_at_id", calls.c.organization_id, calls.c.created_at, calls.c.id)
Index(
    "ix_calls_organization_id_patient_id_created_at_id",
    calls.c.organization_id,
    calls.c.patient_id,
    calls.c.created_at,
    calls.c.id,
    sqlite_where=calls.c.patient_id.is_not(None),
    postgresql_where=calls.c.patient_id.is_not(None),
)
Index(
    "ix_calls_created_at",
    calls.c.created_at,
    sqlite_where=calls.c.erased_at.is_(None),
    postgresql_where=calls.c.erased_at.is_(None),
)
Index(
    "ix_calls_due_at",
    calls.c.due_at,
    sqlite_where=calls.c.due_at.is_not(None),
    postgresql_where=calls.c.due_at.is_not(None),
)
Index(
    "ix_calls_organization_id_external_id",
    calls.c.organization_id,
    calls.c.external_id,
    sqlite_where=calls.c.external_id.is_not(None),
    postgresql_where=calls.c.external_id.is_not(None),
)
Index(
    "ix_calls_campaign_id_state_ended_reason",
    calls.c.campaign_id,
    calls.c.state,
    calls.c.ended_reason,
    sqlite_where=calls.c.campaign_id.is_not(None),
    postgresql_where=calls.c.campaign_id.is_not(None),
)
_WAITING = calls.c.next_attempt_at.is_not(None)
Index("ix_calls_waiting", calls.c.id, sqlite_where=_WAITING, postgresql_where=_WAITING)
_INCOMING = and_(calls.c.direction == "inbound", calls.c.ended_at.is_(None))
Index("ix_calls_incoming", calls.c.state, sqlite_where=_INCOMING, postgresql_where=_INCOMING)


def _belongs_to_call() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["call_id"], ["calls.id"], ondelete="CASCADE")


attempts = Table(
    "attempts",
    METADATA,
    Column("call_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("room", Text),
    Column("owner", Text, comment="The gateway that launched it."),
    Column("session_id", Text),
    Column("host", Text, comment='"local", or the agent on Pipecat Cloud.'),
    Column("host_session_id", Text),
    Column("opened_at", Seconds),
    Column("joined_at", Seconds),
    Column("ringing_at", Seconds),
    Column("answered_at", Seconds),
    Column("ended_at", Seconds),
    Column("ended_reason", Text),
    Column("dials", Json, nullable=False, comment="Each time that a phone was dialed: dial, times, reason."),
    _belongs_to_call(),
)

legs = Table(
    "legs",
    METADATA,
    Column("call_id", Text, primary_key=True),
    Column("session_id", Text, primary_key=True, comment="Daily's id of the participant."),
    Column("attempt", Integer, nullable=False),
    Column("kind", Text, nullable=False, comment="dialin, dialout, transfer or bot."),
    Column("started_at", Seconds),
    Column("answered_at", Seconds),
    Column("ended_at", Seconds),
    _belongs_to_call(),
)
Index("ix_legs_session_id", legs.c.session_id)

call_events = Table(
    "call_events",
    METADATA,
    Column("call_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("at", Seconds, nullable=False, comment="By the clock of the source."),
    Column("received_at", Seconds, nullable=False),
    Column("late", Boolean, nullable=False, comment="Arrived after the call's end, which it did not change."),
    Column("data", Json, nullable=False),
    _belongs_to_call(),
)

turns = Table(
    "turns",
    METADATA,
    Column("call_id", Text, primary_key=True),
    Column("id", Text, primary_key=True, comment="Of the event."),
    Column("attempt", Integer, nullable=False),
    Column("role", Text, nullable=False, comment="user or bot."),
    Column("text", Text),
    Column("at", Seconds, nullable=False),
    Column("started_at", Seconds),
    Column("ended_at", Seconds),
    Column("interrupted", Boolean, nullable=False),
    Column(
        "latency_ms", Json, nullable=False, comment="Per part: stt, llm_first_token, tts_first_sound, total."
    ),
    _belongs_to_call(),
)

tool_calls = Table(
    "tool_calls",
    METADATA,
    Column("call_id", Text, primary_key=True),
    Column("id", Text, primary_key=True, comment="Of the event."),
    Column("attempt", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("arguments", Json),
    Column("result", Json),
    Column("ok", Boolean, nullable=False),
    Column("at", Seconds, nullable=False),
    Column("duration_ms", Seconds),
    _belongs_to_call(),
)
