"""What is in the spool and not yet in the database, and how it gets there."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from loguru import logger

from frontdesk.errors import DatabaseUnavailableError, NotRecordedError
from frontdesk.storage.group_commit import GroupCommit
from frontdesk.storage.spool import Spool
from frontdesk.storage.spool_files import Contents, line

Item = TypeVar("Item")
Result = TypeVar("Result")
Committed_contra = TypeVar("Committed_contra", contravariant=True)
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 5.0
LOOK_S = 15.0
"""How often folders of processes that died are looked for."""
CHUNK = 64
"""Most records that are entered together, so that what comes in now need not wait long."""


class Handling(Protocol[Item, Committed_contra]):
    """What is to be known of the items that a recorder records."""

    def encode(self, item: Item) -> bytes:
        """For the spool, without line breaks."""

    def decode(self, record: bytes) -> Item:
        """From the spool. Raises ValueError when it is not one."""

    def keys(self, item: Item) -> frozenset[str]:
        """Ids of what the item is about; they may be logged."""

    def blocked(self, item: Item) -> frozenset[str]:
        """Those of them that no later item may be about before this one is out of the spool."""

    def since(self, item: Item) -> float:
        """When it was first recorded, UTC seconds."""

    def unfinished(self, item: Item, result: Committed_contra) -> Item | None:
        """The part of a committed item that waits for something which may be in a spool."""


@dataclass(slots=True)
class _Leftover(Generic[Item]):
    """What of a file cannot be entered: never, or not yet; and what was blocked by the file."""

    rejected: list[bytes] = field(default_factory=list)
    unfinished: list[Item] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)


class Backlog(Generic[Item, Result]):
    """Keeps items in the spool, and enters them when the database is back.

    Args:
        commits: Enters items into the database; an item that is there already changes nothing.
        spool: Of this backlog alone.
        handling: What is to be known of the items.
        name: For the log.
        unfinished_s: How long a part of an item may wait for what it needs before it is put aside.
        clock: UTC seconds.
    """

    def __init__(
        self,
        commits: GroupCommit[Item, Result],
        spool: Spool,
        handling: Handling[Item, Result],
        *,
        name: str,
        unfinished_s: float = 3600.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._commits = commits
        self._spool = spool
        self._handling = handling
        self._name = name
        self._unfinished_s = unfinished_s
        self._clock = clock
        self._held: Counter[str] = Counter()
        self._found: set[Path] = set()
        self._wake = asyncio.Event()
        self.away = False
        """Whether the database is known to be away: asking it is left to the replay."""

    def holds(self, item: Item) -> bool:
        """Whether something that the item must not overtake is in the spool."""
        return bool(self._held) and any(key in self._held for key in self._handling.keys(item))

    def database_is_away(self) -> None:
        """A commit failed for this reason."""
        self.away = True
        self._wake.set()

    async def keep(self, item: Item) -> None:
        """Put `item` into the spool; it is on the disk when this returns.

        Raises:
            NotRecordedError: The disk does not take it.
        """
        keys = self._handling.blocked(item)
        self._held.update(keys)
        try:
            await self._spool.append(self._encode(item))
        except BaseException:
            self._release(keys)
            raise
        self._wake.set()

    async def look(self) -> list[Path]:
        """The files to be entered, oldest first. What is in those of dead processes is held from now on."""
        try:
            files = await self._spool.closed()
            for path in files:
                if path not in self._found and not self._spool.owns(path):
                    await self._hold(await self._spool.read(path))
                    self._found.add(path)
        except OSError as error:
            logger.error("{}: the spool cannot be read: {}", self._name, type(error).__name__)
            return []
        if self._held:
            self._wake.set()
        return files

    async def run(self) -> None:
        """Enter what the spool has, whenever it has something."""
        pause = FIRST_PAUSE_S
        while True:
            await self._something_to_do()
            await asyncio.sleep(pause)
            done = await self._replay(await self.look())
            pause = FIRST_PAUSE_S if done else min(pause * 2, LONGEST_PAUSE_S)

    async def _something_to_do(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await self._wake.wait()

    async def _replay(self, files: Sequence[Path]) -> bool:
        """Whether nothing is left to do."""
        self._wake.clear()
        self.away = self.away and bool(files)
        done = True
        for path in files:
            try:
                done &= await self._enter(path)
            except (DatabaseUnavailableError, NotRecordedError, OSError) as error:
                logger.warning("{}: spooled records wait: {}", self._name, type(error).__name__)
                done = False
                break
            except Exception as error:  # noqa: BLE001 - what nobody foresaw in one file must not stop the others
                logger.error("{}: a spool file waits: {}", self._name, type(error).__name__)
                done = False
        if not done:
            self._wake.set()
        return done

    async def _enter(self, path: Path) -> bool:
        """Enter one file and remove it; whether all of it could be entered or put aside."""
        contents = await self._spool.read(path)
        leftover: _Leftover[Item] = _Leftover(list(contents.damaged))
        for start in range(0, len(contents.records), CHUNK):
            await self._enter_chunk(contents.records[start : start + CHUNK], leftover)
        await asyncio.gather(*map(self.keep, leftover.unfinished))
        if leftover.rejected:
            await self._put_aside(leftover.rejected)
        await self._spool.remove(path)
        self._found.discard(path)
        self._release(leftover.blocked)
        entered = len(contents.records) - len(leftover.unfinished) - len(leftover.rejected)
        if entered > 0:
            logger.info("{}: {} spooled records entered", self._name, entered)
        return not leftover.unfinished

    async def _enter_chunk(self, records: Iterable[bytes], leftover: _Leftover[Item]) -> None:
        items = self._decode(records, leftover)
        leftover.blocked.extend(key for item in items for key in self._handling.blocked(item))
        futures = [self._commits.submit(item) for item in items]
        results = await asyncio.gather(*futures, return_exceptions=True)
        self.away = False
        for item, result in zip(items, results, strict=True):
            if isinstance(result, DatabaseUnavailableError | asyncio.CancelledError):
                self.away = True
                raise DatabaseUnavailableError
            if isinstance(result, BaseException):
                leftover.rejected.append(self._refused(item, result))
            elif (rest := self._handling.unfinished(item, result)) is not None:
                self._wait_or_reject(rest, leftover)

    def _encode(self, item: Item) -> bytes:
        try:
            return self._handling.encode(item)
        except ValueError as error:
            raise NotRecordedError from error

    def _decode(self, records: Iterable[bytes], leftover: _Leftover[Item]) -> list[Item]:
        items = []
        for record in records:
            try:
                items.append(self._handling.decode(record))
            except Exception:  # noqa: BLE001 - whatever a record does, the others must get through
                leftover.rejected.append(line(record).rstrip())
        return items

    def _wait_or_reject(self, item: Item, leftover: _Leftover[Item]) -> None:
        if self._clock() - self._handling.since(item) < self._unfinished_s:
            leftover.unfinished.append(item)
        else:
            leftover.rejected.append(self._refused(item, None))

    def _refused(self, item: Item, error: BaseException | None) -> bytes:
        why = type(error).__name__ if error else "what it belongs to never came"
        logger.error(
            "{}: a spooled record for {} is put aside: {}", self._name, sorted(self._handling.keys(item)), why
        )
        return line(self._handling.encode(item)).rstrip()

    async def _put_aside(self, lines: Sequence[bytes]) -> None:
        path = await self._spool.reject(lines)
        logger.error("{}: {} records of the spool were put aside in {}", self._name, len(lines), path)

    async def _hold(self, contents: Contents) -> None:
        for start in range(0, len(contents.records), CHUNK):
            items = self._decode(contents.records[start : start + CHUNK], _Leftover())
            self._held.update(key for item in items for key in self._handling.blocked(item))
            await asyncio.sleep(0)  # there may be many, and calls come in

    def _release(self, keys: Iterable[str]) -> None:
        self._held.subtract(keys)
        for key in [key for key, count in self._held.items() if count <= 0]:
            del self._held[key]
