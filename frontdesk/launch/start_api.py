"""The start API: Pipecat Cloud's and the dev runner's take the same request and answer differently."""

from functools import cache
from http import HTTPStatus
from typing import Any

import aiohttp
from pydantic_core import from_json

from frontdesk.errors import (
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
)

_CONNECT_TIMEOUT_S = 5
_BY_STATUS: dict[int, type[LaunchError]] = {
    HTTPStatus.UNAUTHORIZED: LaunchUnauthorizedError,
    HTTPStatus.FORBIDDEN: LaunchUnauthorizedError,
    HTTPStatus.NOT_FOUND: AgentNotFoundError,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: LaunchTooLargeError,
}


async def request_start(
    http: aiohttp.ClientSession,
    url: str,
    body: str,
    *,
    key: str | None,
    timeout_s: float,
) -> str | None:
    """Ask a host to start one bot.

    Args:
        http: The application's session.
        url: The start route.
        body: What the bot gets, as JSON text.
        key: Public key of Pipecat Cloud; the dev runner has none.
        timeout_s: Longest wait for the answer.

    Returns:
        The host's id of the session, if it gave one.

    Raises:
        LaunchError: Or one of its subclasses; see `frontdesk.errors`.
    """
    headers = {"Content-Type": "application/json"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    request = f'{{"createDailyRoom":false,"transport":"daily","body":{body}}}'.encode()
    try:
        async with http.post(
            url, data=request, headers=headers, timeout=_timeout(timeout_s), allow_redirects=False
        ) as answer:
            return read_answer(answer.status, await answer.read(), answer.headers.get("Retry-After"))
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
        raise LaunchUnreachableError from error
    except TimeoutError as error:
        raise LaunchTimeoutError from error
    except (aiohttp.ClientError, OSError) as error:
        raise LaunchUnavailableError from error


@cache
def _timeout(timeout_s: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=timeout_s, sock_connect=_CONNECT_TIMEOUT_S)


def read_answer(status: int, content: bytes, retry_after: str | None = None) -> str | None:
    """Read what a host answered to a start request.

    The dev runner answers `null`, Pipecat Cloud `{"sessionId": …}`; errors are `{"error", "code"}` or
    `{"message", "code", "status"}` (Pipecat Cloud docs, error codes and active sessions).

    Returns:
        The session's id, or None when the host gave none.

    Raises:
        LaunchError: The subclass that names what the host said.
    """
    answer = _parsed(content)
    problem = _named_problem(answer, retry_after)
    if problem is not None:
        raise problem
    if not HTTPStatus(200) <= status < HTTPStatus(300):
        raise _problem(status, retry_after)
    if answer is None:
        return None
    session_id = answer.get("sessionId") if isinstance(answer, dict) else _NOTHING
    if session_id is None or (isinstance(session_id, str) and session_id):
        return session_id
    raise LaunchAnswerError


class _Nothing:
    """What a body holds that is not JSON."""


_NOTHING = _Nothing()


def _parsed(content: bytes) -> Any:
    try:
        return from_json(content)
    except ValueError:
        return _NOTHING


def _named_problem(answer: Any, retry_after: str | None) -> LaunchError | None:
    """A problem that the host names by code or words; it comes with more than one status."""
    if not isinstance(answer, dict):
        return None
    code = str(answer.get("code"))
    words = f"{answer.get('error')} {answer.get('message')}".lower()
    if code == "PCC-AGENT-AT-CAPACITY" or "instances reached" in words:
        return BotCapacityError(retry_after_s=_seconds(retry_after))
    if code == "PCC-1001":
        return AgentNotReadyError()
    return None


def _problem(status: int, retry_after: str | None) -> LaunchError:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return BotCapacityError(retry_after_s=_seconds(retry_after))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return LaunchUnavailableError(retry_after_s=_seconds(retry_after))
    if status < HTTPStatus.BAD_REQUEST:
        return LaunchAnswerError()
    return _BY_STATUS.get(status, LaunchRejectedError)()


def _seconds(retry_after: str | None) -> float | None:
    return float(retry_after) if retry_after and retry_after.isdecimal() else None
