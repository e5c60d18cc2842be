"""A database that does as it is told, and items for it."""

import asyncio
from collections.abc import Sequence

from frontdesk.errors import DatabaseUnavailableError


class Tables:
    """Takes numbers: refuses those below zero, waits while it is stalled, fails while it is away."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.free = asyncio.Event()
        self.free.set()
        self.away = False

    async def commit(self, items: Sequence[int]) -> list[int]:
        await self.free.wait()
        if self.away:
            raise DatabaseUnavailableError
        if any(item < 0 for item in items):
            raise ValueError
        self.batches.append(list(items))
        return [item * 10 for item in items]

    @property
    def all(self) -> list[int]:
        return [item for batch in self.batches for item in batch]


class Numbers:
    def encode(self, item: int) -> bytes:
        return b"%d" % item

    def decode(self, record: bytes) -> int:
        return int(record)

    def keys(self, item: int) -> frozenset[str]:
        return frozenset({str(item % 10)})

    def blocked(self, item: int) -> frozenset[str]:
        return self.keys(item)

    def since(self, item: int) -> float:
        return 0.0

    def unfinished(self, item: int, result: int) -> int | None:
        return None
