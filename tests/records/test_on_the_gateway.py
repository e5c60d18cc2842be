"""The record on a whole gateway: a call that was placed is shown, called off, and ends."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.gateway.conftest import Configure, configure, far
from tests.gateway.far import Far
from tests.gateway.gate import KEY, Gateway, serving

__all__ = ["configure", "far"]

HEADERS = {"Authorization": f"Bearer {KEY}"}
DIAL = {"dialout_settings": {"phone_number": "+12025550123"}, "metadata": {"ref": "r-1"}, "patient_id": "p-1"}


async def until(gateway: Gateway, path: str, name: str, value: object) -> Any:
    """The answer, once it says so."""
    async with asyncio.timeout(60):
        while True:
            body = (await gateway.send("GET", path, headers=HEADERS)).body
            if body.get(name) == value:
                return body
            await asyncio.sleep(0.05)


async def test_a_call_is_called_off(configure: Configure, far: Far) -> None:
    """A call that was placed is listed as open; called off, its room goes, and it ends as canceled."""
    async with serving(configure()) as gateway:
        call_id = (await gateway.dial(DIAL)).body["call_id"]
        listed = await gateway.send("GET", "/calls?state=open&metadata.ref=r-1", headers=HEADERS)
        assert [call["call_id"] for call in listed.body["calls"]] == [call_id]
        answer = await gateway.send("DELETE", f"/calls/{call_id}", headers=HEADERS)
        assert (answer.status, answer.body["canceling"]) == (202, True)
        record = await until(gateway, f"/calls/{call_id}", "state", "ended")
        assert (record["ended_reason"], record["canceling"], record["patient_id"]) == (
            "canceled",
            False,
            "p-1",
        )
        assert set(far.deleted) == {far.of("/rooms")[0].body["name"]}
        timeline = (await gateway.send("GET", f"/calls/{call_id}/timeline", headers=HEADERS)).body
        hang_up = next(event for event in timeline["events"] if event["type"] == "hang_up")
        assert hang_up["data"] == {"why": "canceled", "by": "operator"}
        again = await gateway.send("DELETE", f"/calls/{call_id}", headers=HEADERS)
        assert (again.status, again.body["ended_reason"]) == (200, "canceled")


async def test_a_call_that_is_not_in_the_books_yet(configure: Configure, far: Far, tmp_path: Path) -> None:
    """While the call that was just placed is in the spool, calling it off is 503, not 404; then it works."""
    async with serving(configure(dialout_wait_s=1)) as gateway:
        file = tmp_path / "books.db"
        with closing(
            sqlite3.connect(file, timeout=30, isolation_level=None, check_same_thread=False)
        ) as other:
            await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
            placed = await gateway.dial(DIAL)
            call_id = placed.body["call_id"]
            early = await gateway.send("DELETE", f"/calls/{call_id}", headers=HEADERS)
            shown = await gateway.send("GET", f"/calls/{call_id}", headers=HEADERS)
            other.execute("ROLLBACK")
        assert placed.status == 202
        for answer in (early, shown):
            assert (answer.status, answer.body["retryable"]) == (503, True)
        await until(gateway, f"/calls/{call_id}", "call_id", call_id)
        assert (await gateway.send("DELETE", f"/calls/{call_id}", headers=HEADERS)).status in {200, 202}


async def test_the_documentation_is_complete(configure: Configure, far: Far) -> None:
    """Every route of the record says what it answers, what its errors are, and that it needs a key."""
    async with serving(configure()) as gateway:
        schema = (await gateway.send("GET", "/openapi.json")).body
    ours = [path for path in schema["paths"] if path.startswith(("/calls", "/keys", "/erasures"))]
    assert len(ours) == 9
    for operation in [one for path in ours for one in schema["paths"][path].values()]:
        good = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
        assert "204" in operation["responses"] or good["content"]["application/json"]["schema"]
        assert "application/problem+json" in operation["responses"]["default"]["content"]
        assert operation["security"] == [{"bearer": []}, {"header": []}]
        assert operation["description"]
    assert "HTTPValidationError" not in str(schema)
