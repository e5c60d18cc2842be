"""Whatever is sent to the doors of the books, on either database, no answer is a fault of ours."""

import asyncio
import base64
import json
import time
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest
from yarl import URL

from frontdesk.calls.models import Fact, GatewayFact, NewCall, Source
from frontdesk.daily.room_names import room_name
from frontdesk.doors.signature import sign
from tests.databases import address
from tests.gateway.conftest import Configure, configure, far
from tests.gateway.gate import KEY, Gateway, serving
from tests.records.test_organizations_apart import own

__all__ = ["configure", "far"]
pytestmark = pytest.mark.timeout(600)

EVENTS_SECRET = "ZXZlbnRzLXNlY3JldC0wMTIzNDU2Nzg5"
HEADERS = {"Authorization": f"Bearer {KEY}"}
SERVER_ERROR = 500
NUMBERS = ["1e400", "-1e400", "1e308", "1e18", "253402300800", "-62135596801", "9" * 400, "-0", "1e-400"]
VALUES = [
    *(*NUMBERS, "NaN", "Infinity", "null", "true"),
    *('""', '"\\u0000"', '"\\ud800"', '"\\udc00\\ud800"', '"\\ufeff\\u202e\\u2028"'),
    '"' + "x" * 30_000 + '"',
    "[" * 150 + "]" * 150,
    "[" * 5000 + "]" * 5000,
    '{"a":' * 150 + "1" + "}" * 150,
    '{"":1,"":2}',
    '{"__proto__":1,"$[0]":2}',
    '"0001-01-01T00:00:00+14:00"',
    '"9999-12-31T23:59:59-14:00"',
]
TEXTS = [
    "",
    "\0",
    "a\0b",
    "%",
    "%00",
    "\ud800",
    "\U0010ffff",
    "'\"; --",
    "$.a",
    "x" * 5000,
    "9" * 400,
    "1e400",
]
TIMES = ["0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00", "-1e18", "253402300799", "1970-01-01"]


@dataclass
class Desk:
    """A gateway with a call that goes on; `wrong` are the requests that it answered with a fault of ours."""

    gateway: Gateway
    call_id: str
    wrong: list[tuple[str, str, int]] = field(default_factory=list)

    async def send(self, method: str, path: str, body: str = "", headers: Mapping[str, str] = HEADERS) -> int:
        """Send anything, to a path as it stands."""
        told = {"Content-Type": "application/json", **headers}
        content = body.encode(errors="surrogatepass") if body else None
        url = URL(self.gateway.url + path, encoded=True)
        async with self.gateway.http.request(method, url, data=content, headers=told) as answer:
            await answer.read()
        if answer.status >= SERVER_ERROR:
            self.wrong.append((path[:100], body[:200], answer.status))
        return answer.status

    async def report(self, kind: str, data: str, **changes: str) -> None:
        """Report over the link; the values are JSON as text."""
        head = {"id": f'"{uuid.uuid4().hex}"', "sequence": "1", "type": json.dumps(kind), "data": data}
        event = an_object(head | {"at": '"2026-03-02T14:05:07Z"'} | changes)
        token = self.gateway.app.state.link_tokens.issue(self.call_id, 1, 600)
        body = f'{{"session_id":"s","events":[{event}]}}'
        await self.send(
            "POST", f"/link/calls/{self.call_id}/events", body, {"Authorization": f"Bearer {token}"}
        )

    async def daily(self, body: str) -> int:
        """An event as Daily signs it."""
        stamp = str(int(time.time() * 1000))
        signature = sign(EVENTS_SECRET, stamp, body.encode(errors="surrogatepass"))
        signed = {"X-Webhook-Signature": signature, "X-Webhook-Timestamp": stamp}
        return await self.send("POST", "/daily-events", body, signed)

    async def pages(self) -> list[int]:
        """How the pages of the record are answered."""
        parts = ["", "/timeline", "/transcript", "/attempts"]
        paths = ["/calls", "/webhooks/deliveries", *(f"/calls/{self.call_id}{part}" for part in parts)]
        return [await self.send("GET", path) for path in paths]


@pytest.fixture(params=["sqlite", "postgresql"])
async def desk(request: pytest.FixtureRequest, configure: Configure, tmp_path: Path) -> AsyncIterator[Desk]:
    async with address(request.param, tmp_path) as url:
        settings = configure(database_url=url, daily_events_secret=EVENTS_SECRET)
        async with serving(settings) as gateway:
            yield Desk(gateway, await a_call(gateway))


async def a_call(gateway: Gateway) -> str:
    """A call in that goes on."""
    call = NewCall(
        id=uuid.uuid4().hex,
        direction="inbound",
        organization_id=own(),
        workflow="reception",
        created_at=time.time(),
    )
    begun = Fact(call.id, "o", Source.GATEWAY, GatewayFact.ATTEMPT_OPENED, call.created_at, 1, {"room": "r"})
    await gateway.app.state.link._books.open(call, begun)
    return call.id


def an_object(fields: Mapping[str, str]) -> str:
    """JSON of values that are JSON as text."""
    return "{" + ",".join(f'"{name}":{value}' for name, value in fields.items()) + "}"


def replaced(fields: dict[str, str], names: Iterable[str] = ()) -> Iterator[str]:
    """Objects, each with one field replaced by each odd value."""
    for name in names or fields:
        yield from (an_object(fields | {name: value}) for value in VALUES)


KINDS = {
    "turn": {
        "role": '"user"',
        "text": '"x"',
        "interrupted": "false",
        "latency_ms": '{"total":1}',
        "started_at": "1",
        "ended_at": "2",
    },
    "tool": {"name": '"find"', "arguments": "{}", "result": "1", "ok": "true", "duration_ms": "3"},
    "ended": {"reason": '"caller_hangup"', "detail": '"x"', "more": "1"},
    "dial_ended": {"dial": "1", "session_id": '"s"', "reason": '"busy"'},
    "something.new": {"code": "1", "kind": "1", "started_at": "1", "name": "1", "role": "1"},
}


async def test_reports(desk: Desk) -> None:
    """No report of a bot, however odd, is a 500, nor makes a page of the record one."""
    for kind, fields in KINDS.items():
        for data in replaced(fields):
            await desk.report(kind, data)
    for name in ("id", "sequence", "type", "at"):
        for value in VALUES:
            await desk.report("turn", '{"role":"user","text":"x"}', **{name: value})
    assert set(await desk.pages()) == {200}
    assert desk.wrong == []


async def test_events_of_daily(desk: Desk) -> None:
    """An event that Daily signed is acknowledged, however odd, and makes no page of the record a 500."""
    installation = desk.gateway.app.state.daily_events.inbox._installation.id
    payload = {
        "room": json.dumps(room_name(installation, desk.call_id, 1)),
        "timestamp": "1",
        "error_msg": '"x"',
        "session_id": '"s"',
        "joined_at": "1",
        "duration": "1",
        "owner": "true",
        "status": '"x"',
    }
    event = {"id": '"e-1"', "type": '"participant.joined"', "event_ts": "1", "payload": an_object(payload)}
    each = (event | {"id": f'"{uuid.uuid4()}"', "payload": told} for told in replaced(payload))
    bodies = [*VALUES, *replaced(event), *map(an_object, each)]
    assert {await desk.daily(body) for body in bodies} == {200}
    assert set(await desk.pages()) == {200}


async def test_calls_to_place_and_erasures(desk: Desk) -> None:
    """No call to place and no erasure, however odd, is a 500, nor makes a page of the record one."""
    call = {"dialout_settings": '{"phone_number":"+12025550123"}', "patient_id": '"p"', "workflow": "null"}
    call |= {
        "organization": "null",
        "limits": "{}",
        "patient_data": "{}",
        "variables": "{}",
        "metadata": "{}",
    }
    bodies = list(replaced(call))
    for name in ("variables", "metadata", "patient_data", "dialout_settings", "limits"):
        bodies += [an_object(call | {name: f'{{"x":{value}}}'}) for value in VALUES]
    for body in bodies:
        await desk.send("POST", "/dialout", body)
    for body in [*replaced({"patient_id": '"p"'}), *replaced({"phone_number": '"+1"'}), *VALUES]:
        await desk.send("POST", "/erasures", body)
    assert set(await desk.pages()) == {200}
    assert desk.wrong == []


async def test_lists_and_patients(desk: Desk) -> None:
    """No patient, no wish and no file of numbers, however odd, is a 500."""
    patient = {"phone_number": '"+12025550123"', "timezone": '"UTC"', "first_name": '"x"', "language": '"en"'}
    patient |= {"consent_at": '"2026-03-02T14:05:07Z"', "consent_source": '"x"'}
    for body in [*replaced(patient), *VALUES]:
        await desk.send("PUT", "/patients/p", body)
    for body in [*replaced({"reason": '"x"'}), *VALUES]:
        await desk.send("PUT", "/do-not-call/+12025550123", body)
    for text in [*TEXTS, *VALUES, "number\n+12025550123", '"number\n', "+12025550123,\0\ud800"]:
        for file in (text, f"number,reason\n+12025550124,{text}\n{text}\n"):
            await desk.send("POST", "/do-not-call/import", file, HEADERS | {"Content-Type": "text/csv"})
    assert await desk.send("GET", "/do-not-call") == 200
    assert await desk.send("GET", "/patients/p") == 200
    assert desk.wrong == []


FORM = "multipart/form-data; boundary=b"


def a_form(settings: str, file: str) -> str:
    """The body of an upload."""
    part = "--b\r\nContent-Disposition: form-data; name={}\r\n\r\n{}\r\n"
    return part.format('"settings"', settings) + part.format('"file"; filename="f"', file) + "--b--\r\n"


async def test_campaigns(desk: Desk) -> None:
    """No file and no settings of a campaign, however odd, are a 500."""
    settings = {"name": '"x"', "start": "false", "timezone": '"UTC"', "variables": "{}", "retry": "{}"}
    settings |= {"schedule": "{}", "concurrency": "1", "circuit_breaker": "{}", "caller_id": '"x"'}
    good = an_object({"name": '"x"', "start": "false", "timezone": '"UTC"'})
    row = {"phone_number": '"+12025550123"', "variables": "{}", "odd": "1", "consent_at": '"x"'}
    files = [*TEXTS, *VALUES, "\n".join(replaced(row)), '"phone_number', "phone_number\n\ud800\n"]
    files += [f"phone_number,odd\n+12025550123,{text}\n" for text in [*TEXTS, *VALUES]]
    forms = [a_form(body, "phone_number\n+12025550123\n") for body in [*replaced(settings), *VALUES]]
    forms += [a_form(good, file) for file in files]
    for form in forms:
        await desk.send("POST", "/campaigns", form, HEADERS | {"Content-Type": FORM})
    assert await desk.send("GET", "/campaigns?limit=200") == 200
    assert desk.wrong == []


QUERIES = {
    "/campaigns": ("limit", "cursor", "odd"),
    "/do-not-call": ("limit", "cursor", "organization", "odd"),
    "/patients/p": ("organization", "odd"),
    "/calls": (
        *("state", "direction", "from", "to", "patient_id", "ended_reason", "workflow", "limit", "cursor"),
        *("created_after", "created_before", "metadata.a", "metadata.$", "odd"),
    ),
    "/webhooks/deliveries": ("call_id", "state", "type", "endpoint", "limit", "cursor"),
    "/link/calls/a/context": ("wait_s",),
}
PATHS = [
    *(("GET", path) for path in ("/calls/{}", "/calls/{}/timeline", "/calls/{}/transcript")),
    *(("GET", path) for path in ("/erasures/{}", "/webhooks/deliveries/{}", "/link/calls/{}/context")),
    *(("DELETE", path) for path in ("/calls/{}", "/keys/{}")),
    *(("POST", f"/webhooks/{path}") for path in ("deliveries/{}/resend", "endpoints/{}/enable")),
    ("POST", "/webhooks/endpoints/{}/test"),
    *((method, f"/{what}/{{}}") for what in ("do-not-call", "patients") for method in ("GET", "DELETE")),
    ("PUT", "/do-not-call/{}"),
    *(("GET", f"/campaigns/{{}}{part}") for part in ("", "/problems", "/log", "/result.csv")),
    *(("POST", f"/campaigns/{{}}/{what}") for what in ("start", "pause", "resume", "cancel")),
]
IDS = ["%00", "%ff", "..%2f", "x" * 5000, "a" * 32, "dlv_" + "0" * 80, "ep_" + "0" * 16, "a" * 12]


def cursors() -> Iterator[str]:
    """Cursors that nobody made here."""
    odd = [f'[{number},"x"]' for number in [*NUMBERS, "NaN", "null"]]
    odd += ['[1,"\\u0000"]', '[1,"\\ud800"]', "[1]", '[1,"x","y"]', "[1,2,3]"]
    for text in [*VALUES, *odd]:
        yield quote(base64.urlsafe_b64encode(text.encode(errors="surrogatepass")[:250]).decode())


async def test_addresses(desk: Desk) -> None:
    """No parameter, no id and no key, however odd, is a 500."""
    texts = [quote(text, safe="", errors="surrogatepass") for text in TEXTS] + ["%ff%fe", *TIMES]
    for path, names in QUERIES.items():
        for name in names:
            for text in [*texts, *(cursors() if name == "cursor" else ())]:
                await desk.send("GET", f"{path}?{name}={text}")
    for method, path in PATHS:
        for text in IDS:
            await desk.send(method, path.format(text))
    for key in (
        "\xff",
        "x" * 9000,
        "fdk_" + "a" * 12 + "_" + "\xe9" * 43,
        "fdk_" + "0" * 12 + "_" + "x" * 43,
    ):
        assert await desk.send("GET", "/calls", headers={"X-API-Key": key}) == 401
    assert desk.wrong == []


async def test_nul_in_an_address(desk: Desk) -> None:
    """NUL in an address is a problem that says so: no database compares it."""
    reply = await desk.gateway.send("GET", "/calls?patient_id=%00", headers=HEADERS)
    assert (reply.status, reply.body["code"]) == (422, "invalid_parameter")
    assert "NUL" in reply.body["detail"]


async def test_a_time_that_cannot_be(desk: Desk) -> None:
    """What somebody said at an impossible time is kept without the time."""
    await desk.report("turn", '{"role":"user","text":"hello","started_at":1e18,"ended_at":-5}')
    path = f"/calls/{desk.call_id}/transcript"
    async with asyncio.timeout(60):  # a busy database gets it by way of the spool
        while not (entries := (await desk.gateway.send("GET", path, headers=HEADERS)).body.get("entries")):
            await asyncio.sleep(0.02)
    assert [(one["text"], one["started_at"], one["ended_at"]) for one in entries] == [("hello", None, None)]
