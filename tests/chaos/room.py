"""A light bot's place in a simulated room: joins, asks, hears of events; no sound at all."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import aiohttp

ANSWER_TIMEOUT_S = 20.0


class RoomGoneError(Exception):
    """The room does not let the bot in, or has thrown it out."""


class RoomSocket:
    """One bot in one room, over the protocol of the stand-in `daily` module."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._answers: dict[int, asyncio.Future[tuple[Any, str | None]]] = {}
        self._number = 0
        self.events: asyncio.Queue[tuple[str, Any] | None] = asyncio.Queue()

    @classmethod
    @asynccontextmanager
    async def joined(cls, http: aiohttp.ClientSession, url: str, token: str) -> AsyncIterator["RoomSocket"]:
        """Be in a room for the length of a block.

        Raises:
            RoomGoneError: There is no such room, or its time is over.
        """
        parts = urlsplit(url)
        async with http.ws_connect(f"ws://{parts.netloc}/_room/rtc", compress=0) as socket:
            room = cls(socket)
            reading = asyncio.create_task(room._read())
            try:
                await room.ask("join", room=parts.path.strip("/"), token=token, name="light bot")
                yield room
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)

    async def ask(self, op: str, **values: Any) -> Any:
        """Ask the room for something and give its answer.

        Raises:
            RoomGoneError: The room says no, or is gone.
        """
        self._number += 1
        answer = self._answers[self._number] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.send_str(json.dumps({"op": op, "id": self._number, **values}))
            data, error = await asyncio.wait_for(answer, ANSWER_TIMEOUT_S)
        except (OSError, TimeoutError, aiohttp.ClientError) as problem:
            raise RoomGoneError(op) from problem
        if error is not None:
            raise RoomGoneError(error)
        return data

    async def next_event(self, timeout_s: float) -> tuple[str, Mapping[str, Any]]:
        """The next event and its data.

        Raises:
            RoomGoneError: The bot is out.
            TimeoutError: Nothing happened for so long.
        """
        event = await asyncio.wait_for(self.events.get(), timeout_s)
        if event is None:
            raise RoomGoneError("left")
        return event

    async def _read(self) -> None:
        async for message in self._socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                self._take(json.loads(message.data))
        self.events.put_nowait(None)
        for answer in self._answers.values():
            if not answer.done():
                answer.set_result((None, "the call has ended"))

    def _take(self, message: dict[str, Any]) -> None:
        if "event" in message:
            arguments = message["args"]
            data = arguments[0] if arguments else None
            self.events.put_nowait((message["event"], data if isinstance(data, dict) else {"value": data}))
            return
        answer = self._answers.pop(message["reply"], None)
        if answer is not None and not answer.done():
            answer.set_result((message.get("data"), message.get("error")))
