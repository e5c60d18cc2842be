"""Daily's signature of the dial-in webhook."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frontdesk.doors.signature import SignatureCheck, sign
from frontdesk.errors import SignatureExpiredError, SignatureInvalidError, SignatureMissingError

SECRET = base64.b64encode(b"a secret of Daily's").decode()
NOW = 1_790_000_000.0


def check(now: float = NOW) -> SignatureCheck:
    return SignatureCheck(SECRET, tolerance_s=300, now=lambda: now)


def test_it_is_what_daily_makes() -> None:
    """It is base64 of HMAC-SHA256 over timestamp, dot and raw body, with the decoded secret as the key."""
    body = b'{"To":"+14155550100"}'
    digest = hmac.new(base64.b64decode(SECRET), b"1790000000000." + body, hashlib.sha256).digest()
    assert sign(SECRET, "1790000000000", body) == base64.b64encode(digest).decode()


@pytest.mark.parametrize(
    "timestamp", ["1790000000", "1790000000000", "1789999701", "1790000299999", "1790000000.25"]
)
def test_seconds_and_milliseconds_are_taken(timestamp: str) -> None:
    """A timestamp within the tolerance is accepted in seconds and in milliseconds."""
    check().check(sign(SECRET, timestamp, b"{}"), timestamp, b"{}")


@pytest.mark.parametrize(
    "timestamp", ["1789999699", "1790000301", "1789999699000", "1790000301000", "0", "1"]
)
def test_old_and_future_ones_are_refused(timestamp: str) -> None:
    """A timestamp beyond the tolerance is refused although its signature is right."""
    with pytest.raises(SignatureExpiredError):
        check().check(sign(SECRET, timestamp, b"{}"), timestamp, b"{}")


@pytest.mark.parametrize("timestamp", ["now", "-1790000000", "nan", "inf", "1e9", "1" * 400, "٣", " "])
def test_a_timestamp_that_is_none_is_refused(timestamp: str) -> None:
    """What is no Unix time is refused, signed or not."""
    signature = sign(SECRET, timestamp, b"{}") if timestamp.isascii() else "AAAA"
    with pytest.raises(SignatureInvalidError):
        check().check(signature, timestamp, b"{}")


@pytest.mark.parametrize(
    ("signature", "timestamp"), [(None, "1"), ("x", None), ("", "1"), ("x", ""), (None, None)]
)
def test_missing_headers_are_refused(signature: str | None, timestamp: str | None) -> None:
    """Without signature or timestamp nothing is let in."""
    with pytest.raises(SignatureMissingError):
        check().check(signature, timestamp, b"{}")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=st.binary(max_size=500), other=st.binary(max_size=500))
def test_it_binds_the_body(body: bytes, other: bytes) -> None:
    """A signature lets in the body that it was made for and no other."""
    signature = sign(SECRET, "1790000000", body)
    check().check(signature, "1790000000", body)
    if body != other:
        with pytest.raises(SignatureInvalidError):
            check().check(signature, "1790000000", other)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=60))
def test_garbage_is_refused(signature: str) -> None:
    """No text that is not the signature is let in, whatever characters it has."""
    with pytest.raises((SignatureInvalidError, SignatureMissingError)):
        check().check(signature, "1790000000", b"{}")


def test_whitespace_is_part_of_the_body() -> None:
    """The raw bytes are signed: a body that only means the same has another signature."""
    signature = sign(SECRET, "1790000000", b'{"To":"x"}')
    for other in (b'{"To": "x"}', b'{"To":"x"} ', b' {"To":"x"}'):
        with pytest.raises(SignatureInvalidError):
            check().check(signature, "1790000000", other)


def test_hexadecimal_is_refused() -> None:
    """The hexadecimal form that circulates in public code is not Daily's."""
    digest = hmac.new(base64.b64decode(SECRET), b"1790000000.{}", hashlib.sha256).hexdigest()
    with pytest.raises(SignatureInvalidError):
        check().check(digest, "1790000000", b"{}")
