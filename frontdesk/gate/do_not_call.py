"""The list of those who do not want to be called, one for each organization."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, RowMapping, and_, delete, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from frontdesk.errors import NumberNotListedError
from frontdesk.gate.tables import do_not_call
from frontdesk.storage.database import Database

_KEEP_FIRST = text(
    "INSERT INTO do_not_call (organization_id, number, source, reason, call_id, added_at) "
    "VALUES (:organization_id, :number, :source, :reason, :call_id, :added_at) "
    "ON CONFLICT (organization_id, number) DO UPDATE "
    "SET reason = coalesce(excluded.reason, do_not_call.reason), "
    "call_id = coalesce(do_not_call.call_id, excluded.call_id)"
)
_AT_ONCE = 500
One = TypeVar("One")


class Wish(StrEnum):
    """How a number came on the list."""

    API = "api"
    IMPORT = "import"
    CALL = "call"
    """The callee said so, in a call."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A number on the list; `added_at` is UTC seconds.

    Args:
        number: E.164.
        source: How it came there first.
        added_at: Since when.
        reason: Free text of whoever put it there.
        call_id: The call in which the callee asked for it.
    """

    number: str = field(repr=False)
    source: Wish
    added_at: float
    reason: str | None = field(default=None, repr=False)
    call_id: str | None = None


class DoNotCall:
    """Reads and writes the list. Numbers are E.164, as `frontdesk.phone.dialable` gives them.

    Every method raises `DatabaseUnavailableError` while the books are away.

    Args:
        database: The books.
        clock: Now, UTC seconds.
    """

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def has(self, organization_id: str, number: str) -> bool:
        """Whether a number is on the list."""
        return await self.find(organization_id, number) is not None

    async def find(self, organization_id: str, number: str) -> Listed | None:
        """The entry of a number; None when it is not on the list."""
        async with self._database.reader() as connection:
            return await _find(connection, organization_id, number)

    async def among(self, organization_id: str, numbers: Iterable[str]) -> set[str]:
        """Those of the numbers that are on the list; any count of numbers."""
        found: set[str] = set()
        for some in _batches(list(dict.fromkeys(numbers))):
            async with self._database.reader() as connection:
                found |= await _among(connection, organization_id, some)
        return found

    async def page(self, organization_id: str, *, after: str = "", limit: int = 100) -> list[Listed]:
        """Entries in the order of their numbers, from the one behind `after`."""
        of_it = (do_not_call.c.organization_id == organization_id, do_not_call.c.number > after)
        query = select(do_not_call).where(*of_it).order_by(do_not_call.c.number).limit(limit)
        async with self._database.reader() as connection:
            return [_listed(row) for row in (await connection.execute(query)).mappings()]

    async def add(
        self, organization_id: str, number: str, source: Wish = Wish.API, *, reason: str | None = None
    ) -> Listed:
        """Put a number on the list; one that is there stays as it is, but for a new reason."""
        return await self._add(organization_id, Listed(number, source, self._clock(), reason))

    async def add_many(self, organization_id: str, rows: Sequence[tuple[str, str | None]]) -> int:
        """Put numbers, each with a reason or None, on the list; returns how many were not there before."""
        now, in_order = (
            self._clock(),
            sorted(dict(rows).items()),
        )  # two imports then cannot wait for each other
        entries = [Listed(number, Wish.IMPORT, now, reason) for number, reason in in_order]
        added = 0
        for some in _batches(entries):
            async with self._database.writer() as connection:
                known = await _among(connection, organization_id, [entry.number for entry in some])
                await connection.execute(_KEEP_FIRST, [_row(organization_id, entry) for entry in some])
            added += len(some) - len(known)
        return added

    async def asked_in_call(self, organization_id: str, number: str, call_id: str) -> Listed:
        """Put a number on the list because the callee asked for it in this call; safe to repeat."""
        return await self._add(organization_id, Listed(number, Wish.CALL, self._clock(), call_id=call_id))

    async def remove(self, organization_id: str, number: str) -> None:
        """Take a number off the list.

        Raises:
            NumberNotListedError: It is not there.
        """
        async with self._database.writer() as connection:
            gone = await connection.execute(delete(do_not_call).where(_this(organization_id, number)))
        if not gone.rowcount:
            raise NumberNotListedError

    async def _add(self, organization_id: str, entry: Listed) -> Listed:
        async with self._database.writer() as connection:
            await connection.execute(_KEEP_FIRST, _row(organization_id, entry))
            return await _find(connection, organization_id, entry.number) or entry


def _batches(values: Sequence[One]) -> Iterator[Sequence[One]]:
    return (values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE))


def _this(organization_id: str, number: str) -> ColumnElement[bool]:
    return and_(do_not_call.c.organization_id == organization_id, do_not_call.c.number == number)


async def _find(connection: AsyncConnection, organization_id: str, number: str) -> Listed | None:
    query = select(do_not_call).where(_this(organization_id, number))
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else _listed(row)


async def _among(connection: AsyncConnection, organization_id: str, numbers: Sequence[str]) -> set[str]:
    of_it = (do_not_call.c.organization_id == organization_id, do_not_call.c.number.in_(numbers))
    return set((await connection.execute(select(do_not_call.c.number).where(*of_it))).scalars())


def _row(organization_id: str, entry: Listed) -> dict[str, Any]:
    return {"organization_id": organization_id} | {name: getattr(entry, name) for name in Listed.__slots__}


def _listed(row: RowMapping) -> Listed:
    return Listed(row["number"], Wish(row["source"]), row["added_at"], row["reason"], row["call_id"])
