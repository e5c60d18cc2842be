"""Keys: made, presented, revoked, and what holds while the database is away."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from frontdesk.errors import (
    ApiKeyInvalidError,
    DatabaseUnavailableError,
    KeyNotFoundError,
    OrganizationMissingError,
    ScopeMissingError,
)
from frontdesk.keys.models import EVERYTHING, Principal, Scope, StoredKey, digest, split
from frontdesk.keys.service import Keyring
from frontdesk.keys.store import KeyStore
from frontdesk.storage.database import Database

READ = frozenset({Scope.CALLS_READ})


@dataclass
class Clock:
    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Shaky(KeyStore):
    """The real store, until it is told to be away; counts the questions that were answered."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.away = False
        self.asked = 0

    async def find(self, key_id: str) -> StoredKey | None:
        self._go()
        return await super().find(key_id)

    async def any(self) -> bool:
        self._go()
        return await super().any()

    async def used(self, uses: Mapping[str, float]) -> None:
        self._go()
        await super().used(uses)

    def _go(self) -> None:
        if self.away:
            raise DatabaseUnavailableError
        self.asked += 1


Rings = Callable[..., Keyring]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(database: Database) -> Shaky:
    return Shaky(database)


@pytest.fixture
def rings(store: Shaky, clock: Clock) -> Rings:
    return lambda **options: Keyring(store, clock=clock, **options)


async def made(ring: Keyring, organization: str = "a", expires_at: float | None = None) -> tuple[str, bytes]:
    stored, key = await ring.create("crm", organization, READ, expires_at)
    return stored.id, key.encode()


async def test_a_key_stands_for_one_organization(rings: Rings) -> None:
    """The holder of a key acts for the key's organization, with its scopes and no others."""
    ring = rings()
    key_id, key = await made(ring)
    principal = await ring.holder(key)
    assert principal == Principal(key_id, "a", READ)
    assert principal.sees("a")
    assert not principal.sees("b")
    principal.require(Scope.CALLS_READ)
    with pytest.raises(ScopeMissingError, match="calls:write"):
        principal.require(Scope.CALLS_WRITE)


async def test_the_books_hold_no_key(rings: Rings, database: Database) -> None:
    """The database holds the hash of a key's secret, and nothing that opens a door."""
    _, key = await made(rings())
    parts = split(key.decode())
    assert parts is not None
    async with database.reader() as connection:
        row = str((await connection.execute(text("SELECT * FROM api_keys"))).one())
    assert parts[1] not in row
    assert digest(parts[1]) in row


@pytest.mark.parametrize("change", [b"x", b"", b"\xff"])
async def test_what_is_nearly_a_key_opens_nothing(rings: Rings, change: bytes) -> None:
    """A key with another end, another's id, or bytes that no key has is refused."""
    ring = rings()
    _, key = await made(ring)
    _, other = await made(ring)
    swapped = other[:17] + key[17:]
    for wrong in (key[:-1] + change, swapped, key + b"\n", b"fdk_", key.upper()):
        with pytest.raises(ApiKeyInvalidError):
            await ring.holder(wrong)


async def test_a_request_costs_no_query(rings: Rings, store: Shaky) -> None:
    """While what the books said is fresh, a key is checked without them."""
    ring = rings()
    _, key = await made(ring)
    for _ in range(5):
        await ring.holder(key)
    assert store.asked == 1


async def test_revoked_here_at_once_and_elsewhere_soon(rings: Rings, clock: Clock) -> None:
    """A revoked key opens nothing more at this gateway, and within 30 s at any other."""
    here, there = rings(), rings()
    key_id, key = await made(here)
    await here.holder(key)
    await there.holder(key)
    await here.revoke(key_id, Principal("local", None, EVERYTHING))
    with pytest.raises(ApiKeyInvalidError):
        await here.holder(key)
    clock.now += 30
    with pytest.raises(ApiKeyInvalidError):
        await there.holder(key)


async def test_nobody_revokes_the_key_of_another(rings: Rings) -> None:
    """For a key of another organization, a key does not exist and goes on."""
    ring = rings()
    key_id, key = await made(ring, "a")
    for stranger in (Principal("x", "b", EVERYTHING), Principal("x", "", EVERYTHING)):
        with pytest.raises(KeyNotFoundError):
            await ring.revoke(key_id, stranger)
    assert (await ring.holder(key)).key_id == key_id
    assert [stored.id for stored in await ring.every(Principal("x", "b", EVERYTHING))] == []


async def test_a_key_expires(rings: Rings, clock: Clock) -> None:
    """A key opens until its moment has come, also when it was seen before."""
    ring = rings()
    _, key = await made(ring, expires_at=clock.now + 10)
    clock.now += 9.9
    await ring.holder(key)
    clock.now += 0.1
    with pytest.raises(ApiKeyInvalidError):
        await ring.holder(key)


async def test_the_database_may_be_away(rings: Rings, store: Shaky, clock: Clock) -> None:
    """Without the database, keys that were seen go on, and others are told to try again."""
    ring = rings()
    (_, seen), (unseen_id, unseen) = await made(ring), await made(ring)
    await ring.holder(seen)
    store.away = True
    clock.now += 3600
    assert (await ring.holder(seen)).organization_id == "a"
    with pytest.raises(DatabaseUnavailableError):
        await ring.holder(unseen)
    with pytest.raises(ApiKeyInvalidError):
        await ring.holder(seen[:-4] + b"AAAA")
    store.away = False
    assert (await ring.holder(unseen)).key_id == unseen_id


async def test_a_revocation_is_learned_after_an_outage(rings: Rings, store: Shaky, clock: Clock) -> None:
    """Within 30 s after the database is back, a key that was revoked meanwhile opens nothing."""
    ring, elsewhere = rings(), rings()
    key_id, key = await made(ring)
    await ring.holder(key)
    store.away = True
    clock.now += 60
    await ring.holder(key)
    store.away = False
    await elsewhere.revoke(key_id, Principal("local", None, EVERYTHING))
    clock.now += 30
    with pytest.raises(ApiKeyInvalidError):
        await ring.holder(key)


async def test_uses_are_written_later(rings: Rings, store: Shaky, clock: Clock) -> None:
    """The last use is kept without a write by the request, survives an outage, and never goes back."""
    ring = rings()
    key_id, key = await made(ring)
    await ring.holder(key)
    store.away = True
    await ring.write_uses()
    store.away = False
    await ring.write_uses()
    await store.used({key_id: clock.now - 50})
    assert [stored.last_used_at for stored in await store.every("a")] == [clock.now]


async def test_operator_keys_act_for_one_organization(rings: Rings) -> None:
    """A key of the environment may do everything for the default organization, and nothing without one."""
    keys = [SecretStr("one"), SecretStr("two")]
    ring = rings(operator_keys=keys, operator_organization_id="a")
    assert await ring.holder(b"two") == Principal("operator", "a", EVERYTHING)
    with pytest.raises(ApiKeyInvalidError):
        await ring.holder(b"three")
    with pytest.raises(OrganizationMissingError):
        await rings(operator_keys=keys).holder(b"one")


async def test_this_machine_gets_in_while_there_are_no_keys(rings: Rings, clock: Clock) -> None:
    """Without any key, and only where that is allowed, this machine acts for all; the first key ends it."""
    ring = rings(local_operator=True)
    assert await ring.local() == Principal("local", None, EVERYTHING)
    assert await rings().local() is None
    assert await rings(local_operator=True, operator_keys=[SecretStr("one")]).local() is None
    key_id, _ = await made(ring)
    clock.now += 30
    assert await ring.local() is None
    await ring.revoke(key_id, Principal("local", None, EVERYTHING))
    clock.now += 30
    assert await ring.local() is not None


async def test_whether_there_are_keys_must_be_known(rings: Rings, store: Shaky, clock: Clock) -> None:
    """While the database was never reached, this machine gets in no more than others."""
    ring = rings(local_operator=True)
    store.away = True
    with pytest.raises(DatabaseUnavailableError):
        await ring.local()
    store.away = False
    await ring.local()
    store.away = True
    clock.now += 60
    assert await ring.local() is not None


def test_scopes_are_told_apart() -> None:
    """Each scope opens its own door and no other; `*` opens all."""
    for held in Scope:
        principal = replace(Principal("x", "a", frozenset()), scopes=frozenset({held}))
        opened = {scope for scope in Scope if _may(principal, scope)}
        assert opened == (set(Scope) if held is Scope.ALL else {held})


def _may(principal: Principal, scope: Scope) -> bool:
    try:
        principal.require(scope)
    except ScopeMissingError:
        return False
    return True
