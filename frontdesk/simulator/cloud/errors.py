"""The errors of Pipecat Cloud (its description and error-codes page): `{"error", "code"}`."""

from typing import Literal

from frontdesk.simulator.api import Problem

_TEXTS = {
    400: "Invalid request",
    401: "Unauthorized / token expired",
    404: "Service not found",
    413: "Request body too large",
    500: "Internal server error. Please check logs for more information or contact support.",
}
_NOT_READY = "Attempt to start agent when deployment is not in ready state. Is your image pull secret valid?"


def cloud_error(status: int, text: str | None = None) -> Problem:
    """The plain shape, where `code` is the status as text."""
    return Problem(status, {"error": text or _TEXTS[status], "code": str(status)})


def not_ready(status: int) -> Problem:
    """PCC-1001."""
    return Problem(status, {"error": _NOT_READY, "code": "PCC-1001"})


def rate_limited() -> Problem:
    """The 429 of the active-sessions page."""
    message = "Rate limit exceeded. Please try again later"
    return Problem(429, {"status": 429, "code": "429", "message": message})


def at_capacity(shape: Literal["rate-limit", "agent-at-capacity"]) -> Problem:
    """The 429 of a full agent, in the documented shape that the switch names."""
    if shape == "rate-limit":
        return rate_limited()
    error = "Service maximum agent instances reached"
    return Problem(429, {"error": error, "code": "PCC-AGENT-AT-CAPACITY"})
