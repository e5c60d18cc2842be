"""The root of every error that Frontdesk can tell somebody about."""

from typing import Any, ClassVar


class FrontdeskError(Exception):
    """Base of every error with a code; on its own it is a fault of ours.

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

    def problem(self, request_id: str | None = None) -> dict[str, Any]:
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
        if self.retry_after_s is not None:
            document["retry_after_s"] = self.retry_after_s
        if request_id is not None:
            document["request_id"] = request_id
        return document
