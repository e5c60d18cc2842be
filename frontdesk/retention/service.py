"""Erases what is old, once a day, and what was asked for, at once."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

from loguru import logger

from frontdesk.errors import DatabaseUnavailableError, ErasureNotFoundError
from frontdesk.keys.models import Principal
from frontdesk.retention.models import Erasure, Subject, concerns, subject_hash
from frontdesk.retention.store import ErasureStore
from frontdesk.storage.database import Database
from frontdesk.storage.spool_files import REJECTED

DAY_S = 86_400.0
_BATCH = 5  # each is a transaction of some ten milliseconds: calls that arrive meanwhile wait no longer
_EVENTS = 100
_EVERY_S = 60.0
_LATE_S = DAY_S
_LISTED = 200


CallOff = Callable[[str, str | None], Awaitable[object]]


class Retention:
    """Keeps what is personal no longer than it may be kept.

    Args:
        database: The books.
        retention_days: After how many days calls are erased.
        spool_dir: Folder of the spools; what they put aside for people is deleted when it is old.
        call_off: Has a call that waits not be made, in the name of a key.
        clock: Now, UTC seconds.
    """

    def __init__(
        self,
        database: Database,
        *,
        retention_days: int,
        spool_dir: Path | None = None,
        call_off: CallOff | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = ErasureStore(database)
        self._spool_dir = spool_dir
        self._call_off = call_off
        self._retention_s = retention_days * DAY_S
        self._clock = clock
        self._asked = asyncio.Event()
        self._scanned: set[str] = set()
        self._retained_at: float | None = None
        self._compacted = False

    async def request(self, principal: Principal, subject: Subject, organization_id: str | None) -> Erasure:
        """Have everything erased that calls until now hold of one person, and forget the patient.

        Calls that wait are called off; those that go on are erased when they end.

        Args:
            principal: Who asks.
            subject: Whose data.
            organization_id: Of whose calls; None for those of all.
        """
        hashed = subject_hash(await self._store.key(), subject)
        now = self._clock()
        erasure = Erasure(uuid.uuid4().hex, organization_id, "request", principal.key_id, hashed, now)
        await self._store.add(erasure, subject)
        self._compacted = False
        self._asked.set()
        return erasure

    async def every(self, organization_id: str | None) -> list[Erasure]:
        """The newest 200 erasures of one organization or of all."""
        return await self._store.every(organization_id, _LISTED)

    async def find(self, principal: Principal, erasure_id: str) -> Erasure:
        """One erasure.

        Raises:
            ErasureNotFoundError: There is none, or it is another organization's.
        """
        found = await self._store.find(erasure_id)
        mine = found is not None and principal.organization_id in {None, found.organization_id}
        if found is None or not mine:
            raise ErasureNotFoundError
        return found

    async def run(self) -> None:
        """Do what is to be done, until canceled."""
        while True:
            try:
                await self.sweep()
                await self.retain_daily()
            except DatabaseUnavailableError:
                logger.warning("nothing is erased for now: the database is away")
            except Exception as error:  # noqa: BLE001 - what must go tries again; its text may be personal
                logger.error("nothing is erased for now: {}", type(error).__name__)
            try:
                async with asyncio.timeout(_EVERY_S):
                    await self._asked.wait()
            except TimeoutError:
                continue

    async def sweep(self) -> None:
        """Erase what was asked for and can be erased now."""
        self._asked.clear()
        if not self._compacted:
            await self._compact()
        for erasure in await self._store.requests():
            await self._fulfil(erasure, thorough=erasure.id not in self._scanned)

    async def retain_daily(self) -> None:
        """Erase what is old, unless that was done less than a day ago."""
        now = self._clock()
        if self._retained_at is None or now - self._retained_at >= DAY_S:
            await self.retain()
            self._retained_at = now

    async def retain(self) -> None:
        """Erase what is old; and once more what was asked for, as a spool may have brought calls since."""
        before = self._clock() - self._retention_s
        calls = await self._retain_calls(before)
        events = await self._retain_events(before)
        await asyncio.to_thread(self._retain_rejects, before)
        for erasure in await self._store.requests(since=before):
            await self._fulfil(erasure, thorough=True)
        if calls or events:
            await self._compact()
            logger.info("retention erased {} calls", calls)

    async def _compact(self) -> None:
        """Let nothing of what was erased stand in the database's log; tried again while somebody reads it."""
        self._compacted = False
        self._compacted = await self._store.compact()

    async def _retain_calls(self, before: float) -> int:
        total = 0
        while ids := await self._store.old_calls(before, _BATCH):
            erased = await self._store.retain(ids, self._clock())
            if not erased:
                break
            total += erased
        return total

    async def _retain_events(self, before: float) -> int:
        total = 0
        while any(ids := await self._store.old_events(before, _EVENTS)):
            erased = await self._store.retain_events(*ids, self._clock())
            if not erased:
                break
            total += erased
        return total

    def _retain_rejects(self, before: float) -> None:
        found = self._spool_dir.glob(f"**/{REJECTED}/*.jsonl") if self._spool_dir else ()
        for path in found:
            with suppress(OSError):
                if path.stat().st_mtime < before:
                    path.unlink()

    async def _fulfil(self, erasure: Erasure, *, thorough: bool) -> None:
        await self._look_for(erasure, 0.0 if thorough else erasure.requested_at - _LATE_S)
        if self._call_off is not None:
            for call_id in await self._store.not_begun(erasure.id):
                await self._call_off(call_id, erasure.requested_by)
        total = 0
        for batch in _batches(await self._store.waiting(erasure.id)):
            erased = await self._store.fulfil(erasure.id, batch, self._clock())
            if erased is None:
                return
            total += erased
        if total:
            await self._compact()
        self._scanned.add(erasure.id)
        await self._store.finish(erasure.id, self._clock())

    async def _look_for(self, erasure: Erasure, since: float) -> None:
        key, wanted = await self._store.key(), erasure.subject_hash or ""
        async for page in self._store.candidates(erasure, since):
            found = [candidate.id for candidate in page if concerns(candidate, key, wanted)]
            if found:
                await self._store.remember(erasure.id, found)
            await asyncio.sleep(0)


def _batches(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH)]
