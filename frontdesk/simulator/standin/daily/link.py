"""The line between a call client and the simulator's room: one WebSocket, read by one thread.

Text frames are JSON: `{"op", "id", …}` to the room, `{"reply": id, "data", "error"}` and
`{"event", "args"}` back. Binary frames are sound: rate (uint32, little-endian) and PCM to the room; rate,
participant id (36 characters) and PCM back.
"""

import contextlib
import ipaddress
import json
import struct
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import SplitResult, urlsplit

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

OPEN_TIMEOUT_S = 10
_FROM_ROOM = struct.Struct("<I36s")

Reader = Callable[[dict[str, Any]], None]
Listener = Callable[[str, int, bytes], None]


class RoomRefusedError(ValueError):
    """The meeting URL is not one of the simulator's rooms."""


def loopback_room(url: str) -> SplitResult:
    """Take a meeting URL apart. Raises `RoomRefusedError` unless it is http://<loopback>/<room>."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not _is_loopback(parts.hostname or ""):
        raise RoomRefusedError(
            f"the simulated Daily joins rooms at http://<loopback>/ only, not {parts.scheme}://{parts.hostname}"
        )
    if not parts.path.strip("/"):
        raise RoomRefusedError("the meeting URL names no room")
    return parts


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@contextlib.contextmanager
def open_link(meeting_url: str) -> Iterator["Link"]:
    """Open the line to a room. Raises `RoomRefusedError`, or what `websockets` raises."""
    room = loopback_room(meeting_url)
    with connect(
        f"ws://{room.netloc}/_room/rtc",
        compression=None,
        proxy=None,
        max_size=None,
        open_timeout=OPEN_TIMEOUT_S,
        close_timeout=1,
        ping_interval=None,
    ) as socket:
        yield Link(room.path.strip("/"), socket)


class Link:
    """An open line. Sending never raises: a broken line shows by `read` returning."""

    def __init__(self, room: str, socket: ClientConnection) -> None:
        self.room = room
        self._socket = socket

    def send(self, message: dict[str, Any]) -> None:
        """Ask the room for something."""
        self._put(json.dumps(message, default=str))

    def send_audio(self, rate: int, pcm: bytes) -> None:
        """Say something in the room."""
        self._put(struct.pack("<I", rate) + pcm)

    def _put(self, frame: str | bytes) -> None:
        with contextlib.suppress(WebSocketException, OSError):
            self._socket.send(frame)

    def read(self, on_message: Reader, on_audio: Listener) -> None:
        """Hand over what arrives until the line is closed from either end."""
        with contextlib.suppress(WebSocketException, OSError):
            for frame in self._socket:
                if isinstance(frame, str):
                    on_message(json.loads(frame))
                else:
                    rate, participant_id = _FROM_ROOM.unpack_from(frame)
                    on_audio(participant_id.decode(), rate, frame[_FROM_ROOM.size :])

    def close(self) -> None:
        """Cut the line without waiting for the other end."""
        with contextlib.suppress(OSError):
            self._socket.close_socket()
