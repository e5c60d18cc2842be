"""What the API says of a call. Times are RFC 3339 in UTC; `ms` are milliseconds."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, PlainSerializer, WithJsonSchema

from frontdesk.calls.models import Direction, State


def rfc3339(value: datetime) -> str:
    """A time as the API writes it."""
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")


Moment = Annotated[
    datetime,
    PlainSerializer(rfc3339, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-03-02T14:05:07.250Z"]}),
]
Object = dict[str, JsonValue]


def moment(seconds: float) -> datetime:
    """A time of the books as the API tells it."""
    return datetime.fromtimestamp(seconds, UTC)


def moment_or_none(seconds: float | None) -> datetime | None:
    """The same, when it may not have come yet."""
    return None if seconds is None else moment(seconds)


def milliseconds(start: float | None, end: float | None) -> int | None:
    """From one time of the books to another; None unless both came."""
    return None if start is None or end is None else round((end - start) * 1000)


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True)


class CallSummary(_View):
    """A call in a list."""

    call_id: str
    organization_id: str
    organization: str | None = Field(description="Slug of the organization's file.")
    direction: Direction
    workflow: str
    state: State
    canceling: bool = Field(description="A cancel was asked for, and the line is not closed yet.")
    from_number: str | None = Field(alias="from")
    to_number: str | None = Field(alias="to")
    patient_id: str | None
    external_id: str | None = Field(description="The CRM's own id of the call.")
    campaign_id: str | None
    caller_id: str | None = Field(description="Which number is shown to the callee, by Daily's id.")
    metadata: Object
    created_at: Moment
    answered_at: Moment | None
    first_word_at: Moment | None
    ended_at: Moment | None
    answered_to_first_word_ms: int | None = Field(
        description="How long the person heard nothing: from connected or answered to the bot's first sound."
    )
    ended_reason: str | None
    ended_by: str | None
    retryable: bool | None = Field(description="Whether calling again may help; null while the call goes on.")
    attempt: int = Field(description="The latest attempt, from 1; 0 before the first.")
    next_attempt_at: Moment | None = Field(
        description="Not tried before; null unless the call waits for an attempt."
    )
    waiting_for: str | None = Field(
        description="Why it waits: `scheduled`, `queued`, an ended reason, or a word of the engine."
    )
    erased_at: Moment | None


class CallPage(_View):
    """A page of calls, newest first."""

    calls: tuple[CallSummary, ...]
    next_cursor: str | None = Field(description="Null on the last page.")


class Durations(_View):
    """Milliseconds between the moments of a call."""

    to_answer_ms: int | None = Field(description="Accepted to connected or answered.")
    answered_to_first_word_ms: int | None
    talk_ms: int | None = Field(description="Connected or answered to the end.")
    total_ms: int | None = Field(description="Accepted to the end.")


class AttemptSummary(_View):
    """One bot in one room for a call."""

    number: int
    opened_at: Moment | None
    joined_at: Moment | None
    ringing_at: Moment | None
    answered_at: Moment | None
    ended_at: Moment | None
    ended_reason: str | None
    dials: int = Field(description="How often a phone was dialed.")
    rings: int = Field(description="How often one rang, as far as anybody tells.")


class Leg(_View):
    """Somebody's line in the call, by Daily's session id."""

    session_id: str
    kind: str
    attempt: int
    started_at: Moment | None
    answered_at: Moment | None
    ended_at: Moment | None


class CallRecord(CallSummary):
    """All that is known of a call, but for its events and its words."""

    updated_at: Moment
    advice: str | None = Field(description="What the ended reason suggests to do.")
    ended_detail: str | None
    next_allowed_at: Moment | None = Field(description="When a call that was blocked may be made, if known.")
    earliest_at: Moment | None = Field(description="Not dialed before; of calls out.")
    latest_at: Moment | None = Field(description="Not dialed after; of calls out.")
    max_attempts: int | None = Field(description="Most attempts that may reach a phone; of calls out.")
    durations: Durations
    limits: Object
    variables: Object
    attempts: tuple[AttemptSummary, ...]
    legs: tuple[Leg, ...]
    turns: int
    tool_calls: int


class Attempt(_View):
    """One attempt with all its dials."""

    number: int
    room: str | None
    gateway: str | None = Field(description="Which gateway launched it.")
    session_id: str | None
    host: str | None
    host_session_id: str | None
    opened_at: Moment | None
    joined_at: Moment | None
    ringing_at: Moment | None
    answered_at: Moment | None
    ended_at: Moment | None
    ended_reason: str | None
    rings: int = Field(description="How often a phone rang, as far as anybody tells.")
    dials: tuple[Object, ...]


class Attempts(_View):
    """The attempts of a call."""

    call_id: str
    attempts: tuple[Attempt, ...]


class TimelineEvent(_View):
    """Something that happened, by the account of one source."""

    ms: int = Field(description="Since the call was accepted, by the clock of the source; may be negative.")
    at: Moment
    source: str
    type: str
    attempt: int
    late: bool = Field(description="Arrived after the end of the call, which it did not change.")
    delay_ms: int = Field(description="How much later it arrived here.")
    data: Object = Field(description="Without words, names and numbers.")


class Timeline(_View):
    """All that happened to a call, in order."""

    call_id: str
    started_at: Moment
    events: tuple[TimelineEvent, ...]


class Turn(_View):
    """Something that was said."""

    type: Literal["turn"] = "turn"
    role: str
    text: str
    at: Moment
    ms: int
    started_at: Moment | None
    ended_at: Moment | None
    interrupted: bool
    latency_ms: Object
    attempt: int


class ToolCall(_View):
    """Something that the bot looked up or did."""

    type: Literal["tool"] = "tool"
    name: str
    arguments: JsonValue
    result: JsonValue
    ok: bool
    at: Moment
    ms: int
    duration_ms: float | None
    attempt: int


Entry = Annotated[Turn | ToolCall, Field(discriminator="type")]


class Transcript(_View):
    """What was said and done, in order."""

    call_id: str
    entries: tuple[Entry, ...]


class Cancel(_View):
    """How far a cancel is."""

    call_id: str
    state: State
    canceling: bool = Field(description="False once the line is closed.")
    ended_reason: str | None
