"""One try: post an event, look at the status, forget the rest."""

import asyncio
import time
from collections.abc import Callable
from http import HTTPStatus
from types import TracebackType
from typing import Self

import aiohttp

from frontdesk.crm.addresses import NOT_ALLOWED, public_socket
from frontdesk.crm.endpoints import Endpoint
from frontdesk.crm.schedule import Try, retry_after_s

_READ_BYTES = 4096
_READ_S = 1.0
_KEEP_ALIVE_S = 15
_HEADERS = {
    "Content-Type": "application/json",
    "User-Agent": "Frontdesk-Webhooks/1",
    "Accept-Encoding": "identity",
}


def crm_session(*, allow_private: bool, timeout_s: float) -> aiohttp.ClientSession:
    """A session that reaches public addresses only, or any; without proxies, which would hide the address."""
    connector = aiohttp.TCPConnector(
        limit=0,
        limit_per_host=0,
        keepalive_timeout=_KEEP_ALIVE_S,
        socket_factory=None if allow_private else public_socket,
    )
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=timeout_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
    )


class Sender:
    """Posts events; open while its context is.

    Args:
        timeout_s: Longest try, in seconds.
        clock: UTC seconds.
    """

    def __init__(self, timeout_s: float, clock: Callable[[], float] = time.time) -> None:
        self._timeout_s = timeout_s
        self._clock = clock
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> Self:
        self._sessions = {
            allowed: crm_session(allow_private=allowed, timeout_s=self._timeout_s)
            for allowed in (False, True)
        }
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for session in self._sessions.values():
            await session.close()

    def session(self, *, allow_private: bool) -> aiohttp.ClientSession:
        """The session for receivers of a kind."""
        return self._sessions[allow_private]

    async def send(self, endpoint: Endpoint, event_id: str, body: bytes) -> Try:
        """Post an event once; never raises for what the receiver or the network does."""
        at, began = self._clock(), time.monotonic()
        status, error, asked = None, None, None
        try:
            status, asked = await self._post(endpoint, event_id, at, body)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as failure:
            error = _in_a_word(failure)
        if status is not None and HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            error = "redirect"
        took_ms = (time.monotonic() - began) * 1000
        return Try(at, round(took_ms, 1), status, error, retry_after_s(asked, self._clock()))

    async def _post(
        self, endpoint: Endpoint, event_id: str, at: float, body: bytes
    ) -> tuple[int, str | None]:
        headers = _HEADERS | endpoint.signer.headers(event_id, at, body.decode())
        http = self._sessions[endpoint.allow_private]
        async with http.post(endpoint.url, data=body, headers=headers, allow_redirects=False) as answer:
            await _read_a_little(answer)
            return answer.status, answer.headers.get("Retry-After")


async def _read_a_little(answer: aiohttp.ClientResponse) -> None:
    """Read so that the connection can be used again; what is longer or slower is cut off, not waited for.

    Raises:
        aiohttp.ClientError: The answer broke off; whether the event was taken is not known.
    """
    try:
        async with asyncio.timeout(_READ_S):
            left = _READ_BYTES
            while left > 0 and (chunk := await answer.content.read(left)):
                left -= len(chunk)
    except TimeoutError:
        answer.close()


def _in_a_word(error: Exception) -> str:
    if NOT_ALLOWED in str(error):
        return NOT_ALLOWED
    words: tuple[tuple[type[Exception], str], ...] = (
        (TimeoutError, "timeout"),
        (aiohttp.InvalidURL, "bad_url"),
        (aiohttp.ClientConnectorDNSError, "name_not_found"),
        (aiohttp.ClientSSLError, "tls_failed"),
        (aiohttp.ClientConnectorError, "unreachable"),
        (aiohttp.ClientResponseError, "bad_answer"),
        (ValueError, "bad_answer"),
    )
    return next((word for kind, word in words if isinstance(error, kind)), "broke_off")
