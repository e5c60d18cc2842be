"""What `GET /logs/api` shows: the last requests to the REST API and the last webhooks sent (Daily docs)."""

import itertools
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

Source = Literal["api", "webhook"]
_KEPT = 500


def iso(seconds: float) -> str:
    """Unix seconds as Daily writes times, such as `2019-01-26T09:01:22.000Z`."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer; `at` is Unix seconds, `status` 0 when no answer came."""

    at: float
    method: str
    url: str
    status: int
    request: bytes
    response: bytes


class ApiLog:
    """The last exchanges of each source, numbered from 1."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self._kept: dict[Source, deque[tuple[int, Exchange]]] = {
            "api": deque(maxlen=_KEPT),
            "webhook": deque(maxlen=_KEPT),
        }

    def add(self, source: Source, exchange: Exchange) -> None:
        """Keep one exchange; the oldest of its source makes room."""
        self._kept[source].append((next(self._ids), exchange))

    def entries(self, source: Source, url: str | None = None) -> list[tuple[str, Exchange]]:
        """Id and exchange, newest first; `url` narrows to one endpoint."""
        return [(str(i), kept) for i, kept in reversed(self._kept[source]) if url is None or kept.url == url]


def entry_object(entry_id: str, exchange: Exchange, source: str, domain_id: str) -> dict[str, Any]:
    """An entry as the REST API shows it."""
    return {
        "id": entry_id,
        "userId": domain_id,
        "domainId": domain_id,
        "source": source,
        "ip": "127.0.0.1",
        "method": exchange.method,
        "url": exchange.url,
        "status": exchange.status,
        "createdAt": iso(exchange.at),
        "request": exchange.request.decode(errors="replace") or None,
        "response": exchange.response.decode(errors="replace") or None,
    }
