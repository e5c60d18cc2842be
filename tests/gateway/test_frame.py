"""What every request gets, whatever serves it."""

from starlette.responses import Response
from starlette.types import Message

from frontdesk.doors.requests import RequestFrame


async def test_a_response_that_routes_share_does_not_grow() -> None:
    """Each answer carries its own request id and no other's, also when one response object serves all."""
    shared = Response(b"{}")
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    for _ in range(3):
        await RequestFrame(shared)(dict(scope), receive, send)
    ids = [
        [value for name, value in message["headers"] if name == b"x-request-id"]
        for message in sent
        if message["type"] == "http.response.start"
    ]
    assert [len(one) for one in ids] == [1, 1, 1]
    assert len({one[0] for one in ids}) == 3
