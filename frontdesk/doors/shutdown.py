"""The end of the process: one deadline for all that is still under way, whoever waits for it."""

import math
import socket
import time

import uvicorn


class Deadline:
    """Seconds that are left, counted from the first who asks.

    Args:
        within_s: How many there are in all.
    """

    def __init__(self, within_s: float) -> None:
        self._within_s = within_s
        self._ends: float | None = None

    def left(self) -> float:
        """The seconds left, 0 when it is over."""
        if self._ends is None:
            self._ends = time.monotonic() + self._within_s
        return max(0.0, self._ends - time.monotonic())


class Server(uvicorn.Server):
    """uvicorn's server; its wait for requests ends with the deadline, too.

    Args:
        config: uvicorn's own.
        deadline: Counted from the moment when the server is told to stop.
    """

    def __init__(self, config: uvicorn.Config, deadline: Deadline) -> None:
        super().__init__(config)
        self._deadline = deadline

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let requests end, but not after the deadline."""
        self.config.timeout_graceful_shutdown = math.ceil(self._deadline.left())
        await super().shutdown(sockets)
