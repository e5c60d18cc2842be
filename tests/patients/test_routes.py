"""Patients over HTTP, and what erasure leaves of them."""

from pathlib import Path
from typing import Any

import pytest

from frontdesk.keys.models import Scope
from frontdesk.patients.erasing import erase_person
from frontdesk.patients.store import Patients
from tests.gate.desk import OUR_ID, THEIR_ID, Desk

PATH = "/patients/p-7"
NUMBER = "+12025550123"
FULL: dict[str, Any] = {
    "phone_number": "+1 202-555-0123",
    "timezone": "America/New_York",
    "first_name": "Ada",
    "language": "en-US",
    "consent_at": "2026-03-02T14:05:07-05:00",
    "consent_source": "form 12",
}


async def test_a_patient_is_kept_shown_and_forgotten(desk: Desk) -> None:
    """PUT keeps what the CRM says, GET shows it, DELETE forgets it."""
    made = await desk.ask("PUT", PATH, json=FULL)
    kept = made.json()
    assert made.status_code == 200
    assert {name: kept[name] for name in FULL} == FULL | {
        "phone_number": NUMBER,
        "consent_at": "2026-03-02T19:05:07.000Z",
    }
    assert (await desk.ask("GET", PATH)).json() == kept
    assert (await desk.ask("DELETE", PATH)).status_code == 204
    for method in ("GET", "DELETE"):
        answer = await desk.ask(method, PATH)
        assert (answer.status_code, answer.json()["code"]) == (404, "patient_not_found")


async def test_put_replaces_the_whole(desk: Desk) -> None:
    """What a later PUT leaves out is forgotten, also a consent; since when the patient is known stays."""
    first = (await desk.ask("PUT", PATH, json=FULL)).json()
    second = (await desk.ask("PUT", PATH, json={"phone_number": NUMBER})).json()
    assert (second["timezone"], second["consent_at"], second["first_name"]) == (None, None, None)
    assert second["created_at"] == first["created_at"] <= second["updated_at"]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"phone_number": None}, "phone_number"),
    ({"timezone": "Eastern"}, "timezone"),
    ({"timezone": "localtime"}, "timezone"),
    ({"timezone": ""}, "timezone"),
    ({"first_name": "x" * 101}, "first_name"),
    ({"language": "english please"}, "language"),
    ({"consent_at": "2026-03-02T14:05:07"}, "consent_at"),
    ({"consent_at": "2999-03-02T14:05:07Z"}, "consent_at"),
    ({"consent_at": "0001-01-01T00:00:00+14:00"}, "consent_at"),
    ({"consent_at": 1_700_000_000}, "consent_at"),
    ({"consent_at": True}, "consent_at"),
    ({"consent_source": "x" * 201}, "consent_source"),
    ({"last_name": "Lovelace"}, "last_name"),
]


async def test_wrong_patients(desk: Desk) -> None:
    """What cannot be used is told by field, and nothing is kept."""
    for changes, field in WRONG:
        answer = await desk.ask("PUT", PATH, json=FULL | changes)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body")
        assert {error["field"] for error in answer.json()["errors"]} == {field}
        assert (await desk.ask("GET", PATH)).status_code == 404


async def test_a_number_that_is_never_dialed(desk: Desk) -> None:
    """A patient has a number that may be dialed."""
    answer = await desk.ask("PUT", PATH, json=FULL | {"phone_number": "+1911"})
    assert (answer.status_code, answer.json()["code"]) == (422, "number_not_dialable")


async def test_patients_are_apart(desk: Desk) -> None:
    """The patients of an organization do not exist for another one's key; the same id is another patient."""
    await desk.ask("PUT", PATH, json=FULL)
    assert (await desk.ask("GET", PATH, organization=THEIR_ID)).status_code == 404
    assert (await desk.ask("DELETE", PATH, organization=THEIR_ID)).status_code == 404
    await desk.ask("PUT", PATH, json={"phone_number": "+12025550199"}, organization=THEIR_ID)
    assert (await desk.ask("GET", PATH)).json()["phone_number"] == NUMBER


async def test_scopes(desk: Desk) -> None:
    """To read patients and to keep them are two scopes; who may place calls may do neither."""
    reader = await desk.key(scopes=frozenset({Scope.PATIENTS_READ}))
    dialer = await desk.key(scopes=frozenset({Scope.CALLS_READ, Scope.CALLS_WRITE}))
    for key, allowed in ((reader, {"GET"}), (dialer, set[str]())):
        for method in ("GET", "PUT", "DELETE"):
            answer = await desk.http.request(method, PATH, headers={"X-API-Key": key})
            assert (answer.status_code == 403) is (method not in allowed)


async def test_odd_ids(desk: Desk) -> None:
    """An id may be any text of 1 to 200 characters without a slash."""
    for written in ("%C3%A9%20%2B%3F%23", "x" * 200, "..."):
        assert (await desk.ask("PUT", f"/patients/{written}", json=FULL)).status_code == 200
        assert (await desk.ask("GET", f"/patients/{written}")).status_code == 200
    assert (await desk.ask("GET", f"/patients/{'x' * 201}")).json()["code"] == "invalid_parameter"


async def test_who_shares_a_number(desk: Desk) -> None:
    """All patients with a number are found by it, those of the organization alone."""
    for path in (PATH, "/patients/p-8"):
        await desk.ask("PUT", path, json=FULL)
    await desk.ask("PUT", "/patients/p-9", json=FULL | {"phone_number": "+12025550199"})
    await desk.ask("PUT", PATH, json=FULL, organization=THEIR_ID)
    found = await Patients(desk.database).at(OUR_ID, NUMBER)
    assert [one.id for one in found] == ["p-7", "p-8"]
    assert NUMBER not in repr(found)
    assert "Ada" not in repr(found)


@pytest.mark.parametrize("who", [{"patient_id": "p-7"}, {"phone_number": NUMBER}])
async def test_a_person_is_erased(desk: Desk, who: dict[str, str]) -> None:
    """Erasure forgets the patient and what was written about the wish; that nobody calls the number stays."""
    for organization in (OUR_ID, THEIR_ID):
        await desk.ask("PUT", PATH, json=FULL, organization=organization)
        await desk.ask("PUT", f"/do-not-call/{NUMBER}", json={"reason": "moved"}, organization=organization)
    await desk.ask("PUT", "/patients/p-8", json=FULL | {"phone_number": "+12025550199"})
    async with desk.database.writer() as connection:
        assert await erase_person(connection, OUR_ID, **who) == 1
    assert (await desk.ask("GET", PATH)).status_code == 404
    assert (await desk.ask("GET", "/patients/p-8")).status_code == 200
    assert (await desk.ask("GET", f"/do-not-call/{NUMBER}")).json()["reason"] is None
    assert (await desk.ask("GET", PATH, organization=THEIR_ID)).status_code == 200
    wish = await desk.ask("GET", f"/do-not-call/{NUMBER}", organization=THEIR_ID)
    assert wish.json()["reason"] == "moved"
    async with desk.database.writer() as connection:
        assert await erase_person(connection, None, **who) == 1
    assert (await desk.ask("GET", PATH, organization=THEIR_ID)).status_code == 404


@pytest.mark.parametrize("who", [{"patient_id": "p-7"}, {"phone_number": NUMBER}])
async def test_an_erasure_forgets_the_patient(desk: Desk, who: dict[str, str]) -> None:
    """`POST /erasures` forgets the patient of the organization that asks, before it answers."""
    for organization in (OUR_ID, THEIR_ID):
        await desk.ask("PUT", PATH, json=FULL, organization=organization)
    assert (await desk.ask("POST", "/erasures", json=who)).status_code == 202
    assert (await desk.ask("GET", PATH)).status_code == 404
    assert (await desk.ask("GET", PATH, organization=THEIR_ID)).status_code == 200


async def test_the_bytes_of_a_patient_are_gone(desk: Desk, tmp_path: Path) -> None:
    """After an erasure no file of SQLite holds the patient, also when there never was a call."""
    if desk.database.is_postgres:
        pytest.skip("PostgreSQL keeps dead rows until VACUUM")
    await desk.ask("PUT", PATH, json=FULL | {"first_name": "Lovelace"})
    await desk.app.state.retention.sweep()
    assert b"Lovelace" in on_disk(tmp_path)
    await desk.ask("POST", "/erasures", json={"patient_id": "p-7"})
    await desk.app.state.retention.sweep()
    assert b"Lovelace" not in on_disk(tmp_path)


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("frontdesk.db*"))
