"""Who may tell us of events: the signature of Daily's domain webhooks."""

import time

import pytest

from frontdesk.doors.signature import sign
from tests.daily.door import SECRET, door_of

BODY = b'{"type":"meeting.started","id":"1","payload":{"room":"somebody-elses"}}'
OTHER = "YW5vdGhlciBzZWNyZXQ="


class Taken:
    """An inbox that counts."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def receive(self, content: bytes) -> None:
        self.bodies.append(content)


def stamps() -> dict[str, str]:
    now = time.time()
    return {
        "seconds": str(int(now)),
        "milliseconds": str(int(now * 1000)),
        "fraction": f"{now:.3f}",
        "old": str(int(now - 400)),
        "future": str(int(now + 400)),
        "old in milliseconds": str(int((now - 400) * 1000)),
        "none": "yesterday",
    }


@pytest.mark.parametrize(
    ("stamp", "status", "code"),
    [
        ("seconds", 200, None),
        ("milliseconds", 200, None),
        ("fraction", 200, None),
        ("old", 401, "signature_expired"),
        ("future", 401, "signature_expired"),
        ("old in milliseconds", 401, "signature_expired"),
        ("none", 401, "signature_invalid"),
    ],
)
async def test_timestamps(stamp: str, status: int, code: str | None) -> None:
    """Seconds and milliseconds are taken within five minutes, nothing else is."""
    taken = Taken()
    async with door_of(taken) as door:
        answer = await door.knock(BODY, timestamp=stamps()[stamp])
    assert answer[0] == status
    assert answer[1].get("code") == code
    assert taken.bodies == ([BODY] if status == 200 else [])


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "signature_missing"),
        ({"X-Webhook-Timestamp": "1"}, "signature_missing"),
        ({"X-Webhook-Signature": "x"}, "signature_missing"),
        ({"X-Webhook-Signature": "x", "X-Webhook-Timestamp": "1"}, "signature_invalid"),
        (
            {"X-Pinless-Signature": sign(SECRET, "1790000000", BODY), "X-Pinless-Timestamp": "1790000000"},
            "signature_missing",
        ),
    ],
)
async def test_without_dailys_signature_nothing_is_taken(headers: dict[str, str], code: str) -> None:
    """Missing, partial, wrong and misnamed signatures are refused."""
    taken = Taken()
    async with door_of(taken) as door:
        status, problem = await door.knock(BODY, secret=None, headers=headers)
    assert (status, problem["code"], taken.bodies) == (401, code, [])


async def test_another_secret_is_refused() -> None:
    """The dial-in secret, or any other, does not open this door."""
    taken = Taken()
    async with door_of(taken) as door:
        assert (await door.knock(BODY, secret=OTHER))[0] == 401
    assert taken.bodies == []


@pytest.mark.parametrize("body", [b'{"test":"test"}', b'{"Test":"test"}'])
@pytest.mark.parametrize("secret", [None, SECRET, OTHER])
async def test_dailys_test_is_always_answered(body: bytes, secret: str | None) -> None:
    """The request of registering gets 200, signed or not: whether it is signed is not documented."""
    async with door_of(Taken()) as door:
        assert (await door.knock(body, secret=secret))[0] == 200


@pytest.mark.parametrize(
    ("open_locally", "headers", "status"),
    [
        (True, {}, 200),
        (True, {"X-Forwarded-For": "203.0.113.9"}, 403),
        (True, {"Forwarded": "for=203.0.113.9"}, 403),
        (False, {}, 401),
    ],
)
async def test_without_a_secret_the_door_fails_closed(
    open_locally: bool, headers: dict[str, str], status: int
) -> None:
    """Without a secret only programs on this machine are believed, and in production nobody."""
    taken = Taken()
    async with door_of(taken, None, open_locally=open_locally) as door:
        assert (await door.knock(BODY, secret=None, headers=headers))[0] == status
    assert len(taken.bodies) == (status == 200)


async def test_a_body_without_end_is_refused() -> None:
    """More than a megabyte is not read."""
    async with door_of(Taken()) as door:
        assert (await door.knock(b" " * (1024 * 1024 + 1)))[0] == 413
