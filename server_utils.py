"""The contract between gateway and bot, and the launch of a bot.

The gateway builds one `AgentRequest` for either direction, puts it into the `body` of a start request,
and `bot.py` validates the same model on the other side. No API key ever rides in it.
"""

from collections.abc import Callable
from typing import Literal, Self
from uuid import UUID

import aiohttp
from loguru import logger
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

from frontdesk.daily.rooms import Room, make_room
from frontdesk.errors import LaunchAnswerError, LaunchError
from frontdesk.launch.start_api import request_start
from frontdesk.phone import dialable
from frontdesk.settings import GatewaySettings, url_text

_WITHHELD = "anonymous"
_MARGIN_S = 300
_LONGEST_PAUSE_BETWEEN_DIALS_S = 30


class _Contract(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True, hide_input_in_errors=True)


class DialinSettings(_Contract):
    """An incoming call as Daily names it (pipecat.runner.types.DialinSettings has the same keys).

    `From` is absent or not a number when the caller withholds it.
    """

    call_id: str = Field(min_length=1, max_length=200, description="The call's id in Daily's SIP network.")
    call_domain: str = Field(min_length=1, max_length=200, description="Daily's domain in its SIP network.")
    To: str | None = Field(None, validation_alias=AliasChoices("To", "to", "to_phone"), max_length=100)
    From: str | None = Field(
        None, validation_alias=AliasChoices("From", "from", "from_phone"), max_length=100
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
    dial_attempts: int = Field(5, ge=1, le=10, description="Most dials in this session.")


class Voicemail(_Contract):
    """What to do when a machine answers."""

    action: Literal["hang_up", "leave_message"] = "hang_up"
    message: str | None = Field(None, max_length=1000)

    @model_validator(mode="after")
    def _message_given(self) -> Self:
        if self.action == "leave_message" and not self.message:
            raise ValueError("leave_message needs a message")
        return self


class Callback(_Contract):
    """Where the bot reports to, with a token that is good for this call alone."""

    url: HttpUrl
    token: str = Field(min_length=16, repr=False)


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


async def create_daily_room(
    call: DialinSettings | DialoutSettings,
    http: aiohttp.ClientSession,
    settings: GatewaySettings,
    *,
    limits: Limits | None = None,
    transfers: bool = False,
    abandon: Callable[[str], None] = lambda _name: None,
) -> Room:
    """Make the room of one call and the bot's owner token for it.

    An incoming call gets a SIP endpoint, also when the caller withholds the number; an outgoing one gets
    dial-out, as does an incoming one that may be transferred. The room outlives the longest call and
    ejects whoever is left. `GatewaySettings.publish()` must have been called: pipecat reads
    DAILY_API_URL from the process environment.

    Args:
        call: The line that the room is for.
        http: The application's session.
        settings: Where Daily is, and its key.
        limits: How long the call may take; the settings' own when not given.
        transfers: Whether the call may be handed to a phone.
        abandon: Told the name of a room that may exist although this call failed.

    Raises:
        RoomError: Or one of its subclasses; see `frontdesk.errors`.
    """
    incoming = isinstance(call, DialinSettings)
    return await make_room(
        http,
        api_key=settings.daily_api_key.get_secret_value(),
        timeout_s=settings.upstream_timeout_s,
        lifetime_s=room_lifetime_s(settings, limits or settings_limits(settings), incoming=incoming),
        caller=(call.From or _WITHHELD) if isinstance(call, DialinSettings) else None,
        enable_dialout=transfers or not incoming,
        abandon=abandon,
    )


def settings_limits(settings: GatewaySettings) -> Limits:
    """The limits of a call that names none."""
    return Limits(
        max_duration_s=settings.max_call_duration_s,
        ring_timeout_s=settings.ring_timeout_s,
        dial_attempts=settings.dial_attempts,
    )


def room_lifetime_s(settings: GatewaySettings, limits: Limits, *, incoming: bool) -> float:
    """Seconds that a room must exist: until the longest call is over, however late it began."""
    ringing = limits.dial_attempts * (limits.ring_timeout_s + _LONGEST_PAUSE_BETWEEN_DIALS_S)
    before = settings.hold_budget_s if incoming else ringing
    return settings.launch_timeout_s + before + limits.max_duration_s + _MARGIN_S


async def start_bot_local(
    request: AgentRequest, http: aiohttp.ClientSession, settings: GatewaySettings
) -> str | None:
    """Start a bot on pipecat's dev runner.

    Returns:
        None: the dev runner names no session when the room was made elsewhere.

    Raises:
        LaunchError: Or one of its subclasses; see `frontdesk.errors`.
    """
    url = f"{url_text(settings.local_server_url)}/start"
    return await request_start(http, url, request.start_body(), key=None, timeout_s=settings.launch_timeout_s)


async def start_bot_production(
    request: AgentRequest, http: aiohttp.ClientSession, settings: GatewaySettings
) -> str | None:
    """Start a bot on Pipecat Cloud, on the first of the agents that has room for it.

    Another agent is tried only when the one before certainly started nothing.

    Returns:
        Pipecat Cloud's id of the session.

    Raises:
        LaunchError: Or one of its subclasses; the first that is worth a retry, when all of them failed.
    """
    failures: list[LaunchError] = []
    for agent in settings.pipecat_agent_name:
        try:
            return await _start_on(agent, request, http, settings)
        except LaunchError as error:
            if not error.elsewhere:
                raise
            failures.append(error)
            logger.warning("agent {} takes no call: {}", agent, error.code)
    raise next((error for error in failures if error.retryable), failures[0])


async def _start_on(
    agent: str, request: AgentRequest, http: aiohttp.ClientSession, settings: GatewaySettings
) -> str:
    key = settings.pipecat_api_key
    session_id = await request_start(
        http,
        f"{url_text(settings.pipecat_api_url)}/public/{agent}/start",
        request.start_body(),
        key=key.get_secret_value() if key else None,
        timeout_s=settings.launch_timeout_s,
    )
    if session_id is None:
        raise LaunchAnswerError
    return session_id


async def start_bot(
    request: AgentRequest, http: aiohttp.ClientSession, settings: GatewaySettings
) -> str | None:
    """Start a bot where the settings say: on Pipecat Cloud in production, else on the dev runner.

    Returns:
        The host's id of the session, if it gave one.

    Raises:
        LaunchError: Or one of its subclasses; see `frontdesk.errors`.
    """
    start = start_bot_production if settings.production else start_bot_local
    return await start(request, http, settings)
