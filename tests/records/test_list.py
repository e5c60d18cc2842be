"""GET /calls: what is listed, in which order, page by page."""

import base64
import json
from typing import Any

import pytest

from tests.records.office import LIVE, NOW, Office


async def pages(office: Office, query: str) -> list[list[str]]:
    """The ids of all pages."""
    found, cursor = [], ""
    while True:
        body = (await office.ask(f"/calls?{query}{cursor}")).json()
        found.append([call["call_id"] for call in body["calls"]])
        if body["next_cursor"] is None:
            return found
        cursor = f"&cursor={body['next_cursor']}"


async def listed(office: Office, query: str) -> set[str]:
    """The ids of the first page."""
    answer = await office.ask(f"/calls?{query}")
    assert answer.status_code == 200, answer.text
    return {call["call_id"] for call in answer.json()["calls"]}


async def test_newest_first_page_by_page(office: Office) -> None:
    """The pages hold every call once, newest first, also those of the same moment."""
    made = [await office.call(id=f"{n:032x}", created_at=NOW + n // 2) for n in range(7)]
    found = await pages(office, "limit=3")
    assert [len(page) for page in found] == [3, 3, 1]
    assert [call_id for page in found for call_id in page] == list(reversed(made))


async def test_pages_stay_while_calls_arrive(office: Office) -> None:
    """A call that arrives between two pages moves nothing: no call is shown twice or skipped."""
    made = [await office.call(created_at=NOW + n) for n in range(4)]
    first = (await office.ask("/calls?limit=2")).json()
    await office.call(created_at=NOW + 100)
    second = (await office.ask(f"/calls?limit=2&cursor={first['next_cursor']}")).json()
    shown = [call["call_id"] for call in first["calls"] + second["calls"]]
    assert shown == list(reversed(made))
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("state=ended", {}),
        ("state=open", LIVE),
        ("state=live", LIVE),
        ("state=scheduled", LIVE | {"state": "scheduled"}),
        ("state=in_progress&state=ringing", LIVE),
        ("direction=outbound", {"direction": "outbound"}),
        ("from=%2B12025550199", {"from_number": "+12025550199"}),
        ("from=+12025550199", {"from_number": "+12025550199"}),
        ("to=%2B12025550199", {"to_number": "+12025550199"}),
        ("patient_id=p-1", {"patient_id": "p-1"}),
        ("ended_reason=busy&ended_reason=no_answer", {"ended_reason": "busy"}),
        ("workflow=recall", {"workflow": "recall"}),
        ("external_id=crm-7", {"external_id": "crm-7"}),
        (f"external_id={'x' * 255}", {"external_id": "x" * 255}),
        ("campaign_id=spring", {"campaign_id": "spring"}),
        ("created_after=2027-01-15T08:00:01Z", {"created_at": NOW + 1}),
        ("created_before=2027-01-15T08:00:00Z", {"created_at": NOW - 0.001}),
        ("metadata.campaign=spring", {"metadata": {"campaign": "spring"}}),
        ("metadata.ref=42", {"metadata": {"ref": 42}}),
        ("metadata.a-b_C=x&workflow=w", {"metadata": {"a-b_C": "x"}, "workflow": "w"}),
    ],
)
async def test_filters(office: Office, query: str, columns: dict[str, Any]) -> None:
    """Each filter finds what it names and nothing else."""
    other = {} if columns is LIVE else LIVE
    await office.call(**{"metadata": {"campaign": "fall", "ref": [42], "a-b_C": None}, **other})
    wanted = await office.call(**columns)
    assert await listed(office, query) == {wanted}


async def test_calls_that_wait_are_open_and_not_live(office: Office) -> None:
    """A call that waits has not ended, and is not shown among those that go on."""
    waits = {await office.call(**LIVE | {"state": state}) for state in ("scheduled", "queued", "rescheduled")}
    goes_on = await office.call(**LIVE)
    assert await listed(office, "state=open") == waits | {goes_on}
    assert await listed(office, "state=live") == {goes_on}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("state=done", "state.0"),
        ("direction=up", "direction"),
        ("ended_reason=bored", "ended_reason.0"),
        ("created_after=yesterday", "created_after"),
        ("created_after=2027-01-15T08:00:00", "created_after"),
        ("sort=asc", "query"),
        ("from_number=%2B1", "query"),
        ("metadata.=x", "query"),
        ('metadata.a"b=x', "query"),
        ("metadata.a=x&metadata.a=y", "query"),
        ("&".join(f"metadata.k{n}=x" for n in range(6)), "query"),
    ],
)
async def test_unknown_and_wrong_parameters(office: Office, query: str, field: str) -> None:
    """A parameter that is unknown or wrong is told by its name, and nothing is listed."""
    answer = await office.ask(f"/calls?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameter")
    assert answer.json()["errors"][0]["field"].startswith(field)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_tampered_cursors(office: Office) -> None:
    """A cursor that was changed, made up, or taken to another list is refused."""
    for n in range(3):
        await office.call(created_at=NOW + n)
    cursor = (await office.ask("/calls?limit=1")).json()["next_cursor"]
    at, call_id, seal = json.loads(base64.urlsafe_b64decode(cursor))
    forged = [[at + 1, call_id, seal], [at, "0" * 32, seal], [at, call_id], [at, call_id, None], {}, [1e999]]
    wrong = [base64.urlsafe_b64encode(json.dumps(content).encode()).decode() for content in forged]
    for tampered in [*wrong, cursor[:-2], cursor + "x", "x", "\u00e9"]:
        answer = await office.ask(f"/calls?limit=1&cursor={tampered}")
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor"), tampered
    other = await office.ask(f"/calls?workflow=recall&cursor={cursor}")
    assert other.json()["code"] == "invalid_cursor"
    assert (await office.ask(f"/calls?limit=2&cursor={cursor}")).status_code == 200


async def test_a_listed_call(office: Office) -> None:
    """A call in the list says who, when, how it ended and the headline figure, with times in RFC 3339."""
    call_id = await office.call(metadata={"ref": 1}, patient_id="p-1")
    assert (await office.ask("/calls")).json()["calls"] == [
        {
            "call_id": call_id,
            "organization_id": "00000000-0000-0000-0000-000000000001",
            "organization": "ours",
            "direction": "inbound",
            "workflow": "reception",
            "state": "ended",
            "canceling": False,
            "from": "+12025550123",
            "to": "+14155550100",
            "patient_id": "p-1",
            "external_id": None,
            "campaign_id": None,
            "caller_id": None,
            "metadata": {"ref": 1},
            "created_at": "2027-01-15T08:00:00.000Z",
            "answered_at": "2027-01-15T08:00:02.000Z",
            "first_word_at": "2027-01-15T08:00:02.450Z",
            "ended_at": "2027-01-15T08:01:00.000Z",
            "answered_to_first_word_ms": 450,
            "ended_reason": "caller_hangup",
            "ended_by": "caller",
            "retryable": False,
            "attempt": 1,
            "next_attempt_at": None,
            "waiting_for": None,
            "erased_at": None,
        }
    ]
