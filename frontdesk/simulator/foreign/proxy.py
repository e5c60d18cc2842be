"""An HTTPS proxy on loopback that leads the vendors' hosts to the simulator and nothing else anywhere.

Programs written by others name `api.openai.com` and its like in their own code. With HTTPS_PROXY and
SSL_CERT_FILE set they reach the simulator all the same: the proxy answers CONNECT, ends TLS with a
certificate of the simulator's own authority, and passes the bytes on.
"""

import asyncio
import contextlib
import tempfile
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from frontdesk.simulator.foreign.certificates import Authority
from frontdesk.simulator.foreign.hosts import PREFIXES

__all__ = ["Proxy"]

_HTTPS_PORT = 443
_PIECE = 1 << 16
_HEAD_TIMEOUT_S = 10.0


class Proxy:
    """Serves from `start` to `close`, on loopback; programs need its `url` and its `certificate_file`."""

    def __init__(self, upstream_url: str) -> None:
        upstream = urlsplit(upstream_url)
        self._upstream = (upstream.hostname or "127.0.0.1", upstream.port or 80)
        self._authority = Authority()
        self._context = self._authority.server_context(PREFIXES)
        self._folder = tempfile.TemporaryDirectory(prefix="frontdesk-simulator-")
        self._tunnels: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server
        self.certificate_file = Path(self._folder.name) / "authority.pem"
        self.url = ""

    @classmethod
    async def start(cls, upstream_url: str, host: str = "127.0.0.1", port: int = 0) -> Self:
        """Begin to serve. Raises OSError when the port is taken."""
        proxy = cls(upstream_url)
        proxy._authority.write(proxy.certificate_file)
        proxy._server = await asyncio.start_server(proxy._accept, host, port)
        proxy.url = f"http://{host}:{proxy._server.sockets[0].getsockname()[1]}"
        return proxy

    async def close(self) -> None:
        """End every tunnel and remove the certificate."""
        self._server.close()
        for tunnel in self._tunnels:
            tunnel.cancel()
        await asyncio.gather(*self._tunnels, return_exceptions=True)
        self._folder.cleanup()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tunnel = asyncio.create_task(self._serve(reader, writer))
        self._tunnels.add(tunnel)
        tunnel.add_done_callback(self._tunnels.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
                await self._tunnel(reader, writer)
        finally:
            writer.close()

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _HEAD_TIMEOUT_S)
        refusal = _refusal(head)
        if refusal:
            writer.write(refusal)
            await writer.drain()
            return
        writer.write(b"HTTP/1.1 200 Connection Established\r\n\r\n")
        await writer.drain()
        await writer.start_tls(self._context)
        up_reader, up_writer = await asyncio.open_connection(*self._upstream)
        try:
            await _both_ways((reader, writer), (up_reader, up_writer))
        finally:
            up_writer.close()


def _refusal(head: bytes) -> bytes | None:
    """Why a request may not pass, as a response; None when it may."""
    method, target, *_ = [*head.split(b"\r\n", 1)[0].decode("latin-1").split(" "), "", ""]
    host, _, port = target.rpartition(":")
    if method != "CONNECT":
        return _response("405 Method Not Allowed", "The simulator's proxy answers CONNECT only.")
    if host not in PREFIXES or port != str(_HTTPS_PORT):
        return _response(
            "403 Forbidden", f"The simulator does not stand in for {target} and reaches no other host."
        )
    return None


def _response(status: str, reason: str) -> bytes:
    body = f"{reason}\n".encode()
    fields = f"Content-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    return f"HTTP/1.1 {status}\r\n{fields}\r\n".encode() + body


async def _both_ways(
    near: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    far: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    """Pass bytes in both directions until one side ends."""
    ways = [asyncio.create_task(_pass_on(near[0], far[1])), asyncio.create_task(_pass_on(far[0], near[1]))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(_PIECE):
        writer.write(piece)
        await writer.drain()
