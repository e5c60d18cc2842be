"""The do-not-call list over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from frontdesk.gate import routes
from frontdesk.keys.models import Scope
from tests.gate.clinic import NUMBER
from tests.gate.desk import OUR_ID, THEIR_ID, Desk

PATH = "/do-not-call/+12025550123"
CSV = {"Content-Type": "text/csv; charset=utf-8"}


@pytest.mark.parametrize(
    "path", [PATH, "/do-not-call/%2B12025550123", "/do-not-call/%2B1%20(202)%20555-0123"]
)
async def test_a_number_comes_and_goes(desk: Desk, path: str) -> None:
    """PUT lists a number, GET shows it, DELETE takes it off; the plus may be encoded or not."""
    assert (await desk.ask("GET", path)).json()["code"] == "number_not_listed"
    made = await desk.ask("PUT", path, json={"reason": "by letter"})
    assert (made.status_code, made.json()["number"], made.json()["source"]) == (200, NUMBER, "api")
    shown = await desk.ask("GET", path)
    assert (shown.status_code, shown.json()) == (200, made.json())
    assert (shown.json()["reason"], shown.json()["call_id"]) == ("by letter", None)
    assert (await desk.ask("DELETE", path)).status_code == 204
    assert [(await desk.ask(method, path)).status_code for method in ("GET", "DELETE")] == [404, 404]


async def test_put_is_safe_to_repeat(desk: Desk) -> None:
    """A number that is listed twice is listed once, as it was; the body may be left out."""
    first = await desk.ask("PUT", PATH)
    again = await desk.ask("PUT", PATH)
    assert (first.status_code, again.json()) == (200, first.json())
    assert len((await desk.ask("GET", "/do-not-call")).json()["numbers"]) == 1


NO_NUMBERS = ["911", "%2B1911", "2025550123", "%2B12", "nothing", "%2B1900555012345", "+1%3B202", "x" * 70]


async def test_what_is_no_number(desk: Desk) -> None:
    """A number that is never dialed anyway is refused as a problem, by every method."""
    for method in ("GET", "PUT", "DELETE"):
        for number in NO_NUMBERS:
            answer = await desk.ask(method, f"/do-not-call/{number}")
            assert answer.status_code == 422, number
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["code"] in {"number_not_dialable", "invalid_parameter"}


WRONG_BODIES: list[tuple[dict[str, Any], int, str]] = [
    ({"json": {"reasons": "x"}}, 422, "invalid_body"),
    ({"json": {"reason": "x" * 501}}, 422, "invalid_body"),
    ({"json": ["x"]}, 400, "invalid_json"),
    ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, "invalid_json"),
    ({"content": b'{"reason": "x"}'}, 415, "unsupported_media_type"),
    ({"json": {"reason": "x" * 20_000}}, 413, "body_too_large"),
]


async def test_wrong_bodies(desk: Desk) -> None:
    """A body that cannot be used is a problem that says so, and nothing is listed."""
    for body, status, code in WRONG_BODIES:
        answer = await desk.ask("PUT", PATH, **body)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert (await desk.ask("GET", PATH)).status_code == 404


async def test_pages(desk: Desk) -> None:
    """The list comes in pages, in the order of the numbers, each number once."""
    numbers = [f"+1202555{n:04}" for n in range(100, 107)]
    for number in reversed(numbers):
        await desk.ask("PUT", f"/do-not-call/{number}")
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 3}
    while True:
        page = (await desk.ask("GET", "/do-not-call", params=query)).json()
        seen += [one["number"] for one in page["numbers"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == numbers
    whole = (await desk.ask("GET", "/do-not-call", params={"limit": 7})).json()
    assert (len(whole["numbers"]), whole["next_cursor"]) == (7, None)


WRONG_QUESTIONS = {
    "cursor=x": "invalid_cursor",
    "cursor=KzE%3D": "invalid_cursor",
    "cursor=%C3%A9": "invalid_cursor",
    "limit=0": "invalid_parameter",
    "limit=many": "invalid_parameter",
    "number=7": "invalid_parameter",
}


async def test_wrong_questions(desk: Desk) -> None:
    """A cursor that is none of ours and parameters that do not exist are problems."""
    for query, code in WRONG_QUESTIONS.items():
        answer = await desk.ask("GET", f"/do-not-call?{query}")
        assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_lists_are_apart(desk: Desk) -> None:
    """The list of an organization does not exist for another one's key."""
    await desk.ask("PUT", PATH)
    assert (await desk.ask("GET", PATH, organization=THEIR_ID)).status_code == 404
    assert (await desk.ask("DELETE", PATH, organization=THEIR_ID)).status_code == 404
    assert (await desk.ask("GET", "/do-not-call", organization=THEIR_ID)).json()["numbers"] == []
    named = await desk.ask("GET", f"{PATH}?organization=bright-smile", organization=THEIR_ID)
    assert (named.status_code, named.json()["code"]) == (404, "unknown_organization")
    assert (await desk.ask("GET", PATH)).status_code == 200


async def test_this_machine_works_for_all(desk: Desk) -> None:
    """Without keys, a program on this machine works on the default organization's list, or on a named one."""
    assert (await desk.http.put(PATH)).status_code == 200
    assert (await desk.http.put("/do-not-call/+12025550124?organization=other")).status_code == 200
    ours = (await desk.http.get("/do-not-call")).json()["numbers"]
    theirs = (await desk.http.get("/do-not-call?organization=other")).json()["numbers"]
    assert [one["number"] for one in (*ours, *theirs)] == [NUMBER, "+12025550124"]
    assert (await desk.http.get("/do-not-call?organization=nobody")).status_code == 404


async def test_scopes(desk: Desk) -> None:
    """To read the list and to change it are two scopes; who may place calls may do neither."""
    reader = await desk.key(scopes=frozenset({Scope.DO_NOT_CALL_READ}))
    dialer = await desk.key(scopes=frozenset({Scope.CALLS_READ, Scope.CALLS_WRITE}))
    asked = [
        ("GET", PATH),
        ("GET", "/do-not-call"),
        ("PUT", PATH),
        ("DELETE", PATH),
        ("POST", "/do-not-call/import"),
    ]
    for key, allowed in ((reader, 2), (dialer, 0)):
        answers = [await desk.http.request(*one, headers={"X-API-Key": key}) for one in asked]
        assert [answer.status_code != 403 for answer in answers] == [n < allowed for n in range(5)]


async def test_a_file_is_imported(desk: Desk) -> None:
    """A CSV file is listed row by row, with a report; to send it again changes nothing."""
    content = f"number,reason\n{NUMBER},by letter\n12,\n"
    first = await desk.ask("POST", "/do-not-call/import", content=content, headers=CSV)
    again = await desk.ask("POST", "/do-not-call/import", content=content, headers=CSV)
    assert first.status_code == 200
    report = first.json()
    assert {name: report[name] for name in ("rows", "added", "already_listed", "wrong")} == {
        "rows": 2,
        "added": 1,
        "already_listed": 0,
        "wrong": 1,
    }
    assert [(one["line"], one["code"]) for one in report["problems"]] == [(3, "number_not_dialable")]
    assert (again.json()["added"], again.json()["already_listed"]) == (0, 1)
    assert (await desk.ask("GET", PATH)).json()["source"] == "import"


async def test_files_that_are_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that is not declared as CSV, is too large, is none, or stops arriving is a problem."""
    send = ("POST", "/do-not-call/import")
    as_form = {"Content-Type": "text/plain"}
    assert (await desk.ask(*send, content=NUMBER, headers=as_form)).json()["code"] == "unsupported_media_type"
    assert (await desk.ask(*send, content="a,b\n1,2\n", headers=CSV)).json()["code"] == "invalid_body"
    with monkeypatch.context() as patched:
        patched.setattr(routes, "BODY_WITHIN_S", 0.05)
        slow = await desk.ask(*send, content=stalling(f"{NUMBER}\n"), headers=CSV)
    assert (slow.status_code, slow.json()["code"]) == (408, "body_timeout")
    with monkeypatch.context() as patched:
        patched.setattr(routes, "BODY_WITHIN_S", 60)
        patched.setattr(routes, "FILE_WITHIN_S", 0.2)
        slow = await desk.ask(*send, content=trickling(f"{NUMBER}\n"), headers=CSV)
    assert (slow.status_code, slow.json()["code"]) == (408, "body_timeout")
    monkeypatch.setattr(routes, "FILE_BYTES", 10)
    large = await desk.ask(*send, content=f"{NUMBER}\n", headers=CSV)
    assert (large.status_code, large.json()["limit_bytes"]) == (413, 10)


async def trickling(text: str) -> AsyncIterator[bytes]:
    while True:
        yield text.encode()
        await asyncio.sleep(0.01)


async def stalling(text: str) -> AsyncIterator[bytes]:
    yield text.encode()
    await asyncio.Event().wait()


async def test_our_own_key_names_its_organization(desk: Desk) -> None:
    """A key may name its own organization."""
    answer = await desk.ask("PUT", f"{PATH}?organization=bright-smile", organization=OUR_ID)
    assert answer.status_code == 200
