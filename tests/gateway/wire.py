"""A sender on a raw socket, whose connection is cut where the test wants."""

import asyncio
import contextlib
import json
import socket
import struct
from typing import Self

from tests.gateway.gate import KEY

_RESET = struct.pack("ii", 1, 0)


def dialout_request(body: object, key: str, host: str = "127.0.0.1") -> bytes:
    """A whole POST /dialout as it goes over the wire."""
    content = json.dumps(body).encode()
    head = (
        f"POST /dialout HTTP/1.1\r\nHost: {host}\r\nX-API-Key: {KEY}\r\nIdempotency-Key: {key}\r\n"
        f"Prefer: respond-async\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


class Wire:
    """`async with Wire(port) as wire:`; the end of the block closes the connection as it is."""

    def __init__(self, port: int, *, rudely: bool = False) -> None:
        self._port = port
        self._rudely = rudely

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it: with a reset, or as somebody who leaves."""
        connection = self._writer.get_extra_info("socket")
        if self._rudely:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def send(self, content: bytes) -> None:
        """Have it on its way when this returns."""
        self._writer.write(content)
        await self._writer.drain()

    async def read(self, most: int) -> bytes:
        """Up to so many bytes of the answer, as many as come."""
        with contextlib.suppress(asyncio.IncompleteReadError):
            return await self._reader.readexactly(most)
        return b""

    async def answer(self) -> bytes:
        """The whole answer."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.partition(b":")[2])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        return head + await self._reader.readexactly(length)
