"""What the CRM is told, as JSON: built without models, for speed; the models describe it for OpenAPI."""

from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue
from pydantic_core import to_json

from frontdesk.calls.models import NewCall, State
from frontdesk.calls.orders import Told
from frontdesk.calls.state import CallState
from frontdesk.crm.schedule import rfc3339
from frontdesk.ended import ENDED_REASONS, EndedBy, EndedReason

CallEventType = Literal[
    "call.started",
    "call.ringing",
    "call.answered",
    "call.attempt.ended",
    "call.rescheduled",
    "call.ended",
]
CALL_EVENTS: dict[str, str] = {
    "call.started": "The gateway accepted a call: one came in, or one is about to be placed.",
    "call.ringing": "The callee's phone rings. Calls out only.",
    "call.answered": "Caller or callee are on the line with the bot.",
    "call.attempt.ended": "One attempt is over; `is_last_attempt` tells whether another may follow.",
    "call.rescheduled": "The call waits: for another attempt, or until it may be made. Calls out only.",
    "call.ended": "The call is over. The last event of every call, exactly once per call.",
}
PING_EVENT = "webhook.test"
PING_ABOUT = "Sent on request, to see whether an endpoint takes events. It belongs to no call."
EVENT_TYPES = frozenset({*CALL_EVENTS, PING_EVENT})
LARGEST_BYTES = 20_000
"""Standard Webhooks 1.0.0, "Payload size": more than 20 kB is refused by some receivers."""
_ENVELOPE_BYTES = 200


class CallData(BaseModel):
    """The call when the event was written."""

    model_config = ConfigDict(extra="forbid")

    event_id: str = Field(description="The `webhook-id`: the same on every delivery of this event.")
    call_id: str = Field(description="As in `GET /calls/{id}`.")
    sequence: int = Field(ge=1, description="Of the event within the call: 1, 2, 3 … without gaps.")
    attempt: int = Field(ge=0, description="Which attempt of the call, from 1; 0 before the first.")
    is_last_attempt: bool = Field(
        description="No other attempt of this call can follow; false before an attempt, and while one may."
    )
    direction: Literal["inbound", "outbound"] = Field(description="`inbound` or `outbound`.")
    state: State = Field(description="Of the call, when the event was written; it may be ahead of the event.")
    from_: str | None = Field(alias="from", description="E.164; null when withheld, or erased since.")
    to: str | None = Field(description="E.164; null when erased since.")
    patient_id: str | None = Field(description="As the CRM gave it.")
    external_id: str | None = Field(description="The CRM's own id of the call; null when erased since.")
    campaign_id: str | None = Field(description="Of the campaign that the call belongs to.")
    organization_id: str = Field(description="Of the organization whose call it is.")
    organization: str | None = Field(description="Its slug.")
    workflow: str = Field(description="The kind of conversation.")
    metadata: dict[str, JsonValue] | None = Field(
        description="As the CRM gave it, untouched; null when `left_out` says so."
    )
    started_at: AwareDatetime = Field(description="When the gateway accepted the call.")
    answered_at: AwareDatetime | None = Field(description="When caller or callee were on the line.")
    ended_at: AwareDatetime | None = Field(description="Of the call or the attempt that ended.")
    duration_s: float | None = Field(description="From answer to end; null unless both are known.")
    ended_reason: EndedReason | None = Field(description="See ended-reasons.md. Of the attempt, or the call.")
    ended_by: EndedBy | None = Field(description="On whose side it ended.")
    retryable: bool | None = Field(description="Whether calling again may help.")
    advice: str | None = Field(description="What to do about it, for people.")
    waiting_for: str | None = Field(
        description="Why the call waits: an ended reason, or a word of the engine. In `call.rescheduled`."
    )
    next_attempt_at: AwareDatetime | None = Field(description="When it is tried at the earliest. As above.")
    next_allowed_at: AwareDatetime | None = Field(
        description="When a call that was blocked may be made, if that is known. In `call.ended`."
    )
    left_out: list[str] = Field(description="Fields that were too large to be sent; ask GET /calls/{id}.")


class CallEvent(BaseModel):
    """Something happened to a call."""

    model_config = ConfigDict(extra="forbid")

    type: CallEventType
    timestamp: datetime = Field(description="When it happened, RFC 3339, UTC.")
    data: CallData


class PingData(BaseModel):
    """Nothing but an id."""

    event_id: str
    organization_id: str
    organization: str | None


class PingEvent(BaseModel):
    """Sent on request, to see whether an endpoint takes events."""

    type: Literal["webhook.test"]
    timestamp: datetime
    data: PingData


def event_id(call_id: str, sequence: int) -> str:
    """The id of a call's event: the same however often it is made."""
    return f"evt_{call_id}_{sequence}"


def call_event(call: NewCall, state: CallState, told: Told, organization: str | None) -> dict[str, Any]:
    """The payload of a call's event, ready for JSON.

    Metadata that would make it larger than 20 kB is left out, and `left_out` says so.
    """
    data = {
        "event_id": event_id(call.id, told.sequence),
        "call_id": call.id,
        "sequence": told.sequence,
        "attempt": told.attempt,
        "is_last_attempt": told.is_last_attempt,
        "direction": call.direction,
        "state": str(state.state),
        "from": call.from_number,
        "to": call.to_number,
        "patient_id": call.patient_id,
        "external_id": call.external_id,
        "campaign_id": call.campaign_id,
        "organization_id": call.organization_id,
        "organization": organization,
        "workflow": call.workflow,
        "metadata": call.metadata,
        "started_at": rfc3339(call.created_at),
        **_end(state, told),
        "left_out": [],
    }
    if call.metadata and len(to_json(data)) + _ENVELOPE_BYTES > LARGEST_BYTES:
        data |= {"metadata": None, "left_out": ["metadata"]}
    return {"type": told.type, "timestamp": rfc3339(told.at), "data": data}


def ping_event(new_id: str, at: float, organization_id: str, organization: str | None) -> dict[str, Any]:
    """The payload of an event that only tests an endpoint."""
    data = {"event_id": new_id, "organization_id": organization_id, "organization": organization}
    return {"type": PING_EVENT, "timestamp": rfc3339(at), "data": data}


def _end(state: CallState, told: Told) -> dict[str, Any]:
    """How the call, or the attempt, ended, or what it waits for: nothing in events of calls that go on."""
    data: dict[str, Any] = told.data
    reason, ended, answered = data.get("reason"), data.get("ended_at"), state.answered_at
    talked = None if ended is None or answered is None else round(max(ended - answered, 0.0), 3)
    return {
        "answered_at": rfc3339(answered),
        "ended_at": rfc3339(ended),
        "duration_s": talked,
        "ended_reason": reason,
        "ended_by": data.get("ended_by"),
        "retryable": data.get("retryable"),
        "advice": ENDED_REASONS[reason].advice if reason in ENDED_REASONS else None,
        "waiting_for": data.get("waiting_for"),
        "next_attempt_at": rfc3339(data.get("next_attempt_at")),
        "next_allowed_at": rfc3339(data.get("next_allowed_at")),
    }
