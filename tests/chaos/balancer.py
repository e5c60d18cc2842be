"""One address for several gateways: hands each connection to the next that is up, as a TCP load balancer."""

import asyncio
import contextlib
import itertools
from typing import Self

PATIENCE_S = 8.0


class Balancer:
    """Listens on loopback and passes bytes on.

    Args:
        ports: Of the gateways.
    """

    def __init__(self, ports: list[int]) -> None:
        self._ports = ports
        self._turns = itertools.count()
        self._pipes: set[asyncio.Task[None]] = set()
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=256)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._server.close()
        for pipe in list(self._pipes):
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pipes.add(task)
        task.add_done_callback(self._pipes.discard)
        try:
            far = await self._open()
            if far is not None:
                await _both_ways((reader, writer), far)
        except asyncio.CancelledError:
            pass
        finally:
            writer.close()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """A connection to the next gateway that takes one; where none does, wait a little."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    for _ in self._ports:
                        port = self._ports[next(self._turns) % len(self._ports)]
                        with contextlib.suppress(OSError):
                            return await asyncio.open_connection("127.0.0.1", port)
                    await asyncio.sleep(0.1)
        return None


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _both_ways(near: Ends, far: Ends) -> None:
    """Pass bytes on until either end is closed."""
    pipes = [asyncio.ensure_future(_pipe(near[0], far[1])), asyncio.ensure_future(_pipe(far[0], near[1]))]
    try:
        await asyncio.wait(pipes, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for pipe in pipes:
            pipe.cancel()
        await asyncio.gather(*pipes, return_exceptions=True)
        far[1].close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
