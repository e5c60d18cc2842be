"""API keys in the database."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping, bindparam, func, or_, select, update

from frontdesk.keys.models import Scope, StoredKey
from frontdesk.keys.tables import api_keys
from frontdesk.storage.database import Database


class KeyStore:
    """Reads and writes the table of keys.

    Args:
        database: The books.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, key: StoredKey) -> None:
        """Keep a new key."""
        values = {name: getattr(key, name) for name in StoredKey.__slots__} | {"scopes": sorted(key.scopes)}
        async with self._database.writer() as connection:
            await connection.execute(api_keys.insert().values(values))

    async def find(self, key_id: str) -> StoredKey | None:
        """The key with this id."""
        async with self._database.reader() as connection:
            found = await connection.execute(select(api_keys).where(api_keys.c.id == key_id))
            row = found.mappings().one_or_none()
        return None if row is None else _key(row)

    async def every(self, organization_id: str | None) -> list[StoredKey]:
        """The keys of one organization or of all, oldest first."""
        query = select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)
        if organization_id is not None:
            query = query.where(api_keys.c.organization_id == organization_id)
        async with self._database.reader() as connection:
            return [_key(row) for row in (await connection.execute(query)).mappings()]

    async def any(self) -> bool:
        """Whether there is a key that was not revoked."""
        query = select(func.count()).select_from(api_keys).where(api_keys.c.revoked_at.is_(None))
        async with self._database.reader() as connection:
            return bool((await connection.execute(query)).scalar_one())

    async def revoke(self, key_id: str, now: float) -> None:
        """Let a key open nothing from now on; the first time holds."""
        change = update(api_keys).where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
        async with self._database.writer() as connection:
            await connection.execute(change.values(revoked_at=now))

    async def used(self, uses: Mapping[str, float]) -> None:
        """Keep when keys were used last (UTC seconds by id)."""
        earlier = or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < bindparam("at"))
        change = update(api_keys).where(api_keys.c.id == bindparam("key_id"), earlier)
        rows = [{"key_id": key_id, "at": at} for key_id, at in uses.items()]
        async with self._database.writer() as connection:
            await connection.execute(change.values(last_used_at=bindparam("at")), rows)


def _key(row: RowMapping) -> StoredKey:
    values: dict[str, Any] = dict(row)
    return StoredKey(**values | {"scopes": frozenset(map(Scope, values["scopes"]))})
