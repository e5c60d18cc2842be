"""The record's routes as a client sees them; for commands in a terminal."""

from http import HTTPStatus
from typing import Any

import aiohttp

_TIMEOUT_S = 10
_LISTED = 50
_OPEN = 200


class ApiError(Exception):
    """The gateway refused; the text is what it said.

    `final`: asking again would not help. `retry_after_s`: when it might, in seconds, as the gateway said.
    """

    def __init__(self, text: str, *, final: bool, retry_after_s: float = 0.0) -> None:
        super().__init__(text)
        self.final = final
        self.retry_after_s = retry_after_s


class CallsClient:
    """Asks a gateway.

    Args:
        http: Connections.
        url: Of the gateway.
        key: API key, if one is needed.
    """

    def __init__(self, http: aiohttp.ClientSession, url: str, key: str | None) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    async def latest(self) -> list[dict[str, Any]]:
        """The calls that go on, and the newest of the others; newest first. Those that wait are not live."""
        going_on = await self.ask("GET", f"/calls?state=live&limit={_OPEN}")
        newest = await self.ask("GET", f"/calls?limit={_LISTED}")
        both = {call["call_id"]: call for call in [*going_on["calls"], *newest["calls"]]}
        return sorted(both.values(), key=lambda call: (call["created_at"], call["call_id"]), reverse=True)

    async def ask(self, method: str, path: str) -> Any:
        """One answer.

        Raises:
            ApiError: The gateway cannot be reached, or it refused.
        """
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        try:
            async with self._http.request(
                method, self._url + path, headers=self._headers, timeout=timeout
            ) as answer:
                body = await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ApiError(f"the gateway cannot be reached ({type(error).__name__})", final=False) from None
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise _refusal(answer.status, body)
        return body


def _refusal(status: int, body: Any) -> ApiError:
    known = body if isinstance(body, dict) else {}
    text = f"{known.get('title', f'the gateway answered {status}')}. {known.get('detail', '')}".strip()
    return ApiError(text, final=status < HTTPStatus.INTERNAL_SERVER_ERROR)
