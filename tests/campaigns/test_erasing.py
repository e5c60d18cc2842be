"""What rows hold of people goes when it must; what was counted stays."""

import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from frontdesk.campaigns.erasing import Forgetting, erase_person
from frontdesk.campaigns.tables import campaign_rows
from frontdesk.errors import NumberNotDialableError
from frontdesk.storage.database import Database
from tests.campaigns.campaign_office import (
    SETTINGS,
    Office,
    a_csv,
    a_gateway,
    an_office,
    number,
    numbers,
    own_organization,
    rows_of,
)

DAY_S = 86_400.0


async def erase(office: Office, **person: str) -> int:
    """Erase a person of the own organization."""
    async with office.gateway.database.writer() as connection:
        return await erase_person(connection, own_organization(), **person)


async def personal(database: Database) -> list[Any]:
    """Rows that hold anything of a person."""
    found = await rows_of(database, select(campaign_rows).order_by(campaign_rows.c.number))
    return [row["number"] for row in found if row["phone_number"] or row["patient_id"] or row["request"]]


async def test_a_person_who_was_not_called_yet_never_is(office: Office) -> None:
    """The rows of a person are emptied, and those that are no calls yet never become any."""
    campaign = await office.sent(numbers(40))
    await office.gateway.campaigns.rounds.once()
    called, waiting = number(0), number(39)
    assert await erase(office, phone_number=waiting) == 1
    assert await erase(office, phone_number=called) == 1
    for call_id in office.gateway.queue.taken:
        await office.gateway.end(call_id)
    await office.gateway.campaigns.rounds.once()
    found = await office.find(campaign)
    calls = await office.gateway.calls_of(campaign["campaign_id"])
    assert waiting not in {call["to_number"] for call in calls}
    assert (found["report"]["refused"], found["progress"]["total"], len(calls)) == (1, 39, 39)
    assert await office.problems(campaign) == {40: [("row", "was erased")]}
    assert await personal(office.gateway.database) == list(range(2, 40))


async def test_who_is_erased_while_their_row_is_about_to_be_called(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that the feeder holds when it is erased is not called; the others are, and the counts say so."""
    campaign = await office.sent(numbers(3))
    rows = office.gateway.campaigns.rows
    ready = rows.ready

    async def erased_at_once(*given: Any) -> Any:
        found = await ready(*given)
        await erase(office, phone_number=number(1))
        return found

    monkeypatch.setattr(rows, "ready", erased_at_once)
    await office.gateway.campaigns.rounds.once()
    called = {call["to_number"] for call in await office.gateway.calls_of(campaign["campaign_id"])}
    assert called == {number(0), number(2)}
    found = await office.find(campaign)
    assert (found["report"]["callable"], found["report"]["refused"]) == (2, 1)
    assert (found["progress"]["total"], found["progress"]["pending"]) == (2, 0)


async def test_who_is_erased_while_the_file_is_read(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that is erased while those behind it are read stays refused when the file was read to its end."""
    rows = office.gateway.campaigns.rows
    add = rows.add

    async def erased_at_once(*given: Any) -> None:
        await add(*given)
        await erase(office, phone_number=number(1))
        await add(*given)

    monkeypatch.setattr(rows, "add", erased_at_once)
    campaign = await office.sent(numbers(450))
    assert campaign["state"] == "running"
    report = campaign["report"]
    assert (report["rows"], report["callable"], report["refused"]) == (450, 449, 1)
    assert (await office.log(campaign))[-1]["data"]["callable"] == 449
    assert await office.problems(campaign) == {2: [("row", "was erased")]}


async def test_a_file_of_people_who_were_all_erased_meanwhile(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of which nobody is left when it was read does not start by itself."""
    rows = office.gateway.campaigns.rows
    add = rows.add

    async def erased_at_once(*given: Any) -> None:
        await add(*given)
        await erase(office, phone_number=number(0))

    monkeypatch.setattr(rows, "add", erased_at_once)
    assert (await office.sent(numbers(1)))["state"] == "draft"


async def test_refused_and_erased_at_once(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that are refused and rows that are erased in the same pass are all counted."""
    campaign = await office.sent(numbers(30))
    gateway = office.gateway
    accept, erased = gateway.acceptance.accept, iter(range(20, 24))

    async def refusing(request: Any, *given: Any, **options: Any) -> Any:
        if request.phone_number in {number(index) for index in range(4)}:
            await erase(office, phone_number=number(next(erased)))
            raise NumberNotDialableError
        return await accept(request, *given, **options)

    monkeypatch.setattr(gateway.acceptance, "accept", refusing)
    await gateway.campaigns.rounds.once()
    report = (await office.find(campaign))["report"]
    assert (report["callable"], report["refused"]) == (22, 8)


async def test_by_the_patient(office: Office) -> None:
    """Rows are found by the CRM's id of the patient, too; others' rows stay."""
    file = a_csv(f"{number(0)},p-1", f"{number(1)},p-2", header="phone_number,patient_id")
    await office.sent(file, {"start": False})
    assert await erase(office, patient_id="p-1") == 1
    assert await personal(office.gateway.database) == [2]


async def test_old_campaigns_are_emptied(database: Database, tmp_path: Path) -> None:
    """Some days after its end, a campaign's rows hold nothing of people; one that runs keeps its rows."""
    now = time.time()
    offset = 0.0
    async with (
        a_gateway(database, tmp_path, clock=lambda: now + offset) as gateway,
        an_office(gateway) as office,
    ):
        said = {"variables": {"a": "b"}, "metadata": {"a": "b"}, "concurrency": 2}
        over = await office.sent(a_csv("+1999", number(0)), said | {"start": False})
        await office.ask("POST", f"/campaigns/{over['campaign_id']}/cancel")
        await office.until_over(over)
        live = await office.sent(numbers(2), {"start": False})
        await office.ask("POST", f"/campaigns/{live['campaign_id']}/start")
        forgetting = Forgetting(database, retention_days=30, clock=lambda: now + offset)
        offset = 29 * DAY_S
        await forgetting.forget()
        assert len(await personal(database)) == 3
        offset = 31 * DAY_S
        await forgetting.forget()
        assert len(await personal(database)) == 2
        assert (await office.find(over))["report"]["rows"] == 2
        assert [row["phone_number"] for row in await office.result(over)] == ["", ""]
        kept = SETTINGS | {"concurrency": 2, "start": False}
        assert (await office.find(over))["settings"] == kept


async def test_what_is_read_anew_after_erasure_is_erased_again(database: Database, tmp_path: Path) -> None:
    """A key whose file failed long ago is free, and the rows of its new file go when they must."""
    async with a_gateway(database, tmp_path) as gateway, an_office(gateway) as office:
        assert (await office.send(a_csv(), key="k")).status_code == 422
        later = time.time() + 31 * DAY_S
        await Forgetting(database, retention_days=30, clock=lambda: later).forget()
        assert (await office.send(numbers(2), {"start": False}, key="k")).status_code == 201
        assert await erase(office, phone_number=number(0)) == 1
    assert await personal(database) == [2]


async def test_a_draft_that_nobody_wants_is_canceled(database: Database, tmp_path: Path) -> None:
    """Drafts and pauses that stood still for as long are canceled, so that their rows go, too."""
    now = time.time()
    offset = 0.0
    async with (
        a_gateway(database, tmp_path, clock=lambda: now + offset) as gateway,
        an_office(gateway) as office,
    ):
        draft = await office.sent(numbers(2), {"start": False})
        offset = 31 * DAY_S
        await Forgetting(database, retention_days=30, clock=lambda: now + offset).forget()
        assert (await office.until_over(draft))["state"] == "canceled"
        assert {"why": "retention"} in [entry["data"] for entry in await office.log(draft)]
