"""The files of a spool: lines with checksums, written and synced, read again by whoever comes after.

Each process has a folder of its own with a lock in it; where the lock is free, the process is dead.
"""

import os
import shutil
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from loguru import logger

from frontdesk.storage.lock_file import LockFile

LOCK = "lock"
HOME = "process-"
REJECTED = "rejected"
LARGEST_FILE = 8 * 1024 * 1024
"""Bytes after which a new file is begun."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file holds: records in order, lines that are damaged."""

    records: tuple[bytes, ...]
    damaged: tuple[bytes, ...]


class SpoolFiles:
    """All of it blocks: called from one thread at a time.

    Args:
        folder: Made when it is needed; private to the user, for what it holds is personal.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._home: LockFile | None = None
        self._adopted: dict[Path, LockFile] = {}
        self._descriptor: int | None = None
        self._written = 0
        self._number = 0

    def append(self, records: Iterable[bytes]) -> None:
        """Write records, each without a line break, to the disk.

        Raises:
            OSError: They may be there or not.
        """
        lines = b"".join(line(record) for record in records)
        try:
            descriptor = self._open()
            _write_all(descriptor, lines)
            os.fsync(descriptor)
        except OSError:
            self.rotate()  # nothing may follow half a line
            raise
        self._written += len(lines)
        if self._written >= LARGEST_FILE:
            self.rotate()

    def owns(self, path: Path) -> bool:
        """Whether this process wrote the file."""
        return self._home is not None and path.parent == self._home.path.parent

    def rotate(self) -> None:
        """Close the file that is written to; the next record begins another."""
        if self._descriptor is not None:
            with suppress(OSError):
                os.close(self._descriptor)
        self._descriptor = None
        self._written = 0

    def closed(self) -> list[Path]:
        """Files that nobody writes to, oldest first: those of this process and of dead ones."""
        self.rotate()
        self._adopt()
        homes = [*self._adopted, *([self._home.path.parent] if self._home else [])]
        files = [path for home in homes for path in sorted(home.glob("*.jsonl"))]
        return sorted(files, key=lambda path: (path.stat().st_mtime, path))

    @staticmethod
    def read(path: Path) -> Contents:
        """What `path` holds. The end of a line that was being written when its process died is left out."""
        *lines, rest = path.read_bytes().split(b"\n")
        if rest and (whole := _record(rest)) is not None:
            return Contents((*_whole(lines), whole), _damaged(lines))
        if rest:
            logger.warning("Spool file {} ends within a record, which nobody was promised", path.name)
        return Contents(_whole(lines), _damaged(lines))

    def remove(self, path: Path) -> None:
        """Forget a file that is dealt with, and the folder of a dead process with its last one."""
        path.unlink(missing_ok=True)
        lock = self._adopted.get(path.parent)
        if lock and not any(path.parent.glob("*.jsonl")):
            self._forget(lock)

    def reject(self, lines: Iterable[bytes]) -> Path:
        """Put aside for people what cannot be entered; returns the file."""
        folder = self._folder / REJECTED
        _make_private(folder)
        path = folder / f"{uuid.uuid4().hex}.jsonl"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            _write_all(descriptor, b"".join(entry + b"\n" for entry in lines))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _sync_folder(folder)
        return path

    def close(self) -> None:
        """Let go of everything; what is left is for the next process."""
        self.rotate()
        for lock in [*self._adopted.values(), *([self._home] if self._home else [])]:
            self._forget(lock) if not any(lock.path.parent.glob("*.jsonl")) else lock.release()
        self._adopted.clear()
        self._home = None

    def _open(self) -> int:
        if self._descriptor is None:
            home = self._take_home().path.parent
            self._number += 1
            path = home / f"{self._number:08}.jsonl"
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            _sync_folder(home)
        return self._descriptor

    def _take_home(self) -> LockFile:
        while self._home is None:
            home = self._folder / f"{HOME}{uuid.uuid4().hex}"
            _make_private(home)
            with suppress(FileNotFoundError):  # somebody took it for the folder of a dead process
                self._home = LockFile.take(home / LOCK)
            _sync_folder(self._folder)
        return self._home

    def _adopt(self) -> None:
        for home in self._folder.glob(f"{HOME}*"):
            if home in self._adopted or (self._home and home == self._home.path.parent):
                continue
            with suppress(FileNotFoundError):
                if lock := LockFile.take(home / LOCK):
                    self._adopted[home] = lock
                    if not any(home.glob("*.jsonl")):
                        self._forget(lock)

    def _forget(self, lock: LockFile) -> None:
        self._adopted.pop(lock.path.parent, None)
        shutil.rmtree(lock.path.parent, ignore_errors=True)
        lock.release()


def line(record: bytes) -> bytes:
    """A record with its checksum."""
    return b"%08x %s\n" % (crc32(record), record)


def _record(entry: bytes) -> bytes | None:
    checksum, _, record = entry.partition(b" ")
    return record if checksum == b"%08x" % crc32(record) else None


def _whole(lines: Iterable[bytes]) -> tuple[bytes, ...]:
    return tuple(record for entry in lines if (record := _record(entry)) is not None)


def _damaged(lines: Iterable[bytes]) -> tuple[bytes, ...]:
    return tuple(entry for entry in lines if _record(entry) is None)


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


def _make_private(folder: Path) -> None:
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make the names in it survive a power cut, where the system lets a folder be opened."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
