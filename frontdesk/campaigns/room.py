"""Room for the files of campaigns: how much of them may lie on this machine at once, whoever sends it."""

from typing import IO

from starlette.requests import Request

from frontdesk.campaigns.upload import ALL_BYTES, Upload, declared_bytes, receive
from frontdesk.errors import UploadsFullError

MOST_BYTES = 4 * ALL_BYTES
"""Four of the largest files, or many small ones."""
_LATER_S = 10.0


class Room:
    """Receives files while there is room for them.

    A file takes room from when it is announced, as many bytes as its request says, or as the largest one has,
    until it was read and closed.

    Args:
        most_bytes: For all files together.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._receiving = 0
        self._kept: list[tuple[IO[bytes], int]] = []

    async def receive(self, request: Request) -> Upload:
        """Read a multipart body; see `receive` of uploads.

        Raises:
            UploadsFullError: There is no room for it now; nothing of it was read.
            FrontdeskError: It cannot be read.
        """
        declared = declared_bytes(request)
        size = ALL_BYTES if declared is None else min(declared, ALL_BYTES)
        if self._taken() + size > self._most_bytes:
            raise UploadsFullError(retry_after_s=_LATER_S)
        self._receiving += size
        try:
            upload = await receive(request)
        finally:
            self._receiving -= size
        self._kept.append((upload.file, size))
        return upload

    def _taken(self) -> int:
        self._kept = [(file, size) for file, size in self._kept if not file.closed]
        return self._receiving + sum(size for _, size in self._kept)
