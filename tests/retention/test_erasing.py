"""What erasure takes away, what it leaves, and that the bytes are gone."""

import os
import uuid
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from frontdesk.calls.tables import calls
from frontdesk.crm.tables import crm_deliveries, crm_events
from frontdesk.daily.tables import daily_events
from frontdesk.keys.models import EVERYTHING, Principal
from frontdesk.retention.content import erased_life, erased_payload
from frontdesk.retention.models import Subject
from frontdesk.retention.service import Retention
from frontdesk.storage.database import Database
from frontdesk.storage.spool_files import SpoolFiles
from frontdesk.storage.tables import METADATA
from tests.records.office import LIVE, NOW, OURS, THEIRS, Office
from tests.retention.clock import DAY, Clock

SECRETS = ("Lovelace", "Ada", "+12025550123", "p-77", "toothache", "crm-own-17", "Europe/Kyiv")
ADA = Subject("phone_number", "+12025550123")
KEY = Principal("k-1", OURS, EVERYTHING)


async def full_call(office: Office, **columns: Any) -> str:
    """A call with something personal in every place that can hold it."""
    plan = {"earliest_at": NOW, "latest_at": NOW + 60, "timezone": "Europe/Kyiv"}
    over = {"reason": "busy", "detail": "Lovelace"}
    life = {"id": "x", "attempts": [{"number": 1, "over": over}], "plan": plan, "blocked": over}
    values = {
        "patient_id": "p-77",
        "line": {"From": "+12025550123", "sip_headers": {"name": "Lovelace"}},
        "variables": {"name": "Ada"},
        "metadata": {"ref": "crm-own-17"},
        "external_id": "crm-own-17",
        "plan": plan,
        "brief": {"patient_data": {"name": "Lovelace"}},
        "ended_detail": "Lovelace",
        "life": life,
    }
    call_id = await office.call(**{**values, **columns})
    await office.attempt(call_id)
    await office.leg(call_id)
    await office.turn(call_id, text="Lovelace has toothache " * 400)
    await office.turn(call_id, text="Hello Ada.", role="bot")
    await office.tool(call_id, arguments={"name": "Ada"}, result=["Lovelace"])
    await office.event(call_id, type="turn", data={"role": "user", "text": "toothache"})
    await office.event(call_id, type="odd", data={"name": "find_patient", "who": "Lovelace"})
    await office.event(call_id, source="daily", type="daily.dialin.connected", data={"from": "+12025550123"})
    await office.event(call_id, source="gateway", type="hang_up", data={"why": "canceled", "by": "k-1"})
    await office.event(call_id, source="gateway", type="blocked", data={"detail": "Ada", "attempt": 1})
    daily = {"id": uuid.uuid4().hex, "type": "dialin.connected", "received_at": NOW, "tries": 1}
    await office.insert(daily_events, {**daily, "call_id": call_id, "payload": {"sip_from": "+12025550123"}})
    await crm_event(office, call_id, 1)
    return call_id


async def crm_event(office: Office, call_id: str, sequence: int, state: str = "delivered") -> str:
    """An event for the CRM with one delivery."""
    event = {
        "id": f"evt_{call_id}_{sequence}",
        "organization_id": OURS,
        "call_id": call_id,
        "created_at": NOW,
    }
    data = {"event_id": event["id"], "from": "+12025550123", "patient_id": "p-77", "metadata": {"n": "Ada"}}
    payload = {"type": "call.ended", "timestamp": "2027-01-15T08:01:00Z", "data": data}
    await office.insert(crm_events, {**event, "sequence": sequence, "type": "call.ended", "payload": payload})
    delivery = {"id": uuid.uuid4().hex, "event_id": event["id"], "endpoint_id": "e", "organization_id": OURS}
    times = {
        "created_at": NOW,
        "tries": 1,
        "earlier_tries": 0,
        "call_id": call_id,
        "sequence": sequence,
        "type": "call.ended",
    }
    await office.insert(crm_deliveries, {**delivery, **times, "state": state})
    return str(delivery["id"])


async def everything(database: Database) -> str:
    """All rows of all tables, as text."""
    async with database.reader() as connection:
        tables = METADATA.sorted_tables
        rows = [list(map(tuple, await connection.execute(select(table)))) for table in tables]
    return str(rows)  # of tuples: a Row shortens what is long


async def test_old_calls_are_erased(office: Office, retention: Retention, clock: Clock) -> None:
    """After the set time nothing personal of a call is left in any table, and the record says so."""
    call_id = await full_call(office)
    other = await full_call(office, organization_id=THEIRS)
    clock.now = NOW + 30 * DAY - 1
    await retention.retain()
    kept = await everything(office.database)
    assert [secret for secret in SECRETS if secret not in kept] == []
    clock.now = NOW + 30 * DAY + 1
    await retention.retain()
    left = await everything(office.database)
    assert [secret for secret in SECRETS if secret in left] == []
    ours = await retention.every(OURS)
    assert [(e.kind, e.calls, e.turns, e.done_at) for e in ours] == [("retention", 1, 2, clock.now)]
    for erased in (call_id, other):
        async with office.database.reader() as connection:
            row = (await connection.execute(select(calls).where(calls.c.id == erased))).one()
        assert (row.erased_at, row.state, row.ended_reason) == (clock.now, "ended", "caller_hangup")


async def test_what_remains(office: Office, retention: Retention, clock: Clock) -> None:
    """State, reason, times and counts of an erased call are still told; its transcript is 410."""
    call_id = await full_call(office)
    before = (await office.ask(f"/calls/{call_id}")).json()
    clock.now += 31 * DAY
    await retention.retain()
    after = (await office.ask(f"/calls/{call_id}")).json()
    changed = {name for name in before if before[name] != after[name]}
    gone = {"from", "to", "patient_id", "external_id", "metadata", "variables", "ended_detail", "erased_at"}
    assert changed == gone
    assert (after["turns"], after["tool_calls"], len(after["legs"])) == (2, 1, 1)
    assert (await office.ask(f"/calls/{call_id}/transcript")).status_code == 410
    events = (await office.ask(f"/calls/{call_id}/timeline")).json()["events"]
    assert {e["type"]: e["data"] for e in events} == {
        "turn": {"role": "user"},
        "odd": {"name": "find_patient"},
        "daily.dialin.connected": {},
        "hang_up": {"why": "canceled", "by": "k-1"},
        "blocked": {"attempt": 1},
    }


async def test_live_calls_are_never_erased(office: Office, retention: Retention, clock: Clock) -> None:
    """However old it is, a call that goes on keeps its data."""
    call_id = await full_call(office, **LIVE)
    clock.now += 99 * DAY
    await retention.retain()
    assert (await office.ask(f"/calls/{call_id}/transcript")).status_code == 200


async def test_the_record_names_nobody(office: Office, retention: Retention) -> None:
    """The record of a request holds neither number nor id, but the same person has the same hash."""
    first = await retention.request(KEY, ADA, OURS)
    second = await retention.request(KEY, ADA, OURS)
    other = await retention.request(KEY, Subject("patient_id", "+12025550123"), OURS)
    assert first.subject_hash == second.subject_hash != other.subject_hash
    assert "12025550123" not in await everything(office.database)


@pytest.mark.parametrize("subject", [ADA, Subject("patient_id", "p-77")])
async def test_one_patient_is_erased(
    office: Office, retention: Retention, clock: Clock, subject: Subject
) -> None:
    """A request erases the calls of that person in that organization, and nothing of anybody else."""
    mine = [await full_call(office), await full_call(office, direction="outbound", to_number="+12025550123")]
    others = [
        await full_call(office, organization_id=THEIRS),
        await full_call(office, from_number="+12025550124", patient_id="p-78"),
        await full_call(office, created_at=clock.now + 1),
    ]
    erasure = await retention.request(KEY, subject, OURS)
    await retention.sweep()
    done = await retention.find(KEY, erasure.id)
    assert (done.calls, done.turns, done.done_at, done.requested_by) == (2, 4, clock.now, "k-1")
    assert await erased(office, *mine) == [True, True]
    assert await erased(office, *others) == [False, False, False]


@pytest.mark.parametrize(
    "written",
    [
        "12025550123",
        "sip:+12025550123@carrier.example;user=phone",
        "SIP:12025550123@10.0.0.1",
        "+1 (202) 555-0123",
    ],
)
async def test_a_number_however_it_is_written(office: Office, retention: Retention, written: str) -> None:
    """A person is found by their number, also where the phone network wrote it as a SIP address."""
    mine, other = (
        await full_call(office, from_number=written),
        await full_call(office, from_number="anonymous"),
    )
    await retention.request(KEY, ADA, OURS)
    await retention.sweep()
    assert await erased(office, mine, other) == [True, False]


async def test_the_clinics_own_number_is_no_person(office: Office, retention: Retention) -> None:
    """Asking for the number of the clinic erases no call to or from the clinic."""
    call_id = await full_call(office)
    await retention.request(KEY, Subject("phone_number", "+14155550100"), OURS)
    await retention.sweep()
    assert await erased(office, call_id) == [False]


async def test_a_call_that_goes_on(office: Office, retention: Retention, clock: Clock) -> None:
    """A call of the patient that goes on is erased once it has ended; until then the request is open."""
    call_id = await full_call(office, **LIVE)
    erasure = await retention.request(KEY, ADA, OURS)
    await retention.sweep()
    assert (await retention.find(KEY, erasure.id)).done_at is None
    async with office.database.writer() as connection:
        await connection.execute(calls.update().values(state="ended", ended_reason="caller_hangup"))
    clock.now += 60
    await retention.sweep()
    done = await retention.find(KEY, erasure.id)
    assert (done.calls, done.done_at) == (1, clock.now)
    assert await erased(office, call_id) == [True]


async def test_a_call_from_the_spool(office: Office, retention: Retention, clock: Clock) -> None:
    """A call from before the request that a spool brings into the books later is erased by the next day."""
    await retention.request(KEY, ADA, OURS)
    await retention.sweep()
    call_id = await full_call(office)
    clock.now += DAY
    await retention.retain_daily()
    assert await erased(office, call_id) == [True]


async def test_events_under_way(office: Office, retention: Retention, clock: Clock) -> None:
    """What a delivery waits for is kept until it is settled; only then the request is done."""
    call_id = await full_call(office)
    delivery = await crm_event(office, call_id, 2, state="pending")
    erasure = await retention.request(KEY, ADA, OURS)
    await retention.sweep()
    assert await erased(office, call_id) == [True]
    assert (await retention.find(KEY, erasure.id)).done_at is None
    assert "p-77" in await everything(office.database)
    change = crm_deliveries.update().where(crm_deliveries.c.id == delivery).values(state="delivered")
    async with office.database.writer() as connection:
        await connection.execute(change)
    clock.now += 60
    await retention.sweep()
    assert (await retention.find(KEY, erasure.id)).done_at == clock.now
    left = await everything(office.database)
    assert [secret for secret in SECRETS if secret in left] == []


async def test_again_changes_nothing(office: Office, retention: Retention, clock: Clock) -> None:
    """Erasing what was erased counts nothing and moves no time."""
    await full_call(office)
    clock.now += 31 * DAY
    await retention.retain()
    before = await everything(office.database)
    clock.now += 1
    await retention.retain()
    await retention.sweep()
    assert await everything(office.database) == before


async def test_the_bytes_are_gone(tmp_path: Path, office: Office, retention: Retention, clock: Clock) -> None:
    """On SQLite, neither the file nor its log holds a byte of what was erased."""
    if office.database.is_postgres:
        pytest.skip("PostgreSQL keeps dead rows until VACUUM, as docs/retention.md says")
    for _ in range(30):
        await full_call(office)
    assert b"toothache" in on_disk(tmp_path)
    clock.now += 31 * DAY
    await retention.retain()
    bytes_left = on_disk(tmp_path)
    assert [secret for secret in SECRETS if secret.encode() in bytes_left] == []


async def test_the_bytes_go_when_nobody_reads_them(
    tmp_path: Path, office: Office, retention: Retention, clock: Clock
) -> None:
    """A reader that holds on to the log of SQLite delays that its bytes go; the next round sees to it."""
    if office.database.is_postgres:
        pytest.skip("PostgreSQL keeps dead rows until VACUUM, as docs/retention.md says")
    await full_call(office)
    clock.now += 31 * DAY
    async with office.database.reader() as connection:
        await connection.execute(select(calls.c.id))
        await retention.retain()
        assert b"toothache" in on_disk(tmp_path)
    await retention.sweep()
    assert b"toothache" not in on_disk(tmp_path)


async def test_what_spools_put_aside(tmp_path: Path, database: Database, clock: Clock) -> None:
    """What no database took and a spool put aside for people is deleted when it is as old as erased calls."""
    rejects = [SpoolFiles(tmp_path / "spool" / "ledger").reject([b"Lovelace"]) for _ in range(2)]
    for path, days in zip(rejects, (31, 29), strict=True):
        os.utime(path, (clock.now - days * DAY,) * 2)
    await Retention(database, retention_days=30, spool_dir=tmp_path / "spool", clock=clock).retain()
    assert [path.exists() for path in rejects] == [False, True]


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("frontdesk.db*"))


async def erased(office: Office, *call_ids: str) -> list[bool]:
    answers = [
        await office.ask(f"/calls/{c}/transcript", organization=await owner(office, c)) for c in call_ids
    ]
    return [answer.status_code == 410 for answer in answers]


async def owner(office: Office, call_id: str) -> str:
    query = select(calls.c.organization_id).where(calls.c.id == call_id)
    async with office.database.reader() as connection:
        return str((await connection.execute(query)).scalar_one())


def test_json_loses_what_nobody_listed() -> None:
    """A member of an event that nobody knew when this was written loses its value; the shape stays."""
    payload = {
        "type": "t",
        "timestamp": "1",
        "data": {"event_id": "e", "caller_name": "Ada", "metadata": None},
    }
    data: dict[str, Any] = {"event_id": "e", "caller_name": None, "metadata": {}}
    assert erased_payload(payload) == {"type": "t", "timestamp": "1", "data": data}
    assert erased_payload("odd") == {}
    assert erased_life({"a": [{"detail": "x", "reason": "busy"}]}) == {"a": [{"reason": "busy"}]}
