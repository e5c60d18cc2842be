"""The door of the API while there are no keys: this machine, and nobody behind it."""

from collections.abc import AsyncIterator

import httpx
import pytest

from frontdesk.storage.database import Database
from tests.records.office import Office, an_office


@pytest.fixture
async def office(database: Database) -> AsyncIterator[Office]:
    async with an_office(database) as running:
        yield running


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:8080"}, 200),
        ({"Host": "[::1]:8080"}, 200),
        ({"Origin": "http://localhost:3000"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "rebound.example:8080"}, 403),
        ({"Host": ""}, 403),
        ({"Host": "[::1"}, 403),
        ({"X-Forwarded-For": "10.1.1.1"}, 403),
    ],
)
async def test_a_browser_opens_nothing_for_a_web_page(
    office: Office, headers: dict[str, str], status: int
) -> None:
    """Neither a foreign page nor a name that was made to lead to this machine reads calls without a key."""
    answer = await office.http.get("/calls", headers=headers)
    assert answer.status_code == status
    assert answer.json().get("code") == (None if status == 200 else "local_only")


async def test_other_machines_get_in_with_a_key_only(office: Office) -> None:
    """A request from elsewhere needs a key, and with one its Host and Origin do not matter."""
    transport = httpx.ASGITransport(office.app, client=("192.0.2.7", 50_000))
    async with httpx.AsyncClient(transport=transport, base_url="https://gateway.example") as far:
        assert (await far.get("/calls")).json()["code"] == "local_only"
        key = await office.key()
        headers = {"X-API-Key": key, "Origin": "https://crm.example"}
        assert (await far.get("/calls", headers=headers)).status_code == 200
