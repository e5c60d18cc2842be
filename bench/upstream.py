"""A very light stand-in for Daily's REST API and the start API: `python bench/upstream.py --rest-ms 80`.

It parses as little HTTP as it can, so that it takes next to nothing from the gateway that is measured.
Its first line of output is its port.
"""

import argparse
import asyncio
import json
import re
from typing import cast

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_NAME = re.compile(rb'"name": ?"([\w-]+)"')
_ROOM = json.dumps(
    {
        "id": "8f3f7d3c-9a1e-4d57-8f0d-5b7d3c7f0a11",
        "name": "NAME",
        "api_created": True,
        "privacy": "public",
        "url": "https://bench.daily.co/NAME",
        "created_at": "2026-01-01T00:00:00.000Z",
        "config": {"sip_uri": {"endpoint": "NAME.0@daily-1-app.dapp.signalwire.com"}},
    }
).encode()


def _http(content: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % len(content) + content


_STARTED = _http(b"null")
_TOKEN = _http(b'{"token":"eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"}')
_DELETED = _http(b'{"deleted":true}')


def content_length(head: bytes) -> int:
    """What the head of a message says of its body's length, in bytes."""
    found = _LENGTH.search(head)
    return int(found.group(1)) if found else 0


class Upstream(asyncio.Protocol):
    """One connection of the gateway."""

    def __init__(self, rest_s: float, start_s: float) -> None:
        self._rest_s = rest_s
        self._start_s = start_s
        self._buffer = b""
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where answers go."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer a request as soon as it is complete; requests do not overlap on one connection."""
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found or len(body) < content_length(head):
            return
        self._buffer = b""
        target = head.split(b" ", 2)[1]
        delay = self._start_s if target.endswith(b"/start") else self._rest_s
        answer = _answer(target, body)
        if delay:
            self._loop.call_later(delay, self._transport.write, answer)
        else:
            self._transport.write(answer)


def _answer(target: bytes, body: bytes) -> bytes:
    if target.endswith(b"/start"):
        return _STARTED
    if target.endswith(b"/meeting-tokens"):
        return _TOKEN
    if target.endswith(b"/rooms"):
        found = _NAME.search(body)
        return _http(_ROOM.replace(b"NAME", found.group(1) if found else b"room"))
    return _DELETED


async def serve(rest_ms: float, start_ms: float) -> None:
    """Serve on a free loopback port until killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Upstream(rest_ms / 1000, start_ms / 1000), "127.0.0.1", 0, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rest-ms", type=float, default=0)
    parser.add_argument("--start-ms", type=float, default=0)
    arguments = parser.parse_args()
    uvloop.run(serve(arguments.rest_ms, arguments.start_ms))
