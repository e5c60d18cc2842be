"""What may be wrong with a request, or with who sent it."""

from frontdesk.errors.base import FrontdeskError


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


class BodyTimeoutError(RequestError):
    """The body was announced, but did not arrive in time."""

    code = "body_timeout"
    status = 408
    retryable = True
    title = "The body did not arrive in time"
    advice = "Send the whole body within ten seconds."


class NumberNotDialableError(RequestError, ValueError):
    """The number may not be called: emergency, premium-rate, short, satellite or impossible.

    Also a ValueError, so that it may be raised while pydantic validates a field.
    """

    code = "number_not_dialable"
    status = 422
    title = "This number is never dialed"
    advice = (
        "Give a valid number in E.164 form that is no emergency, premium-rate, short or satellite number."
    )


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


class MediaTypeError(RequestError):
    """The body is not declared as JSON; a form of a foreign web page must not be able to place calls."""

    code = "unsupported_media_type"
    status = 415
    title = "The body is not declared as JSON"
    advice = "Send the header `Content-Type: application/json`."


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
    advice = "Send the headers with signature and timestamp; only Daily can make them."


class SignatureInvalidError(DoorError):
    """A webhook's signature does not match its body."""

    code = "signature_invalid"
    title = "The webhook's signature does not match"
    advice = (
        "Check the secret: PINLESS_HMAC_SECRET is the `hmac` of the number's dial-in configuration, "
        "DAILY_EVENTS_SECRET that of the domain's webhook."
    )


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
    advice = "Use a key of `frontdesk keys create`, neither revoked nor expired, or of FRONTDESK_API_KEYS."


class LocalOnlyError(DoorError):
    """Without a secret or keys, only programs on the gateway's own machine are let in."""

    code = "local_only"
    status = 403
    title = "This gateway answers only its own machine"
    advice = "Set PINLESS_HMAC_SECRET and FRONTDESK_API_KEYS before others can reach it, also by a tunnel."
