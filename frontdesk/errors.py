"""The errors that Frontdesk can tell somebody about, each with a stable code.

    FrontdeskError
    ├── RequestError           what was sent cannot be used: the sender must change it
    ├── DoorError              a signature or a key is missing, wrong or too old
    ├── RoomError              Daily did not give a room
    └── LaunchError            the bot could not be started in the room

Every concrete error names its HTTP status, whether the same request may succeed later, and a title
that is safe to show to anyone: no number, name, token or upstream text is ever part of it.
"""

from typing import Any, ClassVar


class FrontdeskError(Exception):
    """Base of every error with a code.

    Args:
        detail: One sentence for the reader of the answer; it says what to fix. No personal data.
        retry_after_s: Seconds to wait before the same request is worth repeating, when known.
        **extensions: Further members of the problem document, such as `errors`.
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    title: ClassVar[str] = "Something went wrong on our side"
    advice: ClassVar[str] = "Report it with the request id; the log holds the cause."

    def __init__(
        self, detail: str | None = None, *, retry_after_s: float | None = None, **extensions: Any
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.advice
        self.retry_after_s = retry_after_s
        self.extensions = extensions

    def problem(self, instance: str | None = None) -> dict[str, Any]:
        """The error as an RFC 9457 problem document (a JSON-ready dict)."""
        document: dict[str, Any] = {
            "type": f"urn:frontdesk:error:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "retryable": self.retryable,
            **self.extensions,
        }
        if instance is not None:
            document["instance"] = instance
        if self.retry_after_s is not None:
            document["retry_after_s"] = self.retry_after_s
        return document


class RequestError(FrontdeskError):
    """What was sent cannot be used."""

    code = "invalid_request"
    status = 400
    title = "The request cannot be used"
    advice = "Change the request as the detail says."


class InvalidJsonError(RequestError):
    """The body is not JSON, or not a JSON object."""

    code = "invalid_json"
    title = "The body is not a JSON object"
    advice = "Send one JSON object, UTF-8 encoded."


class InvalidBodyError(RequestError):
    """The body is JSON, but fields are missing or of the wrong type."""

    code = "invalid_body"
    status = 422
    title = "Fields of the body are missing or wrong"
    advice = "`errors` lists each field and what is wrong with it."


class BodyTooLargeError(RequestError):
    """The body is larger than the route accepts."""

    code = "body_too_large"
    status = 413
    title = "The body is too large"
    advice = "Send less: `limit_bytes` is the most that this route reads."


class NumberNotDialableError(RequestError):
    """The number may not be called: emergency, premium-rate, short or impossible."""

    code = "number_not_dialable"
    status = 422
    title = "This number is never dialed"
    advice = "Give a valid number in E.164 form that is no emergency, premium-rate or short number."


class UnknownNumberError(RequestError):
    """No organization answers the called number."""

    code = "unknown_number"
    status = 404
    title = "No organization answers this number"
    advice = "List the number under `numbers` in a file of `clinics/`, or make one organization the default."


class UnknownOrganizationError(RequestError):
    """The path or the body names an organization that does not exist."""

    code = "unknown_organization"
    status = 404
    title = "There is no such organization"
    advice = "Use the slug of a file in `clinics/`."


class UnknownWorkflowError(RequestError):
    """The path or the body names a workflow that the organization does not have."""

    code = "unknown_workflow"
    status = 404
    title = "The organization has no such workflow"
    advice = "Use a workflow that is listed in the organization's file in `clinics/`."


class NotFoundError(RequestError):
    """No route has this path."""

    code = "not_found"
    status = 404
    title = "There is nothing at this path"
    advice = "See /docs for the routes."


class MethodNotAllowedError(RequestError):
    """The path exists, but not with this method."""

    code = "method_not_allowed"
    status = 405
    title = "The path does not take this method"
    advice = "See /docs for the methods of this route."


class DoorError(FrontdeskError):
    """The sender did not prove who it is."""

    code = "unauthorized"
    status = 401
    title = "The request is not authorized"
    advice = "Prove who you are as the detail says."


class SignatureMissingError(DoorError):
    """A webhook came without its signature or timestamp header."""

    code = "signature_missing"
    title = "The webhook is not signed"
    advice = "Send X-Pinless-Signature and X-Pinless-Timestamp; only Daily can make them."


class SignatureInvalidError(DoorError):
    """A webhook's signature does not match its body."""

    code = "signature_invalid"
    title = "The webhook's signature does not match"
    advice = "Check that PINLESS_HMAC_SECRET is the `hmac` of the number's dial-in configuration."


class SignatureExpiredError(DoorError):
    """A webhook's timestamp is too far from our clock."""

    code = "signature_expired"
    title = "The webhook was signed too long ago"
    advice = "Check both clocks; old requests are refused so that nobody can replay them."


class ApiKeyMissingError(DoorError):
    """A request came without an API key."""

    code = "api_key_missing"
    title = "An API key is needed"
    advice = "Send it as `Authorization: Bearer <key>` or as `X-API-Key`."


class ApiKeyInvalidError(DoorError):
    """The API key is not one of ours."""

    code = "api_key_invalid"
    title = "The API key is not valid"
    advice = "Use one of the keys in FRONTDESK_API_KEYS."


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
    """The bot could not be started."""

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
    """Every bot is busy (HTTP 429, in either of its documented shapes)."""

    code = "capacity"
    status = 503
    title = "Every bot is busy"
    advice = "Try again after `retry_after_s`, or raise max_agents of the agent."


class LaunchUnavailableError(LaunchError):
    """The start API could not be reached or answered 5xx."""

    code = "launch_unavailable"
    status = 503
    title = "Bots cannot be started at the moment"


class LaunchTimeoutError(LaunchError):
    """The start API did not answer in time; whether a bot was started is unknown."""

    code = "launch_timeout"
    status = 504
    title = "The start API did not answer in time"


class LaunchAnswerError(LaunchError):
    """The start API answered with something that is not its documented form."""

    code = "launch_bad_answer"
    title = "The start API's answer cannot be read"
