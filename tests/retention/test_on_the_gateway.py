"""Erasure on a whole gateway: no file and no log line of it holds anything of the person afterwards."""

import asyncio
import json
import os
import stat
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from frontdesk.daily.room_names import room_name
from frontdesk.doors.signature import sign
from frontdesk.storage.spool_files import SpoolFiles
from tests.crm.receiver import Receiver
from tests.gateway.conftest import Configure, configure, far
from tests.gateway.far import Far
from tests.gateway.gate import KEY, Gateway, serving

__all__ = ["configure", "far"]

EVENTS_SECRET = "ZXZlbnRzLXNlY3JldC0wMTIzNDU2Nzg5"
HEADERS = {"Authorization": f"Bearer {KEY}"}
NUMBER = "+12025550123"
MARKS = ("Lovelace", "toothache", "p-1815", "2025550123", "countess")
CALL = {
    "dialout_settings": {"phone_number": NUMBER, "display_name": "Lovelace"},
    "patient_id": "p-1815",
    "patient_data": {"name": "Lovelace"},
    "variables": {"title": "countess"},
    "metadata": {"ref": "countess"},
}
REASON = {"reason": "callee_hangup", "detail": "Lovelace"}
REPORTS: list[tuple[str, dict[str, Any]]] = [
    ("joined", {"session_id": "bot"}),
    ("answered", {"dial": 1, "session_id": "leg", "to": NUMBER}),
    ("turn", {"role": "user", "text": "This is Lovelace, I have toothache. " * 300}),
    ("tool", {"name": "find", "arguments": {"who": "Lovelace"}, "result": [NUMBER], "ok": True}),
    ("tool", {"name": "find", "arguments": None, "result": {"deep": [["countess"] * 500]}, "ok": False}),
    ("mood", {"of": "Lovelace"}),
    ("ending", REASON),
    ("ended", REASON),
]


@pytest.fixture
async def crm() -> AsyncIterator[Receiver]:
    async with Receiver() as receiver:
        yield receiver


async def report(gateway: Gateway, call_id: str, reports: list[tuple[str, dict[str, Any]]]) -> None:
    """Tell the gateway what a bot has seen."""
    events = [
        {"id": uuid.uuid4().hex, "sequence": n, "type": kind, "at": "2026-03-02T14:05:07Z", "data": data}
        for n, (kind, data) in enumerate(reports, 1)
    ]
    headers = {"Authorization": f"Bearer {gateway.app.state.link_tokens.issue(call_id, 1, 600)}"}
    body = {"session_id": "s", "events": events}
    reply = await gateway.send("POST", f"/link/calls/{call_id}/events", json=body, headers=headers)
    assert reply.status == 200, reply.body


async def daily_tells(gateway: Gateway, room: str) -> None:
    """Daily says who left."""
    person = {"user_name": NUMBER, "name": "Lovelace", "error_msg": f"dropped {NUMBER}", "session_id": "leg"}
    event = {"id": str(uuid.uuid4()), "type": "participant.left", "payload": {"room": room} | person}
    content, stamp = json.dumps(event).encode(), str(int(time.time()))
    signed = {"X-Webhook-Signature": sign(EVENTS_SECRET, stamp, content), "X-Webhook-Timestamp": stamp}
    assert (await gateway.send("POST", "/daily-events", data=content, headers=signed)).status == 200


async def erased(gateway: Gateway, wanted: dict[str, str]) -> dict[str, Any]:
    """Ask for an erasure and wait until it is done."""
    asked = (await gateway.send("POST", "/erasures", json=wanted, headers=HEADERS)).body
    async with asyncio.timeout(60):
        while True:
            found = await gateway.send("GET", f"/erasures/{asked['erasure_id']}", headers=HEADERS)
            if found.body["done_at"] is not None:
                return dict(found.body)
            gateway.app.state.retention._asked.set()
            await asyncio.sleep(0.05)


def marks_in(folder: Path) -> dict[str, list[str]]:
    """Which files hold which marks, byte by byte."""
    found: dict[str, list[str]] = {}
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError, IsADirectoryError):  # a spool deletes what is in the books
            content = path.read_bytes()
            found[path.name] = [mark for mark in MARKS if mark.encode() in content]
    return {name: marks for name, marks in found.items() if marks}


async def nothing_left(gateway: Gateway, folder: Path) -> None:
    """Wait until no file holds a mark: a reader of the books may delay that by a round."""
    async with asyncio.timeout(60):
        while marks_in(folder):
            gateway.app.state.retention._asked.set()
            await asyncio.sleep(0.05)
    assert marks_in(folder) == {}


def modes_in(folder: Path) -> dict[str, int]:
    """Who may do what with which file."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in files}


async def test_nothing_is_left_of_a_person(
    configure: Configure, far: Far, crm: Receiver, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """After the erasure no byte of the books, their log and the spool is of the person, nor is any log line.

    The CRM got `call.ended` all the same, and a bot that reports afterwards brings nothing back.
    """
    settings = configure(
        daily_events_secret=EVENTS_SECRET,
        crm_events_url=crm.url,
        crm_secrets="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        crm_allow_private=True,
        log_level="DEBUG",
    )
    async with serving(settings) as gateway:
        call_id = (await gateway.dial(CALL)).body["call_id"]
        room = far.of("/rooms")[0].body["name"]
        assert room == room_name(room.split("-")[1], call_id, 1)
        await report(gateway, call_id, REPORTS)
        await daily_tells(gateway, room)
        assert {mark for marks in marks_in(tmp_path).values() for mark in marks} == set(MARKS)
        done = await erased(gateway, {"phone_number": NUMBER})
        assert (done["calls"], done["turns"]) == (1, 1)
        assert [got.body["type"] for got in crm.got][-1] == "call.ended"
        await nothing_left(gateway, tmp_path)
        await report(gateway, call_id, REPORTS)
        await daily_tells(gateway, room)
        assert marks_in(tmp_path) == {}
        record = (await gateway.send("GET", f"/calls/{call_id}", headers=HEADERS)).body
        assert (record["state"], record["from"], record["to"]) == ("ended", None, None)
    assert marks_in(tmp_path) == {}
    written = "".join(capfd.readouterr())
    assert [mark for mark in MARKS if mark in written] == []


@pytest.mark.parametrize("wanted", [{"phone_number": NUMBER}, {"patient_id": "p-1815"}])
async def test_who_is_forgotten_is_not_called(
    configure: Configure, far: Far, tmp_path: Path, wanted: dict[str, str]
) -> None:
    """A call that waits for the person is called off and erased at once; one to somebody else stays."""
    tomorrow = datetime.fromtimestamp(time.time() + 86_400, UTC).isoformat()
    async with serving(configure()) as gateway:
        later = {"schedule": {"earliest_at": tomorrow}}
        theirs = (await gateway.dial(CALL | later)).body["call_id"]
        other = (await gateway.dial({"phone_number": "+12025550199"} | later)).body["call_id"]
        assert (await erased(gateway, wanted))["calls"] == 1
        records = [
            (await gateway.send("GET", f"/calls/{one}", headers=HEADERS)).body for one in (theirs, other)
        ]
    assert [(record["state"], record["ended_reason"]) for record in records] == [
        ("ended", "canceled"),
        ("scheduled", None),
    ]
    assert records[0]["to"] is None
    assert marks_in(tmp_path) == {}
    assert far.of("/start") == []


async def test_the_files_are_private(configure: Configure, tmp_path: Path) -> None:
    """Whatever holds calls is for the gateway's user alone, whatever the umask."""
    before = os.umask(0)
    try:
        async with serving(configure()) as gateway:
            await gateway.dial(CALL)
            await gateway.app.state.link._books._entries._backlog._spool.append(b"{}")
            modes = modes_in(tmp_path)
    finally:
        os.umask(before)
    assert {"books.db", "books.db-wal", "books.db-shm", "books.db.lock", "lock", "00000001.jsonl"} <= set(
        modes
    )
    assert set(modes.values()) == {0o600}


async def test_what_spools_put_aside_is_deleted_when_it_is_old(configure: Configure, tmp_path: Path) -> None:
    """A gateway deletes at its start what its spools put aside longer ago than calls are kept."""
    settings = configure(retention_days=1)
    old, young = (SpoolFiles(settings.spool_dir / name).reject([b"Lovelace"]) for name in ("ledger", "daily"))
    os.utime(old, (time.time() - 2 * 86_400,) * 2)
    async with serving(settings), asyncio.timeout(60):
        while old.exists():
            await asyncio.sleep(0.01)
    assert young.exists()
