"""What is refused for all rows pauses their campaign: no row is lost by it."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from frontdesk.campaigns.client import CampaignsClient
from frontdesk.campaigns.erasing import erase_person
from frontdesk.organizations import CallerId, Organization, Organizations, Outreach, load_organizations
from frontdesk.patients.models import Patient
from frontdesk.patients.store import Patients
from frontdesk.storage.database import Database
from tests.campaigns.campaign_office import (
    Office,
    a_csv,
    a_gateway,
    an_office,
    assert_each_row_once,
    number,
    numbers,
    own_organization,
    run_dry,
)

ROWS = 60
SHOWN = "+12125550199"


def clinic(**changes: Any) -> Organizations:
    """The clinic of the tests, with a file that was changed."""
    default = load_organizations(Path("clinics")).default
    assert default is not None
    return Organizations([default.model_copy(update=changes)])


def as_it_was() -> Organizations:
    """A clinic with a time zone for everybody, two workflows and a number of its own."""
    known = clinic().default
    assert known is not None
    outreach = known.outreach.model_copy(update={"default_timezone": "America/New_York"})
    return clinic(outreach=outreach, caller_ids=(CallerId(id=UUID(int=1), number=SHOWN),))


def _changed(**changes: Any) -> Organizations:
    was = as_it_was().default
    assert was is not None
    return clinic(**{"outreach": was.outreach, "caller_ids": was.caller_ids} | changes)


def _without_outreach() -> dict[str, Any]:
    known: Organization | None = clinic().default
    assert known is not None
    return {name: workflow for name, workflow in known.workflows.items() if name != "outreach"}


@asynccontextmanager
async def served(database: Database, folder: Path, organizations: Organizations) -> AsyncIterator[Office]:
    """A gateway that has read the clinic's file as it is now."""
    async with a_gateway(database, folder, organizations=organizations) as gateway, an_office(gateway) as own:
        yield own


def lines(column: str, value: str) -> bytes:
    """A file whose rows say the same."""
    return a_csv(*(f"{number(index)},{value}" for index in range(ROWS)), header=f"phone_number,{column}")


@pytest.mark.parametrize(
    ("file", "settings", "change", "code"),
    [
        (numbers(ROWS), {}, {"workflows": _without_outreach()}, "unknown_workflow"),
        (numbers(ROWS), {"workflow": "outreach"}, {"workflows": _without_outreach()}, "unknown_workflow"),
        (lines("workflow", "outreach"), {}, {"workflows": _without_outreach()}, "unknown_workflow"),
        (numbers(ROWS), {"timezone": None}, {"outreach": Outreach()}, "timezone_unknown"),
        (numbers(ROWS), {"caller_id": SHOWN}, {"caller_ids": ()}, "invalid_body"),
        (lines("caller_id", SHOWN), {}, {"caller_ids": ()}, "invalid_body"),
    ],
)
async def test_a_changed_clinic_file_burns_no_row(
    database: Database,
    tmp_path: Path,
    file: bytes,
    settings: dict[str, Any],
    change: dict[str, Any],
    code: str,
) -> None:
    """A row that is refused for what the clinic's file says pauses; set right, all rows are called."""
    async with served(database, tmp_path / "1", as_it_was()) as office:
        campaign = await office.sent(file, settings | {"start": False})
        assert campaign["report"]["callable"] == ROWS
        await office.ask("POST", f"/campaigns/{campaign['campaign_id']}/start")
    async with served(database, tmp_path / "2", _changed(**change)) as office:
        for _ in range(3):
            await office.gateway.campaigns.rounds.once()
        found = await office.find(campaign)
        assert (found["state"], found["paused_why"]) == ("paused", "rows_refused")
        assert (found["report"]["refused"], found["progress"]["pending"]) == (0, ROWS)
        told = (await office.log(campaign))[-1]["data"]
        assert (told["row"], told["code"], len(told["problems"])) == (1, code, 1)
    async with served(database, tmp_path / "3", as_it_was()) as office:
        await office.ask("POST", f"/campaigns/{campaign['campaign_id']}/resume")
        await run_dry(office.gateway, campaign["campaign_id"])
        assert_each_row_once(await office.gateway.calls_of(campaign["campaign_id"]), ROWS)


async def test_a_clinic_without_a_file_burns_no_row(database: Database, tmp_path: Path) -> None:
    """A campaign whose organization is no more pauses and says so; with the file put back, it goes on."""
    async with served(database, tmp_path / "1", as_it_was()) as office:
        campaign = await office.sent(numbers(3))
    async with served(database, tmp_path / "2", _changed(id=UUID(int=7))) as office:
        await office.gateway.campaigns.rounds.once()
        found = await office.find(campaign)
        assert (found["state"], found["paused_why"]) == ("paused", "organization_gone")
        assert (await office.log(campaign))[-1]["data"]["code"] == "unknown_organization"
    async with served(database, tmp_path / "3", as_it_was()) as office:
        await office.ask("POST", f"/campaigns/{campaign['campaign_id']}/resume")
        await run_dry(office.gateway, campaign["campaign_id"])
        assert_each_row_once(await office.gateway.calls_of(campaign["campaign_id"]), 3)


async def test_rows_behind_the_one_that_halts_are_noted(database: Database, tmp_path: Path) -> None:
    """Calls that were made of rows behind the one that halts are known by the result, and made once."""
    file = a_csv(
        f"{number(0)},reception",
        f"{number(1)},outreach",
        f"{number(2)},reception",
        header="phone_number,workflow",
    )
    async with served(database, tmp_path / "1", as_it_was()) as office:
        campaign = await office.sent(file, {"start": False})
        await office.ask("POST", f"/campaigns/{campaign['campaign_id']}/start")
    async with served(database, tmp_path / "2", _changed(workflows=_without_outreach())) as office:
        await office.until(campaign, "paused")
        assert [row["state"] for row in await office.result(campaign)] == ["queued", "pending", "queued"]
    async with served(database, tmp_path / "3", as_it_was()) as office:
        await office.ask("POST", f"/campaigns/{campaign['campaign_id']}/resume")
        await run_dry(office.gateway, campaign["campaign_id"])
        assert_each_row_once(await office.gateway.calls_of(campaign["campaign_id"]), 3)


async def test_a_row_that_is_a_call_is_never_refused(database: Database, tmp_path: Path) -> None:
    """Rows behind one that halts may be calls already: one that is erased meanwhile stays a call."""
    others = (f"{number(index)}," for index in range(1, 6))
    file = a_csv(f"{number(0)},outreach", *others, header="phone_number,workflow")
    async with served(database, tmp_path / "was", as_it_was()) as office:
        campaign = await office.sent(file, {"workflow": "reception"})
    async with served(database, tmp_path / "changed", _changed(workflows=_without_outreach())) as office:
        await office.gateway.campaigns.rounds.once()
        paused = await office.find(campaign)
        assert (paused["paused_why"], paused["progress"]["waiting"]) == ("rows_refused", 5)
    async with database.writer() as connection:
        await erase_person(connection, own_organization(), phone_number=number(3))
    async with served(database, tmp_path / "again", as_it_was()) as office:
        await office.ask("POST", f"/campaigns/{campaign['campaign_id']}/resume")
        await office.gateway.campaigns.rounds.once()
        progress = (await office.find(campaign))["progress"]
    assert (progress["total"], progress["waiting"]) == (6, 6)


@pytest.mark.parametrize("gone", [True, False])
async def test_a_patient_who_has_no_time_zone_any_more(office: Office, *, gone: bool) -> None:
    """A patient who was deleted costs their own row; one who is there without a time zone pauses."""
    own, patients = own_organization(), Patients(office.gateway.database)
    now = time.time()
    patient = Patient(
        organization_id=own,
        id="p-1",
        phone_number=number(0),
        timezone="America/Chicago",
        created_at=now,
        updated_at=now,
    )
    await patients.put(patient)
    file = a_csv(f"p-1,{number(0)},", f",{number(1)},UTC", header="patient_id,phone_number,timezone")
    campaign = await office.sent(file, {"timezone": None})
    if gone:
        await patients.remove(own, "p-1")
    else:
        await patients.put(replace(patient, timezone=None))
    await office.gateway.campaigns.rounds.once()
    found = await office.find(campaign)
    assert (found["state"], found["report"]["refused"]) == (("running", 1) if gone else ("paused", 0))


async def test_the_terminal_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever watches is told which row was refused, and for what."""
    problems = [{"field": "workflow", "message": "The organization has no such workflow"}]
    entry = {"what": "paused", "data": {"why": "rows_refused", "row": 7, "code": "x", "problems": problems}}

    async def ask(_self: CampaignsClient, _method: str, _path: str) -> dict[str, Any]:
        return {"entries": [entry]}

    monkeypatch.setattr(CampaignsClient, "ask", ask)
    client = CampaignsClient.__new__(CampaignsClient)
    told = await client.why_paused("c")
    assert told == "row 7 was refused, as others would be: workflow The organization has no such workflow"
