"""GET and DELETE /keys: an organization's own keys, for who may do everything."""

from collections.abc import AsyncIterator

import pytest

from frontdesk.keys.models import Scope
from frontdesk.storage.database import Database
from tests.records.office import THEIRS, Office, an_office


@pytest.fixture
async def office(database: Database) -> AsyncIterator[Office]:
    async with an_office(database) as running:
        yield running


async def test_a_key_is_listed_and_revoked(office: Office) -> None:
    """The list shows no secret; a revoked key is refused with the next request."""
    key = await office.key(scopes=frozenset({Scope.CALLS_READ}))
    headers = {"X-API-Key": key}
    assert (await office.http.get("/calls", headers=headers)).status_code == 200
    answer = await office.ask("/keys")
    shown = next(shown for shown in answer.json()["keys"] if shown["scopes"] == ["calls:read"])
    assert key.split("_")[2] not in answer.text
    assert (await office.ask(f"/keys/{shown['id']}", method="DELETE")).status_code == 204
    refused = await office.http.get("/calls", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (401, "api_key_invalid")


async def test_only_who_may_do_everything(office: Office) -> None:
    """A key with every scope but `*` sees and revokes no keys, and a scope that lacks is named."""
    narrow = await office.key(scopes=frozenset(set(Scope) - {Scope.ALL}))
    for method, path in (("GET", "/keys"), ("DELETE", f"/keys/{'0' * 12}")):
        answer = await office.http.request(method, path, headers={"X-API-Key": narrow})
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
        assert "`*`" in answer.json()["detail"]


async def test_an_organization_sees_its_own(office: Office) -> None:
    """Another organization's key does not exist: not in the list, and not to be revoked."""
    theirs = await office.key(THEIRS)
    key_id = theirs.split("_")[1]
    assert key_id not in {key["id"] for key in (await office.ask("/keys")).json()["keys"]}
    answer = await office.ask(f"/keys/{key_id}", method="DELETE")
    assert (answer.status_code, answer.json()["code"]) == (404, "key_not_found")
    assert (await office.ask("/calls", organization=THEIRS)).status_code == 200
