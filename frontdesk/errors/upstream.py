"""What may go wrong with the services that a call needs: Daily, and the host of the bots."""

from typing import ClassVar

from frontdesk.errors.base import FrontdeskError


class UpstreamError(FrontdeskError):
    """Something that a call needs did not do its part."""

    code = "upstream_failed"
    status = 502
    retryable = True
    title = "A service that the call needs failed"
    advice = "Try again later."


class RoomError(UpstreamError):
    """Daily did not give a room."""

    code = "room_failed"
    title = "Daily did not make a room"


class RoomUnauthorizedError(RoomError):
    """Daily refused our API key."""

    code = "room_unauthorized"
    retryable = False
    title = "Daily refused the gateway's API key"
    advice = "Set DAILY_API_KEY to a key of the domain that owns the phone numbers."


class RoomRejectedError(RoomError):
    """Daily refused the room's properties, for instance dial-out on a plan without it."""

    code = "room_rejected"
    retryable = False
    title = "Daily refused to make such a room"
    advice = "Check that the Daily plan allows SIP and dial-out."


class RoomNameTakenError(RoomError):
    """A room of this name exists already: an earlier try made it, or another gateway."""

    code = "room_name_taken"
    status = 503
    title = "Daily has such a room already"
    advice = "Try again: each try of a call has a room of its own."


class RoomRateLimitedError(RoomError):
    """Daily's rate limit is reached (20 requests a second, Daily docs, REST API rate limits)."""

    code = "room_rate_limited"
    status = 503
    title = "Daily asks to slow down"
    advice = "Try again after `retry_after_s`."


class RoomUnavailableError(RoomError):
    """Daily could not be reached, was too slow, or answered 5xx or nonsense."""

    code = "room_unavailable"
    status = 503
    title = "Daily cannot make rooms at the moment"


class LaunchError(UpstreamError):
    """The bot could not be started.

    `ambiguous`: a bot may have been started all the same. `elsewhere`: another agent may take the call.
    """

    ambiguous: ClassVar[bool] = False
    elsewhere: ClassVar[bool] = False

    code = "launch_failed"
    title = "The bot could not be started"


class LaunchRejectedError(LaunchError):
    """The start API refused the request (HTTP 400)."""

    code = "launch_rejected"
    retryable = False
    title = "The start API refused the request"
    advice = "The gateway and the bot host disagree: check their versions and the log."


class LaunchUnauthorizedError(LaunchError):
    """The start API refused our key (HTTP 401 or 403)."""

    code = "launch_unauthorized"
    retryable = False
    title = "The start API refused the gateway's key"
    advice = "Set PIPECAT_API_KEY to a public key (pk_…) of the organization that owns the agent."


class AgentNotFoundError(LaunchError):
    """There is no such agent (HTTP 404)."""

    elsewhere = True
    code = "agent_not_found"
    retryable = False
    title = "There is no such agent"
    advice = "Deploy the agent, or correct PIPECAT_AGENT_NAME."


class LaunchTooLargeError(LaunchError):
    """The start API refused the size of the request (HTTP 413)."""

    code = "launch_too_large"
    retryable = False
    title = "The call carries more data than a bot may be started with"
    advice = "Send fewer `variables` or `metadata`."


class BotCapacityError(LaunchError):
    """Every bot is busy (HTTP 429 in both documented shapes, PCC-AGENT-AT-CAPACITY with any)."""

    elsewhere = True
    code = "capacity"
    status = 503
    title = "Every bot is busy"
    advice = "Try again after `retry_after_s`, or raise max_agents of the agent."


class AgentNotReadyError(LaunchError):
    """The agent is deployed but not in ready state (PCC-1001)."""

    elsewhere = True
    code = "agent_not_ready"
    status = 503
    title = "The agent is not ready"
    advice = "Check the agent's deployment and its image pull secret."


class LaunchUnreachableError(LaunchError):
    """No connection to the start API: nothing was sent, no bot was started."""

    code = "launch_unreachable"
    status = 503
    title = "The start API cannot be reached"
    advice = "Check LOCAL_SERVER_URL (is the dev runner up?) or PIPECAT_API_URL."


class LaunchUnavailableError(LaunchError):
    """The start API answered 5xx or broke off; whether a bot was started is unknown."""

    ambiguous = True
    code = "launch_unavailable"
    status = 503
    title = "Bots cannot be started at the moment"


class LaunchTimeoutError(LaunchError):
    """The start API did not answer in time; whether a bot was started is unknown."""

    ambiguous = True
    code = "launch_timeout"
    status = 504
    title = "The start API did not answer in time"


class LaunchAnswerError(LaunchError):
    """The start API answered with something that is not its documented form."""

    ambiguous = True
    code = "launch_bad_answer"
    title = "The start API's answer cannot be read"
