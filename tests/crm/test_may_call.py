"""The CRM is asked right before a dial: exactly one answer is a yes, and everything else is none."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic_core import to_json
from standardwebhooks import Webhook

from frontdesk.calls.models import NewCall
from frontdesk.crm.endpoints import Caller, Endpoints
from frontdesk.crm.may_call import MayCall, Said, understood
from frontdesk.crm.sender import Sender
from frontdesk.crm.signing import Signer
from tests.crm.receiver import ENDLESS, HANG, RESET, Receiver, answer
from tests.crm.world import ORGANIZATION, SECRET

CALL = NewCall(
    id="0" * 31 + "7",
    direction="outbound",
    organization_id=ORGANIZATION,
    workflow="outreach",
    created_at=1.0,
    to_number="+12025550123",
    patient_id="p-7",
    external_id="e-7",
    campaign_id="c-7",
    metadata={"visit": 7},
    variables={"first_name": "Ada"},
)
YES = b'{"eligible": true}'


def saying(content: bytes, status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


class Clock:
    """Monotonic seconds that stand still."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


@asynccontextmanager
async def asking(
    receiver: Receiver, *, private: bool = True, now: Clock | None = None, within_s: float = 60
) -> AsyncIterator[MayCall]:
    caller = Caller(receiver.url, Signer([SECRET]), allow_private=private)
    endpoints = Endpoints(may_call={ORGANIZATION: caller})
    async with Sender(60) as sessions:
        yield MayCall(endpoints, sessions, deadline_s=within_s, now=now or Clock())


async def test_a_clear_yes(receiver: Receiver) -> None:
    """The question is signed and names the call; `{"eligible": true}` is a yes."""
    receiver.script = [saying(YES)]
    async with asking(receiver) as crm:
        assert await crm.ask(CALL) == Said(yes=True)
    got = receiver.got[0]
    told = Webhook(SECRET).verify(got.raw.decode(), got.headers)
    assert told == {
        "call_id": CALL.id,
        "to": "+12025550123",
        "patient_id": "p-7",
        "workflow": "outreach",
        "external_id": "e-7",
        "campaign_id": "c-7",
        "metadata": {"visit": 7},
    }
    assert got.id.startswith(f"may_call_{CALL.id}_")


async def test_nobody_to_ask(receiver: Receiver) -> None:
    """An organization that named no address is not asked."""
    async with asking(receiver) as crm:
        assert await crm.ask(replace(CALL, organization_id="another")) == Said(yes=True)
    assert receiver.got == []


NO: dict[str, bytes] = {
    "false": b'{"eligible": false}',
    "why": b'{"eligible": false, "reason": "in surgery"}',
    "when": b'{"eligible": false, "next_allowed_at": "2026-03-03T09:00:00-08:00"}',
}
UNCLEAR: dict[str, bytes] = {
    "one": b'{"eligible": 1}',
    "text": b'{"eligible": "true"}',
    "null": b'{"eligible": null}',
    "more": b'{"eligible": true, "note": "but not today"}',
    "twice": b'{"eligible": false, "eligible": true}',
    "yes_twice": b'{"eligible": true, "eligible": true}',
    "list": b'[["eligible", true]]',
    "bare": b"true",
    "other_name": b'{"Eligible": true}',
    "nested": b'{"answer": {"eligible": true}}',
    "html": b"<html>",
    "nothing": b"",
    "bom": b'\xef\xbb\xbf{"eligible": true}',
    "latin": b'{"eligible": true}\xff',
    "cut": b'{"eligible": tru',
    "behind": b'{"eligible": true} {"eligible": false}',
    "deep": b"[" * 8000,
    "long": b'{"eligible": true}' + b" " * 9000,
}


@pytest.mark.parametrize("content", NO.values(), ids=NO)
async def test_a_clear_no(receiver: Receiver, content: bytes) -> None:
    """A CRM that says that the call may not be made is taken at its word."""
    receiver.script = [saying(content)]
    async with asking(receiver) as crm:
        said = await crm.ask(CALL)
    assert (said.yes, said.heard, said.code) == (False, True, "not_eligible")


@pytest.mark.parametrize("content", UNCLEAR.values(), ids=UNCLEAR)
async def test_anything_else_is_neither(receiver: Receiver, content: bytes) -> None:
    """What is not exactly a yes does not dial, and what is no clear no does not end the call."""
    receiver.script = [saying(content)]
    async with asking(receiver) as crm:
        said = await crm.ask(CALL)
    assert (said.yes, said.heard) == (False, False)
    assert said.code in {"answer_invalid", "answer_too_large"}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists)
    | st.dictionaries(st.text(), st.booleans())
)
def test_no_other_json_is_a_yes(value: object) -> None:
    """Of all JSON there is, one value is a yes."""
    assert understood(to_json(value)).yes is (value == {"eligible": True})


STATUSES = [
    "201 Created",
    "206 Partial Content",
    "302 Found",
    "401 Unauthorized",
    "404 Not Found",
    "429 Too Many Requests",
    "500 Internal Server Error",
    "503 Service Unavailable",
]


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("content", [YES, b'{"eligible": false}'])
async def test_only_200_is_an_answer(receiver: Receiver, status: str, content: bytes) -> None:
    """With another status nothing was answered: a wrong key or address dials nobody and ends no call."""
    receiver.script = [saying(content, status)]
    async with asking(receiver) as crm:
        said = await crm.ask(CALL)
    assert said == Said(yes=False, code=f"http_{status[:3]}", heard=False)


async def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    """A CRM cannot send the question, with its number, elsewhere."""
    receiver.script = [answer(307, Location=receiver.url), saying(YES)]
    async with asking(receiver) as crm:
        assert (await crm.ask(CALL)).yes is False
    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    ("reply", "codes"),
    [
        (HANG, {"timeout"}),
        (RESET, {"broke_off"}),
        (ENDLESS, {"answer_too_large"}),
        (b"nonsense\r\n\r\n", {"broke_off"}),
    ],
)
async def test_trouble_is_no_yes(
    receiver: Receiver, capfd: pytest.CaptureFixture[str], reply: bytes, codes: set[str]
) -> None:
    """Silence, half an answer, an endless one and nonsense are no yes; the log names a word and no number."""
    receiver.script = [reply]
    within_s = 0.5 if reply == HANG else 60
    async with asking(receiver, within_s=within_s) as crm, asyncio.timeout(20):
        said = await crm.ask(CALL)
    assert said.yes is False
    assert said.code in codes
    assert "+1202" not in capfd.readouterr().err


async def test_nobody_listens() -> None:
    """A CRM that cannot be reached says nothing."""
    receiver = Receiver()
    async with receiver:
        pass
    async with asking(receiver) as crm:
        assert await crm.ask(CALL) == Said(yes=False, code="unreachable", heard=False)


async def test_private_addresses_are_not_asked(receiver: Receiver) -> None:
    """Unless it is allowed, an address inside the private network is not asked, and that is no yes."""
    receiver.script = [saying(YES)]
    async with asking(receiver, private=False) as crm:
        said = await crm.ask(CALL)
    assert (said.yes, said.heard, receiver.got) == (False, False, [])


async def test_a_crm_that_keeps_failing_is_left_alone(receiver: Receiver) -> None:
    """After five failures in a row it is asked once in half a minute; until it answers nobody is called."""
    receiver.otherwise = answer(503)
    now = Clock()
    async with asking(receiver, now=now) as crm:
        for _ in range(5):
            assert (await crm.ask(CALL)).code == "http_503"
        assert await crm.ask(CALL) == Said(yes=False, code="not_asked", heard=False)
        now.at += 30
        receiver.otherwise = saying(YES)
        assert (await crm.ask(CALL)).yes
        assert (await crm.ask(CALL)).yes
    assert len(receiver.got) == 7


async def test_a_no_counts_as_an_answer(receiver: Receiver) -> None:
    """A CRM that says no again and again is not taken for one that fails."""
    receiver.otherwise = saying(b'{"eligible": false}')
    async with asking(receiver) as crm:
        assert {(await crm.ask(CALL)).code for _ in range(8)} == {"not_eligible"}


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        ('"2026-11-18T12:00:00Z"', 1_795_003_200.0),
        ('"2026-11-18T07:00:00-05:00"', 1_795_003_200.0),
        ('"2026-11-18T12:00:00"', None),
        ('"tomorrow"', None),
        ("1795003200", None),
        ('"9999-12-31T23:59:59-14:00"', None),
    ],
)
def test_a_no_may_name_a_later_time(moment: str, seconds: float | None) -> None:
    """`next_allowed_at` of a no is taken when it is a time with an offset; a reason is not kept."""
    content = f'{{"eligible": false, "next_allowed_at": {moment}, "reason": "Ada is in surgery"}}'
    said = understood(content.encode())
    assert (said.yes, said.code) == (False, "not_eligible")
    assert said.next_allowed_at == seconds
    assert "Ada" not in repr(said)
