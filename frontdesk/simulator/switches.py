"""The switches: what nobody outside Daily and Pipecat Cloud knows, and the default chosen for each."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Switches(BaseModel):
    """Behaviors of Daily and Pipecat Cloud that no document settles. Both positions of each are testable.

    Every field says what is unknown and which default was chosen and why.
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    # --- Daily REST ---
    unknown_room_status: Literal[404, 400] = Field(
        404,
        description=(
            "Status for a room that does not exist or has expired. Unknown; 404 is what pipecat tolerates."
        ),
    )
    room_exists_info: str = Field(
        "a room named {name} already exists",
        description="Text of the 400 for a room name that is taken. Unconfirmed.",
    )
    unknown_property: Literal["reject", "ignore"] = Field(
        "reject",
        description=(
            "What a property that the description does not list does. The description forbids it; "
            "not seen live."
        ),
    )
    fractional_exp: Literal["accept", "reject"] = Field(
        "accept",
        description=(
            "Whether exp may be a float. The description says integer, but pipecat sends floats "
            "in production."
        ),
    )
    retry_after: bool = Field(
        False, description="Whether a 429 carries Retry-After. Claimed by one secondary source only, so off."
    )
    room_deletion_ejects: bool = Field(
        True,
        description=(
            "Whether deleting a room throws out whoever is inside. Undocumented; else the meeting goes on."
        ),
    )
    presence_user_id: Literal["null", "generated"] = Field(
        "null",
        description=(
            "userId in presence of somebody whose token names none. The description says null; a page "
            "shows what looks generated."
        ),
    )
    endpoint_prefix: bool = Field(
        False,
        description=(
            "Whether sip_uri.endpoint starts with `sip:`. One page shows it; pipecat only works "
            "without, so off."
        ),
    )
    available_number_key: Literal["phoneNumber", "number"] = Field(
        "phoneNumber",
        description="Key of a number in /list-available-numbers. The description and pipecat's guide differ.",
    )

    # --- Daily account (known texts, depend on the plan) ---
    plan_allows_dialout: bool = Field(
        True, description="False: POST /rooms with enable_dialout is refused by plan."
    )
    domain_dialout_approved: bool = Field(
        True, description="False: dial-out to `+` numbers is refused until the domain is approved."
    )
    international_dialout: bool = Field(
        False, description="Whether numbers outside +1 may be called. By sales only."
    )

    # --- dial-in ---
    dialin_timestamp_unit: Literal["ms", "s"] = Field(
        "ms",
        description="Unit of X-Pinless-Timestamp. Seen in milliseconds on real traffic; docs use seconds.",
    )
    withheld_from: Literal["missing", "empty", "anonymous", "null"] = Field(
        "anonymous",
        description=(
            "What From is when the caller withholds the number. Undocumented; SIP's usual word by default."
        ),
    )
    dialin_webhook_timeout_s: float = Field(
        30.0,
        gt=0,
        description="Seconds that Daily waits for room_creation_api. Unknown; generous by default.",
    )
    dialin_webhook_retries: int = Field(
        0, ge=0, le=10, description="Tries again after a 5xx or a time-out. Unknown; none by default."
    )
    dialin_webhook_retry_delay_s: float = Field(1.0, ge=0, description="Pause between those tries. Unknown.")
    dialin_failure_hangs_up: bool = Field(
        False,
        description=(
            "Whether a failed webhook (non-200) ends the hold at once. Unknown; the caller stays on hold."
        ),
    )
    probe_body: Literal["test", "to"] = Field(
        "test",
        description='Body of the probe at configuring: {"Test":"test"} or only {"To": number}. Two sources.',
    )
    probe_signed: bool = Field(
        False, description="Whether the dial-in probe is signed. Unknown; off is the harder case."
    )
    default_hold_music_s: float = Field(
        30.0, gt=0, description="Length of Daily's own hold music; played twice. Unknown."
    )
    custom_hold_music_s: float = Field(
        59.0,
        gt=0,
        description="Length of a hold music of one's own; the simulator does not fetch it. Under 60.",
    )
    pinless_update_needs_ready: bool = Field(
        True,
        description=(
            "Whether pinlessCallUpdate before dialin-ready is refused. Docs say it must come "
            "after; text unknown."
        ),
    )
    pinless_update_repeated: Literal["ok", "error"] = Field(
        "error", description="Answer to a second pinlessCallUpdate for a call already bridged. Unknown."
    )
    pinless_unknown_call_info: str = Field(
        "no active call found for callId", description="Text for an unknown or ended callId. Invented."
    )
    pinless_not_ready_info: str = Field(
        "sipUri is not ready", description="Text for a SIP URI not ready. Invented."
    )
    sip_from_form: Literal["sip_uri", "number"] = Field(
        "sip_uri", description="Form of sip_from in dialin.connected for a phone caller. Unknown for PSTN."
    )
    dtmf_in: bool = Field(
        True,
        description=(
            "Whether keys pressed by a phone caller reach the bot. SIP INFO only is implied for PSTN."
        ),
    )

    # --- dial-out ---
    busy_as: Literal["error", "stopped"] = Field(
        "error",
        description=(
            "Whether busy or decline ends as dialout-error or as stopped without answered. Unpublished."
        ),
    )
    no_answer_as: Literal["error", "stopped"] = Field(
        "stopped", description="How a phone that nobody answers ends. Unpublished."
    )
    connected_before_busy: bool = Field(
        True,
        description="Whether dialout-connected precedes a busy tone. Unknown; docs' wording suggests it.",
    )
    connected_before_no_answer: bool = Field(
        True, description="Whether dialout-connected (ringing) precedes no-answer. Third parties saw both."
    )
    stopped_after_error: bool = Field(
        False,
        description=(
            "Whether dialout-stopped follows dialout-error. Unverified; the official example relies on no."
        ),
    )
    refusal_channel: Literal["completion", "event"] = Field(
        "completion",
        description=(
            "Whether a refused start_dialout fails in its completion or by dialout-error. Both are reported."
        ),
    )
    carrier_ring_timeout_s: float = Field(
        30.0, gt=0, description="Seconds until the carrier gives up ringing. Unknown: 5 to over 60 were seen."
    )
    client_dialout_limited: bool = Field(
        False,
        description=(
            "Whether the limit of one PSTN start a second also binds the bot's own start_dialout. Unknown."
        ),
    )
    invalid_caller_id_info: str = Field(
        "callerId is not associated with your domain",
        description="Text for a callerId that is not ours. Invented.",
    )
    caller_id_may_be_number: bool = Field(
        False,
        description=(
            "Whether callerId may be the number instead of its UUID. One guide shows it; others say UUID."
        ),
    )
    joins_while_ringing: bool = Field(
        False,
        description=(
            "Whether the phone leg is a participant of the room while it still rings. Docs hint at both."
        ),
    )
    answered_before_joined: bool = Field(
        True, description="Whether dialout-answered precedes participant-joined. Unknown."
    )
    left_before_stopped: bool = Field(
        True,
        description=(
            "Whether participant-left precedes dialin-stopped or dialout-stopped at a hang-up. Unknown."
        ),
    )
    sip_ready_s: float = Field(
        0.05, ge=0, description="Seconds from the first bot in a room to dialin-ready. Unknown; short here."
    )
    max_concurrent_calls: int | None = Field(
        None, ge=0, description="Calls a domain may have at a time. Unknown; no cap by default."
    )

    # --- domain webhooks ---
    event_timestamp_unit: Literal["s", "ms"] = Field("s", description="Unit of X-Webhook-Timestamp. Unknown.")
    payload_timestamp: Literal["string", "int"] = Field(
        "string", description="Type of payload.timestamp. Described as integer, shown as strings."
    )
    event_probe_signed: bool = Field(
        True, description="Whether the webhook test is signed. A third party says yes."
    )
    event_webhook_timeout_s: float = Field(
        5.0, gt=0, description="Seconds that count as slow. The docs say only `relatively quickly`."
    )

    # --- Pipecat Cloud ---
    start_answers: Literal["accepted", "started"] = Field(
        "accepted",
        description=(
            "When the 200 of a start comes: when a session is assigned, or when the bot has started. "
            "Unknown, and it matters when cold; the official mock answers at once."
        ),
    )
    capacity_body: Literal["rate-limit", "agent-at-capacity"] = Field(
        "agent-at-capacity", description="Which of the two documented bodies a 429 has."
    )
    not_ready_status: int = Field(500, ge=400, le=599, description="Status of PCC-1001. Unknown.")
    start_rate_per_s: float | None = Field(
        None,
        gt=0,
        description="Requests a second that /start takes before it answers 429. Unknown; no limit.",
    )
    private_key_prefix: str = Field("sk_", description="Prefix of private keys. Unknown.")
