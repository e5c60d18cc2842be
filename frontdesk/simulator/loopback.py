"""The only way out of the simulator: HTTP to this machine's loopback, and nowhere else."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp


class NotLoopbackError(ValueError):
    """A URL that leads off this machine was refused before anything was dialed."""


def is_loopback_host(host: str) -> bool:
    """Whether a host is `localhost` or an address in 127.0.0.0/8 or ::1. Nothing is looked up."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_loopback_url(url: str) -> bool:
    """Whether the URL's host is loopback and its scheme one that the simulator may dial."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return parts.scheme in {"http", "https", "ws", "wss"} and is_loopback_host(host)


@dataclass(frozen=True, slots=True)
class Reply:
    """What an endpoint answered: HTTP status, or `None` with the reason when nothing (usable) came back."""

    status: int | None
    body: bytes = b""
    error: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the endpoint answered 2xx."""
        return self.status is not None and self.status // 100 == 2  # noqa: PLR2004


class LoopbackClient:
    """One shared HTTP client that refuses every host but loopback and never follows a redirect.

    The session is made at first use, since it needs a running loop. Close it with `aclose`.
    """

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def post(
        self, url: str, body: bytes, *, headers: Mapping[str, str] | None = None, timeout_s: float
    ) -> Reply:
        """POST JSON bytes; no network trouble raises, only a host that is not loopback: NotLoopbackError."""
        if not is_loopback_url(url):
            raise NotLoopbackError("the simulator dials loopback addresses only")
        sent = {"Content-Type": "application/json", **(headers or {})}
        limit = aiohttp.ClientTimeout(total=timeout_s)
        try:
            async with self._open().post(
                url, data=body, headers=sent, timeout=limit, allow_redirects=False
            ) as reply:
                return Reply(reply.status, await reply.read())
        except TimeoutError:
            return Reply(None, error="timed out")
        except (aiohttp.ClientError, OSError) as error:
            return Reply(None, error=type(error).__name__)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        return self._session
