"""The contract between gateway and bot: what both know of a call.

The gateway builds one `AgentRequest` for either direction, puts it into the `body` of a start request,
and `bot.py` validates the same model on the other side. No API key ever rides in it.
"""

from typing import Literal, Self
from uuid import UUID

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    JsonValue,
    field_validator,
    model_validator,
)

from frontdesk.phone import dialable


class _Contract(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True, hide_input_in_errors=True)


class DialinSettings(_Contract):
    """An incoming call as Daily names it (pipecat.runner.types.DialinSettings has the same keys).

    `From` is absent or not a number when the caller withholds it.
    """

    call_id: str = Field(min_length=1, max_length=200, description="The call's id in Daily's SIP network.")
    call_domain: str = Field(min_length=1, max_length=200, description="Daily's domain in its SIP network.")
    To: str | None = Field(None, validation_alias=AliasChoices("To", "to", "to_phone"), max_length=320)
    From: str | None = Field(
        None, validation_alias=AliasChoices("From", "from", "from_phone"), max_length=320
    )
    sip_headers: dict[str, str] | None = None


class DialoutSettings(_Contract):
    """A call to place.

    Raises:
        pydantic.ValidationError: The number may not be dialed (see `frontdesk.phone.dialable`).
    """

    phone_number: str = Field(description="Whom to call, E.164.")
    caller_id: UUID | None = Field(
        None, description="Daily's id of the purchased number to show; not the number itself."
    )
    display_name: str | None = Field(None, max_length=100)
    extension: str | None = Field(None, max_length=20, pattern=r"^[0-9*#wW]+$")

    @field_validator("phone_number")
    @classmethod
    def _dialable(cls, value: str) -> str:
        return dialable(value)


class Limits(_Contract):
    """How long a call and its parts may take."""

    max_duration_s: int = Field(3600, ge=10, le=14000, description="Longest call, in seconds.")
    ring_timeout_s: int = Field(45, ge=5, le=120, description="Longest ringing of one dial, in seconds.")
    dial_attempts: int = Field(
        5, ge=1, le=10, description="Most dials in this session, of what never rang a phone."
    )


class Voicemail(_Contract):
    """What to do when a machine answers. What is not certainly a machine is a person."""

    action: Literal["hang_up", "leave_message"] = Field(
        "hang_up", description="Without a message the call ends as `voicemail_no_message`."
    )
    message: str | None = Field(
        None,
        max_length=1000,
        description="Spoken once the mailbox is silent after greeting and beep.",
    )

    @model_validator(mode="after")
    def _message_given(self) -> Self:
        if self.action == "leave_message" and not self.message:
            raise ValueError("leave_message needs a message")
        return self


class Callback(_Contract):
    """Where the bot reports to, with a token that is good for this call alone."""

    url: HttpUrl
    token: str = Field(min_length=16, repr=False)
    heartbeat_s: float = Field(10, gt=0, le=60, description="Longest silence of the bot, in seconds.")
    ask_context: bool = Field(False, description="Whether to ask the gateway who is calling.")


class CallContext(_Contract):
    """What the CRM said of a caller while the bot was starting; all of it optional."""

    variables: dict[str, JsonValue] = Field(default_factory=dict, repr=False)
    workflow: str | None = Field(None, max_length=60, description="Another workflow of the organization.")
    refusal: str | None = Field(
        None, min_length=1, max_length=500, description="Spoken instead of the greeting; then it is over."
    )


class AgentRequest(_Contract):
    """Everything that a bot needs to know of its call, for both directions and both launchers.

    Raises:
        pydantic.ValidationError: Not exactly one of `dialin_settings` and `dialout_settings` is given.
    """

    room_url: str = Field(min_length=1, description="The Daily room that the gateway made for this call.")
    token: str = Field(min_length=1, repr=False, description="Owner token; stays between gateway and bot.")
    session_id: str = Field(description="One start of one bot.")
    call_id: str = Field(description="Frontdesk's id of the call.")
    attempt: int = Field(1, ge=1)
    organization_id: str
    organization_slug: str
    client_name: str = Field(description="The organization's spoken name.")
    workflow: str
    patient_id: str | None = None
    patient_data: dict[str, JsonValue] = Field(
        default_factory=dict, repr=False, description="The least that the conversation needs."
    )
    dialin_settings: DialinSettings | None = None
    dialout_settings: DialoutSettings | None = None
    limits: Limits = Limits()
    voicemail: Voicemail = Voicemail()
    callback: Callback | None = None
    refusal: str | None = Field(
        None, min_length=1, max_length=500, description="Spoken instead of the greeting; then it is over."
    )
    variables: dict[str, JsonValue] = Field(default_factory=dict, repr=False)
    metadata: dict[str, JsonValue] = Field(default_factory=dict, repr=False)

    @model_validator(mode="after")
    def _one_direction(self) -> Self:
        if (self.dialin_settings is None) == (self.dialout_settings is None):
            raise ValueError("exactly one of dialin_settings and dialout_settings must be given")
        return self

    @property
    def direction(self) -> Literal["inbound", "outbound"]:
        """Who placed the call."""
        return "inbound" if self.dialin_settings is not None else "outbound"

    def start_body(self) -> str:
        """The `body` of a start request, as JSON text."""
        return self.model_dump_json(exclude_none=True)
