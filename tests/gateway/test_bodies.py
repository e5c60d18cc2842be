"""Whatever is sent to a door, the answer is a problem that says what to fix, and never a 500."""

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frontdesk.doors import bodies
from frontdesk.engine.memory_queue import MemoryQueue
from frontdesk.tuning import Tuning
from server import create_app
from tests.gateway.conftest import Configure
from tests.gateway.far import Far
from tests.gateway.gate import KEY, Gateway, incoming, signed

NESTED = b'{"To":' + b"[" * 5000 + b"]" * 5000 + b"}"
BROKEN = [
    (b"", 400, "invalid_json"),
    (b"{", 400, "invalid_json"),
    (b"null", 400, "invalid_json"),
    (b"[]", 400, "invalid_json"),
    (b'["test"]', 400, "invalid_json"),
    (b'"text"', 400, "invalid_json"),
    (b"7", 400, "invalid_json"),
    (b'{"To":NaN}', 400, "invalid_json"),
    (b'{"To":Infinity}', 400, "invalid_json"),
    (b'{"To":"\xff\xfe"}', 400, "invalid_json"),
    (b'{"To":"\\ud800"}', 400, "invalid_json"),
    (b'{"To":"\\u0000"}', 400, "invalid_json"),
    (b'{"To":"\x00"}', 400, "invalid_json"),
    (b"\x00", 400, "invalid_json"),
    (b"To=%2B14155550100", 400, "invalid_json"),
    (NESTED, 400, "invalid_json"),
    (b"{}", 422, "invalid_body"),
    (b'{"a":' + b"9" * 400 + b"}", 422, "invalid_body"),
    (b"{" + b" " * 70_000 + b"}", 413, "body_too_large"),
]
WRONG_FIELDS: list[tuple[str, object]] = [
    ("callId", ...),
    ("callId", None),
    ("callId", ""),
    ("callId", 7),
    ("callId", ["x"]),
    ("callId", "x" * 201),
    ("callId", "a b"),
    ("callDomain", ...),
    ("callDomain", {}),
    ("To", ...),
    ("To", None),
    ("To", ""),
    ("To", 14155550100),
    ("From", 12025550123),
    ("From", ["+12025550123"]),
    ("From", "x" * 400),
    ("sipHeaders", []),
    ("sipHeaders", "X-Ref: 7"),
    ("sipHeaders", {"X-Ref": 7}),
    ("sipHeaders", {"X-Ref": None}),
    ("sipHeaders", {"X-Ref": {}}),
    ("sipHeaders", {str(n): "" for n in range(101)}),
]


@pytest.mark.parametrize(("body", "status", "code"), BROKEN)
async def test_a_broken_webhook(gateway: Gateway, far: Far, body: bytes, status: int, code: str) -> None:
    """A signed webhook that is no usable JSON object is a 4xx with its code, and starts nothing."""
    reply = await gateway.ring(body)
    assert (reply.status, reply.body["code"]) == (status, code)
    assert reply.headers["content-type"] == "application/problem+json"
    assert far.seen == []


@pytest.mark.parametrize(("field", "value"), WRONG_FIELDS)
async def test_a_wrong_field(gateway: Gateway, far: Far, field: str, value: object) -> None:
    """A missing or wrong field is named in the answer, its value is not, and nothing is started."""
    reply = await gateway.ring(incoming(**{field: value}))
    assert (reply.status, reply.body["code"]) == (422, "invalid_body")
    assert {error["field"].split(".")[0] for error in reply.body["errors"]} == {field}
    assert "2025550123" not in json.dumps(reply.body)
    assert far.seen == []


async def test_a_chunked_flood(gateway: Gateway, far: Far) -> None:
    """A body without Content-Length is read no further than the limit."""
    sent = 0

    async def flood() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(20_000):
            sent += 1000
            yield b"x" * 1000

    try:
        reply = await gateway.send("POST", "/daily-dialin-webhook", data=flood())
    except aiohttp.ClientError:
        return  # the gateway hung up, which a sender that is still sending may see first
    assert (reply.status, reply.body["code"]) == (413, "body_too_large")
    assert reply.body["limit_bytes"] == 65536
    assert sent < 20_000_000


@pytest.mark.parametrize("path", ["/daily-dialin-webhook", "/dialout"])
@pytest.mark.parametrize("sent", [b"", b"{", b"{ {"])
async def test_a_stalled_body(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, path: str, sent: bytes
) -> None:
    """A body that stops arriving is a 408 problem that may be tried again, on a connection that is closed."""
    monkeypatch.setattr(bodies, "BODY_WITHIN_S", 0.2)
    stopped = asyncio.Event()

    async def stall() -> AsyncIterator[bytes]:
        yield sent
        await stopped.wait()

    headers = {"X-API-Key": KEY, "Content-Type": "application/json", "Content-Length": "100"}
    async with asyncio.timeout(60):
        reply = await gateway.send("POST", path, data=stall(), headers=headers)
    stopped.set()
    assert (reply.status, reply.body["code"], reply.body["retryable"]) == (408, "body_timeout", True)
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.headers["connection"] == "close"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
webhooks = st.fixed_dictionaries(
    {},
    optional={
        "To": json_values | st.just("+14155550100"),
        "From": json_values,
        "callId": json_values | st.uuids().map(str),
        "callDomain": json_values | st.uuids().map(str),
        "sipHeaders": json_values,
        "Test": json_values,
    },
)
dialouts = st.fixed_dictionaries(
    {},
    optional={
        "dialout_settings": json_values
        | st.fixed_dictionaries(
            {"phone_number": json_values | st.just("+12025550123")}, optional={"caller_id": json_values}
        ),
        "organization": json_values,
        "workflow": json_values,
        "limits": json_values,
        "voicemail": json_values,
        "variables": json_values,
        "metadata": json_values,
        "patient_data": json_values,
    },
)


@pytest.fixture
async def door(configure: Configure) -> AsyncIterator[httpx.AsyncClient]:
    """The app without a socket between: hypothesis sends much."""
    app = create_app(configure(), tuning=Tuning(queue=MemoryQueue))
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://gateway") as client,
    ):
        yield client


many = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@many
@given(body=webhooks.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=300))
async def test_no_webhook_is_our_fault(door: httpx.AsyncClient, body: bytes) -> None:
    """Any body at the dial-in door is answered with 200 or a 4xx problem with a code."""
    answer = await door.post("/daily-dialin-webhook", content=body, headers=signed(body))
    assert answer.status_code == 200 or 400 <= answer.status_code < 500
    if answer.status_code != 200:
        assert answer.json()["code"]


@many
@given(body=dialouts.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=300))
async def test_no_dial_out_is_our_fault(door: httpx.AsyncClient, body: bytes) -> None:
    """Any body at the dial-out door is answered with 201 or a 4xx problem with a code."""
    headers = {"X-API-Key": KEY, "Content-Type": "application/json"}
    answer = await door.post("/dialout", content=body, headers=headers)
    assert answer.status_code == 201 or 400 <= answer.status_code < 500
    if answer.status_code != 201:
        assert answer.json()["code"]


async def test_an_unforeseen_fault_is_told_without_its_cause(gateway: Gateway, far: Far) -> None:
    """What nobody foresaw is a 500 problem with a request id, and without a word of the cause."""

    async def explode(*_: object) -> None:
        raise RuntimeError("number +12025550123")

    gateway.app.state.dialin.receive = explode
    reply = await gateway.ring(incoming())
    assert (reply.status, reply.body["code"]) == (500, "internal_error")
    assert reply.body["request_id"] == reply.headers["x-request-id"]
    assert "202555" not in str(reply.body)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/dialout", 405, "method_not_allowed"),
        ("DELETE", "/daily-dialin-webhook", 405, "method_not_allowed"),
        ("POST", "/daily-dialin-webhook/only-one", 404, "not_found"),
    ],
)
async def test_the_frameworks_errors(
    gateway: Gateway, method: str, path: str, status: int, code: str
) -> None:
    """Unknown paths and methods are told as problems with codes of ours."""
    reply = await gateway.send(method, path)
    assert (reply.status, reply.body["code"]) == (status, code)
    assert reply.headers["content-type"] == "application/problem+json"
    if status == 405:
        assert reply.headers["allow"] == "POST"


async def test_request_ids(gateway: Gateway) -> None:
    """Each answer has a request id: the sender's own when it is sane, else a new one."""
    own = await gateway.send("GET", "/healthz", headers={"X-Request-Id": "trace-12345678"})
    assert own.headers["x-request-id"] == "trace-12345678"
    odd = await gateway.send("GET", "/healthz", headers={"X-Request-Id": "a b;<script>"})
    assert len(odd.headers["x-request-id"]) == 32
