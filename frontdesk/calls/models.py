"""What is told to the ledger: a new call, and the facts of its life.

A fact says what happened, by whose account and when. Facts may arrive in any order and more than once;
what has the same id within a call is the same fact.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from pydantic import JsonValue

Direction = Literal["inbound", "outbound"]
Data = dict[str, JsonValue]


class Source(StrEnum):
    """By whose account."""

    GATEWAY = "gateway"
    BOT = "bot"
    DAILY = "daily"


class State(StrEnum):
    """Where a call stands, in the order of its life; nothing follows ENDED."""

    SCHEDULED = "scheduled"
    """Waits for `earliest_at`."""
    QUEUED = "queued"
    """Waits for its turn."""
    RESCHEDULED = "rescheduled"
    """Waits for another attempt, or for the hour at which it may be made."""
    LAUNCHING = "launching"
    DIALING = "dialing"
    RINGING = "ringing"
    IN_PROGRESS = "in_progress"
    TRANSFERRING = "transferring"
    ENDED = "ended"


class GatewayFact(StrEnum):
    """What the gateway itself does. The data of each is in brackets."""

    OPENED = "opened"
    """The call was accepted []. Always the first fact; written with the call itself."""
    ATTEMPT_OPENED = "attempt_opened"
    """A launch begins [room, owner: id of the gateway]."""
    BOT_STARTED = "bot_started"
    """The host took the bot [session_id, host: "local" or agent name, host_session_id?, room_url?]."""
    LAUNCH_FAILED = "launch_failed"
    """No bot will come to this attempt [code: of the error, reason: EndedReason, final: no other follows,
    ambiguous: a bot may come all the same, retry_after_s?: when the other side may have room again]."""
    HANG_UP = "hang_up"
    """The gateway decided to end the call [why: canceled, max_duration, bot_crashed, lost; by]."""
    CLOSED = "closed"
    """Confirmed: the attempt's room, and every line in it, is gone [how]."""
    CALLER_KNOWN = "caller_known"
    """The CRM said who is calling [workflow?, patient_id?, variables?, refused: bool]."""
    ENQUEUED = "enqueued"
    """The engine will see to an attempt [attempt: number, turn]. A fact of the call, not of the attempt."""
    RESCHEDULED = "rescheduled"
    """An attempt must wait [attempt: number, turn: the engine's next one, at: UTC seconds, why: EndedReason
    or a word of the engine]. A fact of the call."""
    BLOCKED = "blocked"
    """The call may not be made at all [attempt: number, reason: EndedReason, detail?, next_allowed_at?:
    UTC seconds]. A fact of the call."""
    PRESENCE = "presence"
    """Who is in the attempt's room, asked from Daily [bot: bool, phones: int]."""


class BotFact(StrEnum):
    """What the bot reports over the link. `dial` counts the dials of a session from 1."""

    CLAIMED = "claimed"
    """A bot asks whether it may dial [session_id]; the first one of an attempt that is open may."""
    JOINED = "joined"
    DIALIN_READY = "dialin_ready"
    FORWARD_FAILED = "forward_failed"
    FORWARDED = "forwarded"
    CONNECTED = "connected"
    """The caller is on the line [session_id?]."""
    DIALING = "dialing"
    """[dial]."""
    RINGING = "ringing"
    """[dial, session_id?]."""
    ANSWERED = "answered"
    """[dial, session_id?]."""
    ANSWERED_BY = "answered_by"
    """Who has answered a call out [kind: person, voicemail or screening]."""
    DIAL_ENDED = "dial_ended"
    """One dial came to nothing [dial, reason: EndedReason]."""
    GREETING = "greeting"
    FIRST_WORD = "first_word"
    """First sound of the bot on the line."""
    TURN = "turn"
    """Somebody spoke [role: user or bot, text, started_at?, ended_at?, interrupted?, latency_ms?]."""
    TOOL = "tool"
    """A tool was called [name, arguments, result, ok, duration_ms]."""
    CALLER_SILENT = "caller_silent"
    SERVICE_ERROR = "service_error"
    """[service, kind]."""
    ENDING = "ending"
    """The bot decided that the call ends [reason, detail?]; it may still speak."""
    ENDED = "ended"
    """The bot left [reason: EndedReason, detail?]. With `transferred` the line goes on without it."""


DAILY_PREFIX = "daily."
"""A fact of Daily is its event's type with this prefix, such as `daily.dialout.answered`."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened to a call.

    Args:
        call_id: Whose.
        id: The same for every copy of the fact; unique within the call.
        source: By whose account.
        type: A `GatewayFact`, a `BotFact`, or Daily's type behind `daily.`; unknown ones are kept.
        at: When, UTC seconds by the clock of the source.
        attempt: Of which attempt; 0 for the call as a whole.
        data: What else is known. Personal only in `turn` and `tool`, and in the payloads of Daily.
    """

    call_id: str
    id: str
    source: Source
    type: str
    at: float
    attempt: int = 0
    data: Data = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCall:
    """A call at the moment when the gateway accepts it; what is personal is erased after a while.

    Args:
        id: 32 hex digits. For an incoming call it follows from Daily's id: copies of a webhook are one call.
        organization_id: Whose call; UUID as text.
        from_number: Who calls, as the phone network says; None when withheld.
        to_number: Who is called.
        line: The `DialinSettings` or `DialoutSettings`, as the bot gets them.
        limits: `Limits`, as the bot gets them.
        caller_id: The number shown to the callee, by Daily's id; of calls out.
        external_id: The CRM's own id of the call.
        campaign_id: The campaign that it belongs to.
        request_digest: Tells a repeated request from another one with the same key; no personal data.
        plan: `Plan` as JSON; of calls out that wait for their turn.
        brief: `Brief` as JSON; of calls out.
    """

    id: str
    direction: Direction
    organization_id: str
    workflow: str
    created_at: float
    from_number: str | None = field(default=None, repr=False)
    to_number: str | None = field(default=None, repr=False)
    patient_id: str | None = None
    line: Data = field(default_factory=dict, repr=False)
    limits: Data = field(default_factory=dict)
    variables: Data = field(default_factory=dict, repr=False)
    metadata: Data = field(default_factory=dict, repr=False)
    caller_id: str | None = None
    external_id: str | None = field(default=None, repr=False)
    campaign_id: str | None = None
    request_digest: str | None = None
    plan: Data = field(default_factory=dict)
    brief: Data = field(default_factory=dict, repr=False)
