"""Every error leaves as problem+json (RFC 9457), with the id of its request."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from frontdesk.errors import (
    FrontdeskError,
    InvalidParameterError,
    MethodNotAllowedError,
    NotFoundError,
    RequestError,
)


def json_response(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with JSON."""
    return Response(to_json(content), status, headers, "application/json")


def problem_response(
    error: FrontdeskError, request_id: str | None, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with an error."""
    head = dict(headers or {})
    if error.retry_after_s is not None:
        head["Retry-After"] = str(max(1, round(error.retry_after_s)))
    if error.status == HTTPStatus.UNAUTHORIZED:
        head["WWW-Authenticate"] = "Bearer"
    if error.status == HTTPStatus.REQUEST_TIMEOUT:
        head["Connection"] = "close"  # the rest of the body would be taken for the next request
    return Response(to_json(error.problem(request_id)), error.status, head, "application/problem+json")


def install_problem_handlers(app: FastAPI) -> None:
    """Let every error of the app, ours and the framework's, leave as problem+json."""

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, FrontdeskError)  # noqa: S101 - registered for this class only
        return problem_response(error, request.scope.get("request_id"))

    async def framework(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
        return problem_response(_translated(error), request.scope.get("request_id"), error.headers)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
        fields = [_field(problem) for problem in error.errors()]
        return problem_response(InvalidParameterError(errors=fields), request.scope.get("request_id"))

    app.add_exception_handler(FrontdeskError, ours)
    app.add_exception_handler(HTTPException, framework)
    app.add_exception_handler(RequestValidationError, invalid)


def _field(problem: Mapping[str, Any]) -> dict[str, str]:
    _, *names = problem["loc"]
    message = problem["msg"].removeprefix("Value error, ")
    return {"field": ".".join(map(str, names)) or "query", "message": message}


def _translated(error: HTTPException) -> FrontdeskError:
    known = {HTTPStatus.NOT_FOUND: NotFoundError, HTTPStatus.METHOD_NOT_ALLOWED: MethodNotAllowedError}
    fallback = RequestError if error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR else FrontdeskError
    return known.get(HTTPStatus(error.status_code), fallback)()
