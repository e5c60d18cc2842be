"""Who holds a key: kept for a few seconds, so that a request costs no query and a revoked key dies soon."""

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from loguru import logger
from pydantic import SecretStr

from frontdesk.errors import (
    ApiKeyInvalidError,
    DatabaseUnavailableError,
    KeyNotFoundError,
    OrganizationMissingError,
)
from frontdesk.keys.models import EVERYTHING, Principal, Scope, StoredKey, new_key, split
from frontdesk.keys.store import KeyStore

Answer = TypeVar("Answer")
_LOCAL = Principal("local", None, EVERYTHING)
_ANSWER_WITHIN_S = 3.0


class Keyring:
    """All keys: those of the environment, and those of the books.

    While the database is away, keys that were seen go on, and others are told to try again.

    Args:
        store: The keys of the books.
        operator_keys: FRONTDESK_API_KEYS; each may do everything for one organization.
        operator_organization_id: That organization.
        local_operator: Whether programs on this machine get in while there are no keys at all.
        fresh_s: Seconds for which what the books said of a key is believed.
        clock: Now, UTC seconds.
    """

    def __init__(
        self,
        store: KeyStore,
        *,
        operator_keys: Sequence[SecretStr] = (),
        operator_organization_id: str | None = None,
        local_operator: bool = False,
        fresh_s: float = 15,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._operator_keys = [key.get_secret_value().encode() for key in operator_keys]
        self._operator_organization_id = operator_organization_id
        self._local_operator = local_operator
        self._fresh_s = fresh_s
        self._clock = clock
        self._seen: dict[str, tuple[StoredKey, float]] = {}
        self._revoked: set[str] = set()
        self._keys_exist: tuple[bool, float] | None = None
        self._uses: dict[str, float] = {}

    async def holder(self, given: bytes) -> Principal:
        """Who holds this key.

        Raises:
            ApiKeyInvalidError: Nobody, or not any more.
            OrganizationMissingError: It is an operator's key, and no organization is the default.
            DatabaseUnavailableError: The key was not seen before, and the database is away.
        """
        matches = [hmac.compare_digest(given, key) for key in self._operator_keys]
        if any(matches):
            return self._operator()
        parts = split(given.decode("latin-1"))
        if parts is None:
            raise ApiKeyInvalidError
        key_id, secret = parts
        key, now = await self._find(key_id), self._clock()
        if key is None or key_id in self._revoked or not key.opens(secret, now):
            raise ApiKeyInvalidError
        self._uses[key_id] = now
        return key.principal

    async def local(self) -> Principal | None:
        """Who a program on this machine is when it shows no key; None when it must.

        Raises:
            DatabaseUnavailableError: Whether there are keys was never known, and the database is away.
        """
        if self._operator_keys or not self._local_operator:
            return None
        now = self._clock()
        if self._keys_exist is None or now - self._keys_exist[1] >= self._fresh_s:
            try:
                self._keys_exist = await _ask(self._store.any()), now
            except DatabaseUnavailableError:
                if self._keys_exist is None:
                    raise
        return None if self._keys_exist[0] else _LOCAL

    async def create(
        self, name: str, organization_id: str, scopes: frozenset[Scope], expires_at: float | None = None
    ) -> tuple[StoredKey, str]:
        """Make a key; the second part of the answer is the key itself, which nobody can show again."""
        key_id, key, kept = new_key()
        stored = StoredKey(key_id, organization_id, name, kept, scopes, self._clock(), expires_at)
        await self._store.add(stored)
        return stored, key

    async def every(self, principal: Principal) -> list[StoredKey]:
        """The keys that the principal may see."""
        return await self._store.every(principal.organization_id)

    async def revoke(self, key_id: str, principal: Principal) -> StoredKey:
        """Let a key open nothing: here at once, at other gateways when what they believe is stale.

        Raises:
            KeyNotFoundError: The principal sees no such key.
        """
        key = await self._store.find(key_id)
        if key is None or not principal.sees(key.organization_id):
            raise KeyNotFoundError
        await self._store.revoke(key_id, self._clock())
        self._revoked.add(key_id)
        return key

    async def write_uses(self) -> None:
        """Keep when keys were used last; a request does not wait for it, an outage delays it."""
        uses, self._uses = self._uses, {}
        if not uses:
            return
        try:
            await self._store.used(uses)
        except DatabaseUnavailableError:
            logger.warning("the last uses of keys were not written: the database is away")
            self._uses = uses | self._uses

    async def run(self, every_s: float = 60) -> None:
        """Write the uses once a minute, until canceled."""
        while True:
            await asyncio.sleep(every_s)
            await self.write_uses()

    def _operator(self) -> Principal:
        if self._operator_organization_id is None:
            raise OrganizationMissingError
        return Principal("operator", self._operator_organization_id, EVERYTHING)

    async def _find(self, key_id: str) -> StoredKey | None:
        known, now = self._seen.get(key_id), self._clock()
        if known is not None and now - known[1] < self._fresh_s:
            return known[0]
        try:
            key = await _ask(self._store.find(key_id))
        except DatabaseUnavailableError:
            if known is None:
                raise
            self._seen[key_id] = known[0], now - self._fresh_s / 2
            return known[0]
        if key is None:
            self._seen.pop(key_id, None)
        else:
            self._seen[key_id] = key, now
        return key


async def _ask(question: Awaitable[Answer]) -> Answer:
    try:
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            return await question
    except TimeoutError:
        raise DatabaseUnavailableError from None
