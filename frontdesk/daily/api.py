"""Daily's REST API: one request, one answer, one named error (Daily docs, REST API, errors)."""

from http import HTTPStatus
from typing import Any

import aiohttp
from pydantic_core import from_json, to_json

from frontdesk.errors import (
    DailyError,
    DailyNotFoundError,
    DailyRateLimitedError,
    DailyRefusedError,
    DailyUnauthorizedError,
    DailyUnavailableError,
)

_BY_STATUS: dict[int, type[DailyError]] = {
    HTTPStatus.UNAUTHORIZED: DailyUnauthorizedError,
    HTTPStatus.FORBIDDEN: DailyUnauthorizedError,
    HTTPStatus.NOT_FOUND: DailyNotFoundError,
    HTTPStatus.TOO_MANY_REQUESTS: DailyRateLimitedError,
}
_NO_ENDPOINT = "api endpoint does not exist"  # with a 404, seen live


class DailyApi:
    """Asks Daily, once per call; who asks decides about asking again.

    Args:
        http: The application's session.
        api_url: Daily's REST API, without a slash at its end.
        api_key: Key of the Daily domain.
        timeout_s: Longest wait for one answer, unless a request says otherwise.
    """

    def __init__(self, http: aiohttp.ClientSession, *, api_url: str, api_key: str, timeout_s: float) -> None:
        self._http = http
        self._api_url = api_url
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._timeout_s = timeout_s

    async def ask(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        query: dict[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Any:
        """Send one request and give back the answer's JSON.

        Args:
            method: HTTP method.
            path: Below the API's address, with a slash at its beginning.
            body: Sent as JSON.
            query: Parameters of the address.
            timeout_s: Longest wait for this answer.

        Raises:
            DailyUnauthorizedError: The key is refused.
            DailyNotFoundError: 404.
            DailyRefusedError: Any other 4xx.
            DailyRateLimitedError: 429.
            DailyUnavailableError: 5xx, too late, no connection, or no JSON.
        """
        options: dict[str, Any] = {"headers": self._headers, "params": query}
        if body is not None:
            options["data"] = to_json(body)
            options["headers"] = self._headers | {"Content-Type": "application/json"}
        options["timeout"] = aiohttp.ClientTimeout(total=timeout_s or self._timeout_s)
        try:
            async with self._http.request(method, self._api_url + path, **options) as answer:
                content = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise DailyUnavailableError from error
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise _problem(answer.status, answer.headers.get("Retry-After"), content)
        return _json(content)


def _json(content: bytes) -> Any:
    try:
        return from_json(content)
    except ValueError:
        raise DailyUnavailableError("Daily answered with something that is not JSON.") from None


def no_such_room(error: DailyError) -> bool:
    """Whether an answer about a room of ours means that it does not exist.

    Which status that has is not documented; the names of our rooms are never wrong in themselves.
    """
    return error.upstream_status in {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND} and isinstance(
        error, DailyRefusedError
    )


def _problem(status: int, retry_after: str | None, content: bytes) -> DailyError:
    code, info = _words(content)
    if code == "authorization-header-error":  # a 400, seen live
        return DailyUnauthorizedError(upstream_status=status, info=info)
    if info == _NO_ENDPOINT:
        return DailyError("Check DAILY_API_URL: Daily has no such endpoint.", upstream_status=status)
    fallback = DailyUnavailableError if status >= HTTPStatus.INTERNAL_SERVER_ERROR else DailyRefusedError
    wait_s = float(retry_after) if retry_after and retry_after.isdecimal() else None
    return _BY_STATUS.get(status, fallback)(upstream_status=status, info=info, retry_after_s=wait_s)


def _words(content: bytes) -> tuple[str, str]:
    """Daily's stable code and its text for people."""
    try:
        body = from_json(content)
    except ValueError:
        return "", ""
    if not isinstance(body, dict):
        return "", ""
    return str(body.get("error") or ""), str(body.get("info") or "")
