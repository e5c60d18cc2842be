"""The stand-in's call against a room that misbehaves: threads, time-outs, a line that breaks."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from frontdesk.simulator.standin import daily
from frontdesk.simulator.standin.daily import call

JOINED = {"participants": {"local": {"id": "me"}}, "meetingSession": {"id": "meeting"}}


class Handler(daily.EventHandler):
    """Keeps call states and the threads on which they were told."""

    def __init__(self) -> None:
        self.states: list[str] = []
        self.threads: set[threading.Thread] = set()

    def on_call_state_updated(self, state: str) -> None:
        self.states.append(state)
        self.threads.add(threading.current_thread())


class Rude:
    """A room that lets everybody in and then says nothing."""

    def __init__(self) -> None:
        self.lines: list[ServerConnection] = []
        self.url = ""

    async def host(self, line: ServerConnection) -> None:
        self.lines.append(line)
        async for message in line:
            if isinstance(message, str) and json.loads(message)["op"] == "join":
                await line.send(json.dumps({"reply": 0, "data": JOINED, "error": None}))


@pytest.fixture
async def room() -> AsyncIterator[Rude]:
    rude = Rude()
    async with serve(rude.host, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        rude.url = f"http://127.0.0.1:{port}/room"
        yield rude


def completion() -> tuple[Any, "asyncio.Future[tuple[Any, ...]]"]:
    """A completion for the stand-in, and a future for the test."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[tuple[Any, ...]] = loop.create_future()
    return lambda *args: loop.call_soon_threadsafe(future.set_result, args), future


async def joined(room: Rude) -> tuple[daily.CallClient, Handler]:
    handler = Handler()
    client = daily.CallClient(event_handler=handler)
    complete, done = completion()
    client.join(room.url, completion=complete)
    assert await asyncio.wait_for(done, 20) == (JOINED, None)
    return client, handler


async def test_callbacks_come_from_another_thread(room: Rude) -> None:
    """Events never run on the bot's own thread: pipecat would wait for itself."""
    client, handler = await joined(room)
    complete, left = completion()
    client.leave(completion=complete)
    assert await asyncio.wait_for(left, 20) == (None,)
    assert handler.states == ["joining", "joined", "left"]
    assert threading.current_thread() not in handler.threads


async def test_a_dialout_without_an_answer_times_out(room: Rude, monkeypatch: pytest.MonkeyPatch) -> None:
    """start_dialout completes with (None, error) when the room never answers; the real limit is 20 s."""
    assert call.REQUEST_TIMEOUT_S == 20
    monkeypatch.setattr(call, "REQUEST_TIMEOUT_S", 0.2)
    client, _ = await joined(room)
    complete, done = completion()
    client.start_dialout({"phoneNumber": "+14155550187"}, completion=complete)
    session_id, error = await asyncio.wait_for(done, 20)
    assert session_id is None
    assert "timed out" in error
    client.release()


async def test_a_broken_line_settles_everything(room: Rude) -> None:
    """When the line breaks, what was asked completes with an error and the call's state becomes "left"."""
    client, handler = await joined(room)
    complete, done = completion()
    client.stop_dialout("nobody", completion=complete)
    assert len(room.lines) == 1
    await room.lines[0].close()
    (error,) = await asyncio.wait_for(done, 20)
    assert error == "the call has ended"
    async with asyncio.timeout(20):
        while "left" not in handler.states:
            await asyncio.sleep(0.01)
    client.release()


async def test_leaving_does_not_wait_for_a_room_that_is_stuck(
    room: Rude, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leave completes although the room never closes the line."""
    monkeypatch.setattr(call, "LEAVE_TIMEOUT_S", 0.2)
    client, _ = await joined(room)
    complete, left = completion()
    client.leave(completion=complete)
    assert await asyncio.wait_for(left, 20) == (None,)
