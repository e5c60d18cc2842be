"""What may be wrong with a question to the books, or with who asks it."""

from typing import Any

from frontdesk.errors.base import FrontdeskError
from frontdesk.errors.doors import DoorError, RequestError


class InvalidParameterError(RequestError):
    """A parameter of the path or the query is unknown or wrong."""

    code = "invalid_parameter"
    status = 422
    title = "Parameters of the address are unknown or wrong"
    advice = "`errors` lists each parameter and what is wrong with it."


class InvalidCursorError(RequestError):
    """The cursor is none that we gave for this list."""

    code = "invalid_cursor"
    status = 422
    title = "The cursor does not belong to this list"
    advice = "Send `next_cursor` as it came, with the same filters; or start without a cursor."


class CallNotFoundError(RequestError):
    """No such call, or one of another organization."""

    code = "call_not_found"
    status = 404
    title = "There is no such call"
    advice = "Use a `call_id` of your organization."


class CallEndedError(RequestError):
    """A call that has ended cannot be canceled."""

    code = "call_already_ended"
    status = 409
    title = "The call has already ended"
    advice = "Nothing is left to cancel; `ended_reason` says why it ended."


class ErasedError(RequestError):
    """The data were there, and were erased."""

    code = "erased"
    status = 410
    title = "This was erased"
    advice = "Nothing brings it back; the call's state, reason and times remain in its record."


class KeyNotFoundError(RequestError):
    """No such API key, or one of another organization."""

    code = "key_not_found"
    status = 404
    title = "There is no such API key"
    advice = "`frontdesk keys list` names all of them."


class ScopeMissingError(DoorError):
    """The key is good, but not for this."""

    code = "scope_missing"
    status = 403
    title = "The API key may not do this"
    advice = "Make a key with the scope that the detail names: `frontdesk keys create --scope`."


class OrganizationMissingError(DoorError):
    """A key of FRONTDESK_API_KEYS acts for the default organization, and there is none."""

    code = "organization_missing"
    status = 403
    title = "The API key belongs to no organization"
    advice = "Make one organization the default, or make a key with `frontdesk keys create`."


class DatabaseUnavailableError(FrontdeskError):
    """The books cannot be read or written at the moment."""

    code = "database_unavailable"
    status = 503
    retryable = True
    title = "The books cannot be opened at the moment"
    advice = "Try again after `retry_after_s`; calls go on meanwhile."

    def __init__(self, detail: str | None = None, *, retry_after_s: float = 2, **extensions: Any) -> None:
        super().__init__(detail, retry_after_s=retry_after_s, **extensions)


class ErasureNotFoundError(RequestError):
    """No such erasure, or one of another organization."""

    code = "erasure_not_found"
    status = 404
    title = "There is no such erasure"
    advice = "`GET /erasures` lists those of your organization."
