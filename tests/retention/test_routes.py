"""/erasures: what may be asked for, and what is told of it."""

from typing import Any

import pytest

from frontdesk.keys.models import Scope
from tests.records.office import OURS, THEIRS, Office


async def test_a_request_is_taken_done_and_told(office: Office) -> None:
    """A request is answered at once with its record, which tells later that it is done; it names nobody."""
    call_id = await office.call(patient_id="p-77", created_at=1e9)
    await office.turn(call_id)
    asked = await office.ask("/erasures", method="POST", json={"patient_id": "p-77"})
    assert (asked.status_code, asked.json()["done_at"], asked.json()["kind"]) == (202, None, "request")
    assert asked.json()["requested_by"] == office.keys[OURS].split("_")[1]
    await office.app.state.retention.sweep()
    listed = (await office.ask("/erasures")).json()["erasures"]
    one = (await office.ask(f"/erasures/{asked.json()['erasure_id']}")).json()
    assert listed == [one]
    assert (one["calls"], one["turns"], one["done_at"] is None) == (1, 1, False)
    assert "p-77" not in str(one)


async def test_records_are_an_organizations_own(office: Office) -> None:
    """Another organization sees neither the record nor that there is one."""
    asked = await office.ask("/erasures", method="POST", json={"phone_number": "+1 202-555-0123"})
    path = f"/erasures/{asked.json()['erasure_id']}"
    assert (await office.ask("/erasures", organization=THEIRS)).json() == {"erasures": []}
    for answer in (await office.ask(path, organization=THEIRS), await office.ask("/erasures/nothing")):
        assert (answer.status_code, answer.json()["code"]) == (404, "erasure_not_found")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"patient_id": "a", "phone_number": "+12025550123"}, "body"),
        ({"patient_id": ""}, "patient_id"),
        ({"patient_id": 7}, "patient_id"),
        ({"phone_number": "2025550123"}, "phone_number"),
        ({"phone_number": "+1202555012x"}, "phone_number"),
        ({"phone_number": "+\u0661\u0662\u0663"}, "phone_number"),
        ({"phone_number": "+"}, "phone_number"),
        ({"email": "a@b.example"}, "email"),
    ],
)
async def test_wrong_requests(office: Office, body: dict[str, Any], field: str) -> None:
    """What names no one person is refused by field, and nothing is recorded."""
    answer = await office.ask("/erasures", method="POST", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body")
    assert field in {error["field"] for error in answer.json()["errors"]}
    assert (await office.ask("/erasures")).json() == {"erasures": []}


async def test_it_needs_the_scope(office: Office) -> None:
    """Who may read and write calls may not erase them."""
    key = await office.key(scopes=frozenset({Scope.CALLS_READ, Scope.CALLS_WRITE}))
    body = {"patient_id": "a"}
    answer = await office.http.post("/erasures", json=body, headers={"X-API-Key": key})
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


async def test_this_machine_erases_everywhere(office: Office) -> None:
    """Without keys, a program on this machine erases a person's calls of all organizations."""
    mine = await office.call(patient_id="p-77", created_at=1e9)
    theirs = await office.call(patient_id="p-77", created_at=1e9, organization_id=THEIRS)
    asked = await office.http.post("/erasures", json={"patient_id": "p-77"})
    assert (asked.json()["requested_by"], asked.json()["organization_id"]) == ("local", None)
    await office.app.state.retention.sweep()
    for call_id in (mine, theirs):
        assert (await office.http.get(f"/calls/{call_id}/transcript")).status_code == 410
