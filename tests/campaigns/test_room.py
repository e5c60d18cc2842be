"""How much of all files together lies on this machine at once."""

import asyncio
from typing import Any

import pytest
from starlette.requests import Request

from frontdesk.campaigns.room import MOST_BYTES, Room
from frontdesk.campaigns.upload import ALL_BYTES
from frontdesk.errors import BodyTooLargeError, InvalidBodyError, UploadsFullError
from tests.campaigns.campaign_office import Office, numbers
from tests.campaigns.test_upload import BOUNDARY, GOOD, a_body

SIZE = len(GOOD)


class Sender:
    """Sends a body when it is told to."""

    def __init__(self, body: bytes = GOOD, *, says: int | None = SIZE) -> None:
        self.go = asyncio.Event()
        self.asked = False
        self._body = body
        head = [(b"content-type", f"multipart/form-data; boundary={BOUNDARY}".encode())]
        if says is not None:
            head.append((b"content-length", str(says).encode()))
        self.request = Request({"type": "http", "method": "POST", "headers": head}, self._receive)

    async def _receive(self) -> dict[str, Any]:
        self.asked = True
        await self.go.wait()
        return {"type": "http.request", "body": self._body, "more_body": False}


async def asked(*senders: Sender) -> None:
    """Wait until a body is waited for."""
    while not all(sender.asked for sender in senders):
        await asyncio.sleep(0)


async def test_no_more_than_there_is_room_for() -> None:
    """What does not fit beside what is being received is refused unread; then, there is room again."""
    room = Room(2 * SIZE)
    first, second, third = Sender(), Sender(), Sender()
    receiving = [asyncio.create_task(room.receive(sender.request)) for sender in (first, second)]
    await asked(first, second)
    with pytest.raises(UploadsFullError) as refused:
        await room.receive(third.request)
    assert (third.asked, refused.value.retry_after_s) == (False, 10)
    first.go.set()
    second.go.set()
    for upload in await asyncio.gather(*receiving):
        upload.file.close()
    third.go.set()
    (await room.receive(third.request)).file.close()


async def test_a_file_that_waits_to_be_read_takes_room() -> None:
    """Received is not read: a file takes its room until it is closed."""
    room = Room(SIZE)
    first, second = Sender(), Sender()
    first.go.set()
    second.go.set()
    upload = await room.receive(first.request)
    with pytest.raises(UploadsFullError):
        await room.receive(second.request)
    upload.file.close()
    (await room.receive(second.request)).file.close()


async def test_a_body_that_is_refused_takes_no_room() -> None:
    """Bodies that cannot be read leave no room taken, and neither do senders that went away."""
    room = Room(SIZE)
    for _ in range(3):
        wrong = Sender(a_body(), says=len(a_body()))
        wrong.go.set()
        with pytest.raises(InvalidBodyError):
            await room.receive(wrong.request)
        gone = Sender()
        receiving = asyncio.create_task(room.receive(gone.request))
        await asked(gone)
        receiving.cancel()
        await asyncio.wait({receiving})
    good = Sender()
    good.go.set()
    (await room.receive(good.request)).file.close()


async def test_who_does_not_say_how_long_it_is() -> None:
    """A body of unknown length counts as the largest that may come; one that says too much is too large."""
    room = Room(ALL_BYTES)
    unknown = Sender(says=None)
    receiving = asyncio.create_task(room.receive(unknown.request))
    await asked(unknown)
    with pytest.raises(UploadsFullError):
        await room.receive(Sender().request)
    unknown.go.set()
    (await receiving).file.close()
    with pytest.raises(BodyTooLargeError):
        await Room().receive(Sender(says=10 * MOST_BYTES).request)


async def test_over_http(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who finds no room is told when to come back; once the file before was read, theirs is taken."""
    office.gateway.campaigns.room = Room(16_000)
    rows = office.gateway.campaigns.rows
    add, reached, go = rows.add, asyncio.Event(), asyncio.Event()

    async def held(*given: Any) -> None:
        reached.set()
        await go.wait()
        await add(*given)

    monkeypatch.setattr(rows, "add", held)
    first = asyncio.create_task(office.send(numbers(800), {"start": False}))
    await reached.wait()
    refused = await office.send(numbers(800), {"start": False})
    assert (refused.status_code, refused.json()["code"]) == (503, "uploads_full")
    assert (refused.json()["retryable"], refused.headers["Retry-After"]) == (True, "10")
    go.set()
    assert (await first).status_code == 201
    assert (await office.send(numbers(800), {"start": False})).status_code == 201
