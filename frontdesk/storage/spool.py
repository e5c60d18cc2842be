"""The spool: takes on disk what the database does not take in time."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from frontdesk.errors import NotRecordedError
from frontdesk.storage.group_commit import GroupCommit
from frontdesk.storage.spool_files import Contents, SpoolFiles

Answer = TypeVar("Answer")


class Spool:
    """Records on disk, many to one sync. Nothing is touched before it is needed.

    Args:
        folder: On a disk that stays, such as a volume. Other processes may use the same folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files = SpoolFiles(folder)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._group: GroupCommit[bytes, None] = GroupCommit(
            self._append, name="spool", whole=(NotRecordedError,)
        )
        self._writing: asyncio.Task[None] | None = None

    async def append(self, record: bytes) -> None:
        """Have `record`, which has no line break, on the disk when this returns.

        Raises:
            NotRecordedError: The disk did not take it.
        """
        future = self._group.submit(record)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._group.drain(), name="spool")
        await future

    async def closed(self) -> list[Path]:
        """Files that nobody writes to, oldest first: our own so far, and those that dead processes left.

        Raises:
            OSError: The folder cannot be read.
        """
        return await self._in_thread(self._files.closed)

    def owns(self, path: Path) -> bool:
        """Whether this process wrote the file."""
        return self._files.owns(path)

    async def read(self, path: Path) -> Contents:
        """What one of them holds.

        Raises:
            OSError: It cannot be read.
        """
        return await self._in_thread(lambda: self._files.read(path))

    async def remove(self, path: Path) -> None:
        """Forget a file: everything in it is where it belongs.

        Raises:
            OSError: It cannot be removed.
        """
        await self._in_thread(lambda: self._files.remove(path))

    async def reject(self, lines: Iterable[bytes]) -> Path:
        """Put aside for people what cannot be entered; returns the file.

        Raises:
            OSError: The disk does not take it.
        """
        return await self._in_thread(lambda: self._files.reject(lines))

    async def close(self) -> None:
        """Stop; what is left is for the next process. The spool cannot be used again."""
        await self._in_thread(self._files.close)
        self._thread.shutdown(wait=False)

    async def _append(self, records: Sequence[bytes]) -> list[None]:
        try:
            await self._in_thread(lambda: self._files.append(records))
        except OSError as error:
            raise NotRecordedError from error
        return [None] * len(records)

    async def _in_thread(self, work: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
