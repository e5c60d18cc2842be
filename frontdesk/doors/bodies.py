"""Bodies of requests: read with a limit, parsed strictly, and every problem told by field."""

import asyncio
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, from_json
from starlette.requests import Request

from frontdesk.errors import (
    BodyTimeoutError,
    BodyTooLargeError,
    FrontdeskError,
    InvalidBodyError,
    InvalidJsonError,
    MediaTypeError,
)

Model = TypeVar("Model", bound=BaseModel)
BODY_WITHIN_S = 10.0
_DEEPEST = 64
"""What is deeper could be parsed here, but not once it is wrapped: spool and database have limits, too."""


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """Read a body, also a chunked one, and stop as soon as it is too large or takes too long.

    Raises:
        BodyTimeoutError: The body is not complete after ten seconds.
        BodyTooLargeError: The body is larger than the limit.
    """
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limit_bytes:
        raise BodyTooLargeError(limit_bytes=limit_bytes)
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            return await _limited(request, limit_bytes)
    except TimeoutError:
        raise BodyTimeoutError from None


async def _limited(request: Request, limit_bytes: int) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit_bytes:
            raise BodyTooLargeError(limit_bytes=limit_bytes)
    return body


def parse_object(body: bytes) -> dict[str, object]:
    """Parse one JSON object.

    Raises:
        InvalidJsonError: Not UTF-8, not JSON, nested too deep, not an object, or with NUL characters.
    """
    if b"\\u0000" in body or b"\0" in body:
        raise InvalidJsonError("Remove the NUL characters: no text of a call holds any.")
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise InvalidJsonError(f"Send one JSON object, UTF-8 encoded: {error}.") from None
    if not isinstance(value, dict):
        raise InvalidJsonError
    if body.count(b"[") + body.count(b"{") > _DEEPEST and _deeper_than(_DEEPEST, value):
        raise InvalidJsonError(f"Nest objects and lists at most {_DEEPEST} deep.")
    return value


def _deeper_than(levels: int, value: object) -> bool:
    if not isinstance(value, dict | list):
        return False
    inside = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_deeper_than(levels - 1, one) for one in inside)


def require_json(request: Request) -> None:
    """Refuse a body that is not declared as JSON: browsers send others across origins without asking.

    Raises:
        MediaTypeError: `Content-Type` is not application/json.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise MediaTypeError


def validate(model: type[Model], value: dict[str, object]) -> Model:
    """Make a model of a parsed object.

    Raises:
        FrontdeskError: The one that a field's validator raised, such as NumberNotDialableError.
        InvalidBodyError: Fields are missing or wrong; `errors` lists all of them.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise as_frontdesk_error(error) from None


def as_frontdesk_error(error: ValidationError) -> FrontdeskError:
    """What a failed validation tells the sender: names of fields and rules, never a value."""
    problems = error.errors(include_url=False, include_input=False)
    fields = [_field(problem) for problem in problems]
    for problem in problems:
        cause = problem.get("ctx", {}).get("error")
        if isinstance(cause, FrontdeskError):
            return type(cause)(cause.detail, errors=fields)
    named = ", ".join(field["field"] for field in fields[:3])
    return InvalidBodyError(f"Correct these fields: {named}.", errors=fields)


def _field(problem: ErrorDetails) -> dict[str, str]:
    return {
        "field": ".".join(str(part) for part in problem["loc"]) or "body",
        "message": problem["msg"].removeprefix("Value error, "),
    }
