"""What never reaches a route is declined with a problem, too."""

import asyncio
import json
from collections.abc import MutableMapping

import pytest
import yarl

from server import create_app
from tests.gateway.conftest import Configure
from tests.gateway.gate import Gateway


@pytest.mark.parametrize(
    "garbage",
    [b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nno header\r\n\r\n", b"{}\r\n\r\n"],
)
async def test_what_is_no_http(gateway: Gateway, garbage: bytes) -> None:
    """What is no HTTP request is answered with a problem and a request id, and the connection is closed."""
    url = yarl.URL(gateway.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(garbage)
    async with asyncio.timeout(60):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    problem = json.loads(body)
    assert status == "HTTP/1.1 400 Bad Request"
    assert headers["content-type"] == "application/problem+json"
    assert headers["content-length"] == str(len(body))
    assert headers["connection"] == "close"
    assert (problem["code"], problem["status"]) == ("invalid_request", 400)
    assert problem["request_id"] == headers["x-request-id"]


@pytest.mark.parametrize("path", ["/", "/dialout", "/ws"])
async def test_websockets_are_declined(gateway: Gateway, path: str) -> None:
    """A WebSocket is declined with a problem, whatever its path."""
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    reply = await gateway.send("GET", path, headers=headers)
    assert (reply.status, reply.body["code"]) == (404, "not_found")
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.body["request_id"] == reply.headers["x-request-id"]


async def test_a_server_that_cannot_decline_in_words_closes(configure: Configure) -> None:
    """Where the server offers no HTTP answer to a WebSocket, it is closed."""
    sent: list[MutableMapping[str, object]] = []

    async def send(message: MutableMapping[str, object]) -> None:
        sent.append(message)

    async def receive() -> MutableMapping[str, object]:
        return {"type": "websocket.connect"}

    await create_app(configure())({"type": "websocket", "path": "/", "headers": []}, receive, send)
    assert [message["type"] for message in sent] == ["websocket.close"]
