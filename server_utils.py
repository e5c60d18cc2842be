"""The launch of a bot: a Daily room, and a bot on the dev runner or on Pipecat Cloud.

The models that gateway and bot share are in `frontdesk.contract`, so that the bot's image needs none of
this; they are offered here, too.
"""

from collections.abc import Callable
from dataclasses import dataclass

import aiohttp
from loguru import logger

from frontdesk.contract import (
    AgentRequest,
    Callback,
    DialinSettings,
    DialoutSettings,
    Limits,
    Voicemail,
)
from frontdesk.daily.rooms import Room, make_room
from frontdesk.errors import LaunchAnswerError, LaunchError
from frontdesk.launch.start_api import request_start
from frontdesk.settings import GatewaySettings, url_text

__all__ = [
    "AgentRequest",
    "Callback",
    "DialinSettings",
    "DialoutSettings",
    "HostSession",
    "Limits",
    "Room",
    "Voicemail",
    "create_daily_room",
    "room_lifetime_s",
    "settings_limits",
    "start_bot",
    "start_bot_local",
    "start_bot_production",
]

_WITHHELD = "anonymous"
_MARGIN_S = 300
_LONGEST_PAUSE_BETWEEN_DIALS_S = 30
LOCAL_HOST = "local"


@dataclass(frozen=True, slots=True)
class HostSession:
    """Where a bot was started: `local` or the agent on Pipecat Cloud, and the host's id if it gave one."""

    host: str
    id: str | None = None


async def create_daily_room(
    call: DialinSettings | DialoutSettings,
    http: aiohttp.ClientSession,
    settings: GatewaySettings,
    *,
    name: str | None = None,
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
        name: The room's name (see `frontdesk.daily.room_names`); one that pipecat invents when not given.
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
        name=name,
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
) -> HostSession:
    """Start a bot on pipecat's dev runner, which names no session when the room was made elsewhere.

    Raises:
        LaunchError: Or one of its subclasses; see `frontdesk.errors`.
    """
    session_id = await request_start(
        http,
        settings.local_start_url,
        request.start_body(),
        key=None,
        timeout_s=settings.launch_timeout_s,
    )
    return HostSession(LOCAL_HOST, session_id)


async def start_bot_production(
    request: AgentRequest, http: aiohttp.ClientSession, settings: GatewaySettings
) -> HostSession:
    """Start a bot on Pipecat Cloud, on the first of the agents that has room for it.

    Another agent is tried only when the one before certainly started nothing.

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
) -> HostSession:
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
    return HostSession(agent, session_id)


async def start_bot(
    request: AgentRequest, http: aiohttp.ClientSession, settings: GatewaySettings
) -> HostSession:
    """Start a bot where the settings say: on Pipecat Cloud in production, else on the dev runner.

    Raises:
        LaunchError: Or one of its subclasses; see `frontdesk.errors`.
    """
    start = start_bot_production if settings.production else start_bot_local
    return await start(request, http, settings)
