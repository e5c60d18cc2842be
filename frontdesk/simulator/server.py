"""The simulator as a server on loopback: inside a test's event loop, or as a process of its own."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import uvicorn

from frontdesk.simulator.app import create_app
from frontdesk.simulator.clock import Clock
from frontdesk.simulator.foreign.proxy import Proxy
from frontdesk.simulator.loopback import is_loopback_host
from frontdesk.simulator.settings import SimulatorSettings
from frontdesk.simulator.world import World


class NotLoopbackError(ValueError):
    """The simulator was asked to listen where others could reach it."""


class PortTakenError(OSError):
    """Another process listens on the simulator's port."""


def bind(host: str, port: int) -> socket.socket:
    """Listen on a loopback address; port 0 takes a free one.

    Raises `NotLoopbackError` for any other host and `PortTakenError` when the port is in use.
    """
    if not is_loopback_host(host):
        raise NotLoopbackError(f"the simulator binds loopback addresses only, not {host}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named, the protocol lets asyncio set TCP_NODELAY; without it every answer after the first waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host.strip("[]"), port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise PortTakenError(error.errno, f"port {port} on {host} is taken by another process") from error
    return listener


def url_of(listener: socket.socket) -> str:
    """The base URL of a listening socket, without a slash at the end."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _QuietServer(uvicorn.Server):
    """A server that leaves the signals of the process to those who own it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class SimulatorServer:
    """`async with SimulatorServer(settings) as simulator:` runs one in this event loop.

    `world` and `base_url` are there from the start of the block; everything is closed at its end.
    """

    def __init__(self, settings: SimulatorSettings | None = None, clock: Clock | None = None) -> None:
        self.settings = settings or SimulatorSettings(port=0)
        self._clock = clock
        self.world: World
        self.base_url = ""

    async def __aenter__(self) -> Self:
        self._listener = bind(self.settings.host, self.settings.port)
        self.base_url = url_of(self._listener)
        self.world = World(self.settings, self.base_url, self._clock)
        self._server = _QuietServer(uvicorn_config(self.world))
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._listener]))
        while not self._server.started:
            if self._serving.done():
                await self._serving
            await asyncio.sleep(0.005)
        self.world.proxy = await Proxy.start(self.base_url)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.world.close()
        self._server.should_exit = True
        await self._serving
        self._listener.close()


def uvicorn_config(world: World) -> uvicorn.Config:
    """Quiet and light: no access log, no WebSocket compression, short goodbyes."""
    return uvicorn.Config(
        create_app(world),
        log_level="error",
        access_log=False,
        lifespan="off",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_max_size=16 * 2**20,
        timeout_graceful_shutdown=1,
        server_header=False,
    )


def serve(settings: SimulatorSettings) -> None:
    """Run until a signal comes; prints one line when ready. Raises as `bind` does."""
    listener = bind(settings.host, settings.port)
    world = World(settings, url_of(listener))
    server = _AnnouncingServer(world, uvicorn_config(world))
    server.run(sockets=[listener])


class _AnnouncingServer(uvicorn.Server):
    """A server that says where it is once it listens, and closes the world before it goes."""

    def __init__(self, world: World, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._world = world

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._world.proxy = await Proxy.start(self._world.base_url)
        url = self._world.base_url
        print(f"simulator ready on {url} (control API: {url}/sim/docs)", flush=True)  # noqa: T201

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._world.close()
        await super().shutdown(sockets)
