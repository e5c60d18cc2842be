"""The errors that Frontdesk can tell somebody about, each with a stable code.

    FrontdeskError
    ├── RequestError           what was sent cannot be used: the sender must change it
    ├── StorageError           the books cannot be read or written
    ├── DoorError              a signature or a key is missing, wrong or too old
    └── UpstreamError          a service that the call needs did not do its part
        ├── RoomError          Daily did not give a room
        ├── DailyError         Daily did not do something else that it was asked
        └── LaunchError        the bot could not be started in the room

Every concrete error names its HTTP status, whether the same request may succeed later, and a title
that is safe to show to anyone: no number, name, token or upstream text is ever part of it.
`python -m frontdesk.errors` writes the page of all codes, `docs/errors.md`.
"""

from frontdesk.errors.base import FrontdeskError
from frontdesk.errors.crm import DeliveryNotFoundError, EndpointDisabledError, EndpointNotFoundError
from frontdesk.errors.daily import (
    DailyError,
    DailyNotFoundError,
    DailyRateLimitedError,
    DailyRefusedError,
    DailyUnauthorizedError,
    DailyUnavailableError,
    WebhookRefusedError,
)
from frontdesk.errors.doors import (
    ApiKeyInvalidError,
    ApiKeyMissingError,
    BodyTimeoutError,
    BodyTooLargeError,
    DoorError,
    InvalidBodyError,
    InvalidJsonError,
    LocalOnlyError,
    MediaTypeError,
    MethodNotAllowedError,
    NotFoundError,
    NotSupportedYetError,
    NumberNotDialableError,
    RequestError,
    SignatureExpiredError,
    SignatureInvalidError,
    SignatureMissingError,
    UnknownNumberError,
    UnknownOrganizationError,
    UnknownWorkflowError,
)
from frontdesk.errors.link import (
    LinkCallGoneError,
    LinkCallUnknownError,
    LinkTokenExpiredError,
    LinkTokenInvalidError,
)
from frontdesk.errors.records import (
    CallEndedError,
    CallNotFoundError,
    DatabaseUnavailableError,
    ErasedError,
    ErasureNotFoundError,
    InvalidCursorError,
    InvalidParameterError,
    KeyNotFoundError,
    OrganizationMissingError,
    ScopeMissingError,
)
from frontdesk.errors.storage import DatabaseInUseError, DatabaseUrlError, NotRecordedError, StorageError
from frontdesk.errors.upstream import (
    AgentNotFoundError,
    AgentNotReadyError,
    BotCapacityError,
    LaunchAnswerError,
    LaunchError,
    LaunchRejectedError,
    LaunchTimeoutError,
    LaunchTooLargeError,
    LaunchUnauthorizedError,
    LaunchUnavailableError,
    LaunchUnreachableError,
    RoomError,
    RoomNameTakenError,
    RoomRateLimitedError,
    RoomRejectedError,
    RoomUnauthorizedError,
    RoomUnavailableError,
    UpstreamError,
)

__all__ = [
    "AgentNotFoundError",
    "AgentNotReadyError",
    "ApiKeyInvalidError",
    "ApiKeyMissingError",
    "BodyTimeoutError",
    "BodyTooLargeError",
    "BotCapacityError",
    "CallEndedError",
    "CallNotFoundError",
    "DailyError",
    "DailyNotFoundError",
    "DailyRateLimitedError",
    "DailyRefusedError",
    "DailyUnauthorizedError",
    "DailyUnavailableError",
    "DatabaseInUseError",
    "DatabaseUnavailableError",
    "DatabaseUrlError",
    "DeliveryNotFoundError",
    "DoorError",
    "EndpointDisabledError",
    "EndpointNotFoundError",
    "ErasedError",
    "ErasureNotFoundError",
    "FrontdeskError",
    "InvalidBodyError",
    "InvalidCursorError",
    "InvalidJsonError",
    "InvalidParameterError",
    "KeyNotFoundError",
    "LaunchAnswerError",
    "LaunchError",
    "LaunchRejectedError",
    "LaunchTimeoutError",
    "LaunchTooLargeError",
    "LaunchUnauthorizedError",
    "LaunchUnavailableError",
    "LaunchUnreachableError",
    "LinkCallGoneError",
    "LinkCallUnknownError",
    "LinkTokenExpiredError",
    "LinkTokenInvalidError",
    "LocalOnlyError",
    "MediaTypeError",
    "MethodNotAllowedError",
    "NotFoundError",
    "NotRecordedError",
    "NotSupportedYetError",
    "NumberNotDialableError",
    "OrganizationMissingError",
    "RequestError",
    "RoomError",
    "RoomNameTakenError",
    "RoomRateLimitedError",
    "RoomRejectedError",
    "RoomUnauthorizedError",
    "RoomUnavailableError",
    "ScopeMissingError",
    "SignatureExpiredError",
    "SignatureInvalidError",
    "SignatureMissingError",
    "StorageError",
    "UnknownNumberError",
    "UnknownOrganizationError",
    "UnknownWorkflowError",
    "UpstreamError",
    "WebhookRefusedError",
]
