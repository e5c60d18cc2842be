"""A CRM on loopback that keeps what it gets and answers by a script, also wrongly."""

import asyncio
import json
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

DEADLINE_S = 60.0
OK = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"
RESET = b"RESET"
"""As an answer: half of one, then a reset."""
HANG = b"HANG"
"""As an answer: none, until the receiver closes."""
ENDLESS = b"ENDLESS"
"""As an answer: 200, and a body without an end."""


def answer(status: int, **headers: str) -> bytes:
    """An answer without a body; `Retry_After="5"` is a header."""
    lines = [f"HTTP/1.1 {status} Whatever", "Content-Length: 0"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@dataclass
class Got:
    """One request."""

    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """Answers with the next of `script`, then with `otherwise`."""

    script: list[bytes] = field(default_factory=list)
    otherwise: bytes = OK
    got: list[Got] = field(default_factory=list)
    url: str = ""
    open_now: int = 0
    open_at_most: int = 0
    _more: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/events"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def ids(self) -> list[str]:
        """What came, in order, with repetitions."""
        return [got.id for got in self.got]

    async def wait_for(self, count: int) -> list[Got]:
        """Wait until so many requests have come."""
        async with asyncio.timeout(DEADLINE_S):
            while len(self.got) < count:
                self._more.clear()
                await self._more.wait()
        return self.got

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                while await self._one(reader, writer):
                    pass
        except asyncio.CancelledError:
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines}
        raw = await reader.readexactly(int(headers.get("content-length", "0")))
        self.got.append(Got(first.split(" ")[1], headers, raw))
        self._more.set()
        reply = self.script.pop(0) if self.script else self.otherwise
        self.open_now += 1
        self.open_at_most = max(self.open_at_most, self.open_now)
        try:
            return await self._reply(reply, writer)
        finally:
            self.open_now -= 1

    async def _reply(self, reply: bytes, writer: asyncio.StreamWriter) -> bool:
        if reply == HANG:
            await asyncio.Event().wait()
        if reply == ENDLESS:
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                writer.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
                await writer.drain()
        if reply == RESET:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            await writer.drain()
            reset = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            return False
        writer.write(reply)
        await writer.drain()
        return True
