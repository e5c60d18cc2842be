"""Sending files: what starts, what is told, and what is safe to repeat."""

import asyncio
import json
import time
from pathlib import Path

import pytest

from frontdesk.campaigns.models import CampaignState, Report, Row
from frontdesk.campaigns.row_store import NotOursError
from frontdesk.campaigns.tables import campaign_rows, campaigns
from frontdesk.gate.do_not_call import DoNotCall
from frontdesk.patients.models import Patient
from frontdesk.patients.store import Patients
from frontdesk.storage.database import Database
from tests.campaigns.campaign_office import (
    Office,
    a_csv,
    a_gateway,
    an_office,
    count,
    number,
    numbers,
    own_organization,
)


async def test_a_good_file_starts(office: Office) -> None:
    """A file with nothing wrong in it is a campaign that runs."""
    campaign = await office.sent(numbers(3))
    assert campaign["state"] == "running"
    assert (campaign["report"]["rows"], campaign["report"]["callable"]) == (3, 3)
    assert campaign["progress"]["pending"] == 3
    assert [entry["what"] for entry in await office.log(campaign)] == ["created", "loaded"]


async def test_nothing_is_called_before_all_is_checked(office: Office) -> None:
    """One wrong row among many keeps the campaign a draft, of which no row is a call."""
    file = a_csv(*(number(index) for index in range(450)), "+1999")
    campaign = await office.sent(file)
    await office.gateway.campaigns.rounds.once()
    assert (campaign["state"], campaign["report"]["invalid"]) == ("draft", 1)
    assert await office.gateway.calls_of(campaign["campaign_id"]) == []


async def test_a_draft_by_wish(office: Office) -> None:
    """With `start` false, a file with nothing wrong in it waits, too."""
    campaign = await office.sent(numbers(2), {"start": False})
    assert (campaign["state"], campaign["started_at"]) == ("draft", None)


async def test_what_is_wrong_where(office: Office) -> None:
    """Each wrong value is told with its row, its field and the rule, and no value is repeated."""
    file = a_csv(
        f"{number(0)},,,",
        "+12,,,",
        f"{number(1)},Mars/Olympus,,",
        f"{number(2)},,yesterday,",
        f"{number(3)},,,nothing-we-do",
        f"{number(4)},,2026-01-01T00:00:00Z,reception",
        header="phone_number,timezone,consent_at,workflow",
    )
    campaign = await office.sent(file)
    told = await office.problems(campaign)
    assert {row: one[0][0] for row, one in told.items()} == {
        2: "phone_number",
        3: "timezone",
        4: "consent_at",
        5: "workflow",
    }
    assert not any(word in str(told) for word in ("Mars", "+12", "yesterday", "nothing-we-do"))
    assert (campaign["report"]["invalid"], campaign["report"]["callable"]) == (4, 2)


async def test_odd_bytes_of_one_row(office: Office) -> None:
    """A value that is not UTF-8, or holds NUL, is told with its row and field."""
    file = a_csv(f"{number(0)},{'x' * 5000}", header="phone_number,name")
    file += f"{number(1)},M".encode() + b"\xfcller\n" + f"{number(2)},".encode() + b"a\0b\n"
    told = await office.problems(await office.sent(file))
    assert told == {2: [("name", "is not UTF-8")], 3: [("name", "holds NUL characters")]}


async def test_odd_patients_of_one_row(office: Office) -> None:
    """A patient that no database can look for is told with its row and field, and harms no other row."""
    file = a_csv(f"{number(0)},p-1", *[f"{number(1)},p-1"] * 500, header="phone_number,patient_id")
    file += f"{number(2)},M".encode() + b"\xfcller\n" + f"{number(3)},".encode() + b"a\0b\n"
    told = await office.problems(await office.sent(file))
    assert told[502] == [("patient_id", "is not UTF-8")]
    assert told[503] == [("patient_id", "holds NUL characters")]
    lines = [{"phone_number": number(row), "patient_id": odd} for row, odd in enumerate(([], {"a": 1}, 7))]
    campaign = await office.sent("\n".join(json.dumps(line) for line in lines).encode())
    told = await office.problems(campaign)
    assert {row: [field for field, _ in errors] for row, errors in told.items()} == {
        row: ["patient_id"] for row in (1, 2, 3)
    }


async def test_a_row_with_thousands_of_wrong_fields(office: Office) -> None:
    """What is told of one row stays short, however much is wrong with it."""
    row = {"phone_number": number(0), "schedule": {f"x{index}": 1 for index in range(5000)}}
    told = await office.problems(await office.sent(json.dumps(row).encode()))
    assert [len(errors) for errors in told.values()] == [20]


async def test_a_fault_while_it_is_read(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something that nobody foresaw is told at once, ends the campaign, and frees its key."""

    async def fault(*_: object) -> set[str]:
        raise RuntimeError(number(0))

    with monkeypatch.context() as patched:
        patched.setattr(DoNotCall, "among", fault)
        reply = await office.send(numbers(2), key="k")
    assert (reply.status_code, reply.json()["code"]) == (422, "campaign_file")
    assert number(0) not in reply.text
    assert (await office.send(numbers(2), key="k")).status_code == 201


async def test_duplicates_are_named(office: Office) -> None:
    """A number that an earlier row calls is named with that row, however far apart they are."""
    lines = [number(index) for index in range(450)]
    file = a_csv(*lines, number(3), f"  {number(3)[:2]} {number(3)[2:5]} {number(3)[5:]}", number(449))
    campaign = await office.sent(file)
    assert campaign["report"]["duplicates"] == 3
    assert await office.problems(campaign) == {
        451: [("phone_number", "is the number of row 4")],
        452: [("phone_number", "is the number of row 4")],
        453: [("phone_number", "is the number of row 450")],
    }


async def test_a_row_that_cannot_be_called_makes_no_duplicate(office: Office) -> None:
    """The first row that can be called counts, not one with the same number that cannot."""
    file = a_csv(f"{number(1)},Nowhere/At_All", f"{number(1)},", header="phone_number,timezone")
    campaign = await office.sent(file)
    assert list(await office.problems(campaign)) == [1]


async def test_who_must_not_be_called_is_named(office: Office) -> None:
    """Numbers on the organization's own do-not-call list are named, those on another's are not."""
    listed = DoNotCall(office.gateway.database)
    await listed.add(own_organization(), number(2))
    await listed.add("another", number(1))
    campaign = await office.sent(numbers(4))
    assert (campaign["state"], campaign["report"]["do_not_call"]) == ("draft", 1)
    assert await office.problems(campaign) == {3: [("phone_number", "is on the do-not-call list")]}


async def test_known_patients(office: Office) -> None:
    """A row may name a stored patient instead of a number; time zone and number are the patient's."""
    now = time.time()
    patient = Patient(
        organization_id=own_organization(),
        id="p-1",
        phone_number=number(7),
        timezone="America/Chicago",
        created_at=now,
        updated_at=now,
    )
    await Patients(office.gateway.database).put(patient)
    file = a_csv("p-1,", "p-2,", f",{number(7)}", header="patient_id,phone_number")
    campaign = await office.sent(file, {"timezone": None})
    told = await office.problems(campaign)
    assert told[2][0][0] == "patient_id"
    assert told[3][0][0] == "timezone"
    campaign = await office.sent(a_csv("p-1,", f",{number(7)}", header="patient_id,phone_number"))
    assert await office.problems(campaign) == {2: [("phone_number", "is the number of row 1")]}


async def test_other_columns_become_variables(office: Office) -> None:
    """Extra columns are the call's variables, beside the campaign's own; the row's word counts more."""
    file = a_csv(f"{number(0)},Jane,Tuesday", f"{number(1)},,Friday", header="phone_number,First Name,day")
    campaign = await office.sent(file, {"variables": {"day": "some day", "clinic": "north"}})
    assert campaign["report"]["variables"] == ["First Name", "day"]
    await office.gateway.campaigns.rounds.once()
    found = {
        call["to_number"]: call["variables"]
        for call in await office.gateway.calls_of(campaign["campaign_id"])
    }
    assert found == {
        number(0): {"First Name": "Jane", "day": "Tuesday", "clinic": "north"},
        number(1): {"day": "Friday", "clinic": "north"},
    }


async def test_json_lines(office: Office) -> None:
    """JSON lines say the same, with values of any type."""
    lines = [
        {"phone_number": number(0), "visits": 3, "variables": {"name": "Jane"}},
        {"phone_number": number(1), "metadata": {"ref": 7}, "retry": {"max_attempts": 2}},
        {"phone_number": number(2), "variables": 3},
        {"phone_number": 7},
    ]
    file = "\n".join(map(json.dumps, lines)).encode()
    campaign = await office.sent(file)
    assert sorted(await office.problems(campaign)) == [3, 4]
    await office.ask("POST", f"/campaigns/{campaign['campaign_id']}/start")
    await office.gateway.campaigns.rounds.once()
    calls = {call["to_number"]: call for call in await office.gateway.calls_of(campaign["campaign_id"])}
    assert calls[number(0)]["variables"] == {"visits": 3, "name": "Jane"}
    assert calls[number(1)]["metadata"] == {"ref": 7}
    assert calls[number(1)]["plan"]["max_attempts"] == 2


@pytest.mark.parametrize(
    ("file", "told"), [(b"", "is empty"), (b"phone_number\n", "holds no rows"), (b"Jane,Doe\n", "no header")]
)
async def test_a_file_that_cannot_be_read(office: Office, file: bytes, told: str) -> None:
    """What cannot be read is 422 and says why; nothing of it is called, and its rows are not kept."""
    reply = await office.send(file)
    assert (reply.status_code, reply.json()["code"]) == (422, "campaign_file")
    assert told in reply.json()["errors"][0]["message"]
    assert await count(office.gateway.database, campaign_rows) == 0


async def test_too_many_rows(office: Office) -> None:
    """A file with more rows than may be is refused when the row too many comes, and no row of it is kept."""
    office.gateway.campaigns._entering._loader._most_rows = 500
    reply = await office.send(numbers(501))
    assert reply.json()["errors"][0]["message"] == "has more than 500 rows"
    assert await count(office.gateway.database, campaign_rows) == 0
    assert (await office.sent(numbers(500)))["report"]["rows"] == 500


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"name": " "}, "name"),
        ({"retry": {"max_attempts": 99}}, "retry.max_attempts"),
        ({"timezone": "Nowhere"}, "timezone"),
        ({"workflow": "unknown"}, None),
        ({"schedule": {"latest_at": "2020-01-01T00:00:00Z"}}, "schedule.latest_at"),
        ({"phone_number": "+12125550100"}, "phone_number"),
        ({"circuit_breaker": {"failed_share": 2}}, "circuit_breaker.failed_share"),
    ],
)
async def test_settings_that_no_row_could_obey(
    office: Office, settings: dict[str, object], field: str | None
) -> None:
    """Wrong settings are refused as POST /dialout refuses them, before anything is entered."""
    reply = await office.send(numbers(1), settings)
    assert reply.status_code in {404, 422}
    if field:
        assert reply.json()["errors"][0]["field"].startswith(field)
    assert await count(office.gateway.database, campaigns) == 0


async def test_the_same_key_is_the_same_campaign(office: Office) -> None:
    """A request that is repeated with its key is answered with the first campaign as it stands now."""
    first = await office.send(numbers(5), key="k-1")
    again = await office.send(numbers(5), key="k-1")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json()["campaign_id"] == first.json()["campaign_id"]
    assert (
        await count(office.gateway.database, campaigns),
        await count(office.gateway.database, campaign_rows),
    ) == (
        1,
        5,
    )


@pytest.mark.parametrize("change", ["file", "settings"])
async def test_a_key_belongs_to_one_request(office: Office, change: str) -> None:
    """Another file or other settings under a known key are a conflict."""
    await office.send(numbers(5), key="k-1")
    file = numbers(6) if change == "file" else numbers(5)
    settings = {"concurrency": 3} if change == "settings" else {}
    reply = await office.send(file, settings, key="k-1")
    assert (reply.status_code, reply.json()["code"]) == (409, "idempotency_conflict")


async def test_a_hundred_at_once(office: Office) -> None:
    """However many requests with one key arrive at once, there is one campaign with its rows once."""
    replies = await asyncio.gather(*(office.send(numbers(50), key="k-1") for _ in range(40)))
    assert {reply.status_code for reply in replies} <= {200, 201, 202, 409}
    refused = {reply.json()["code"] for reply in replies if reply.status_code == 409}
    assert refused <= {"idempotency_in_progress"}
    await office.until((await office.send(numbers(50), key="k-1")).json(), "running")
    assert await count(office.gateway.database, campaigns) == 1
    assert await count(office.gateway.database, campaign_rows) == 50


async def test_a_key_whose_file_failed_is_free(office: Office) -> None:
    """A file that failed held nothing: its key may be used for the file that was mended."""
    assert (await office.send(b"phone_number\n", key="k-1")).status_code == 422
    reply = await office.send(numbers(2), key="k-1")
    assert (reply.status_code, reply.json()["report"]["rows"]) == (201, 2)


async def test_a_gateway_that_dies_while_it_reads(office: Office) -> None:
    """The campaign of a dead gateway's file has failed, and none of its rows is ever a call."""
    campaign = await office.sent(numbers(3))
    await left_by_a_dead_gateway(office)
    await office.gateway.campaigns.rounds.once()
    found = await office.find(campaign)
    assert found["state"] == "failed"
    assert "the gateway stopped" in found["report"]["error"]
    assert await office.gateway.calls_of(campaign["campaign_id"]) == []


@pytest.mark.parametrize("noticed", [False, True])
async def test_what_a_dead_gateway_was_reading_is_read_anew(office: Office, *, noticed: bool) -> None:
    """The same request, repeated with its key after the gateway died, is read from the beginning."""
    first = await office.send(numbers(300), key="k-1")
    await left_by_a_dead_gateway(office)
    if noticed:
        await office.gateway.campaigns.rounds.once()
    again = await office.send(numbers(300), key="k-1")
    assert (again.status_code, again.json()["state"]) == (201, "running")
    assert again.json()["campaign_id"] == first.json()["campaign_id"]
    assert again.json()["report"]["rows"] == 300
    assert await count(office.gateway.database, campaign_rows) == 300


async def test_what_a_living_gateway_reads_is_left_to_it(database: Database, tmp_path: Path) -> None:
    """While another gateway reads the file, the same request is told to come back; the file is read once."""

    async def nobody_is_dead(_gateway_id: str) -> bool:
        return False

    async with a_gateway(database, tmp_path, is_dead=nobody_is_dead) as gateway, an_office(gateway) as office:
        campaign = (await office.send(numbers(3), key="k-1")).json()
        await left_by_a_dead_gateway(office)
        await gateway.campaigns.rounds.once()
        reply = await office.send(numbers(3), key="k-1")
        assert (reply.status_code, reply.json()["code"]) == (409, "idempotency_in_progress")
        assert "Retry-After" in reply.headers
        assert (await office.find(campaign))["state"] == "loading"


async def test_a_reader_that_was_taken_over_stops(office: Office) -> None:
    """A gateway that wakes up after its file was given to another one writes no row more."""
    campaign = await office.sent(numbers(1))
    await left_by_a_dead_gateway(office)
    gateway = office.gateway
    with pytest.raises(NotOursError):
        await gateway.campaigns.rows.add(campaign["campaign_id"], gateway.id, [Row(7)], Report(), 0.0)
    with pytest.raises(NotOursError):
        await gateway.campaigns.rows.clear(campaign["campaign_id"], gateway.id)
    assert await count(gateway.database, campaign_rows) == 1


async def left_by_a_dead_gateway(office: Office) -> None:
    """Let the books look as if another gateway had died in the middle of the file."""
    async with office.gateway.database.writer() as connection:
        lost = {"state": CampaignState.LOADING, "owner": "another", "started_at": None}
        await connection.execute(campaigns.update().values(**lost))
