"""When to try again: pure arithmetic."""

from email.utils import formatdate

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frontdesk.crm.schedule import SCHEDULE_S, Try, next_pause_s, retry_after_s

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        (" 120 ", 120),
        ("999999999999999999999", 86_400),
        (formatdate(NOW + 30, usegmt=True), 30),
        (formatdate(NOW - 30, usegmt=True), 0),
        ("-5", 0),
        ("soon", 0),
        ("", 0),
        (None, 0),
        ("1.5", 0),
        ("٣", 0),
        ("Wed, 99 Foo 2026 99:99:99 GMT", 0),
    ],
)
def test_retry_after_in_all_its_forms(header: str | None, seconds: float) -> None:
    """Seconds and HTTP dates are understood, bounded to a day; nonsense asks for nothing."""
    assert retry_after_s(header, NOW) == seconds


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=40))
def test_no_header_breaks_the_reading(header: str) -> None:
    """Whatever a receiver sends is a number of seconds between nothing and a day."""
    assert 0 <= retry_after_s(header, NOW) <= 86_400


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(1, 9), st.floats(0, 86_400), st.floats(0, 1))
def test_a_pause_is_never_shorter_than_either_wish(failed: int, asked: float, chance: float) -> None:
    """The pause is at least the schedule's and at least what the receiver asks for; jitter adds a tenth."""
    pause = next_pause_s(failed, SCHEDULE_S, asked, lambda: chance)
    assert pause is not None
    assert max(SCHEDULE_S[failed - 1], asked) <= pause <= max(SCHEDULE_S[failed - 1] * 1.1 + 1e-6, asked)


def test_the_tenth_failure_is_the_last() -> None:
    """After ten tries a delivery is given up."""
    assert next_pause_s(9, SCHEDULE_S, 0) is not None
    assert next_pause_s(10, SCHEDULE_S, 0) is None


@pytest.mark.parametrize(
    ("status", "delivered"), [(200, True), (204, True), (299, True), (302, False), (199, False)]
)
def test_only_2xx_is_a_success(status: int, *, delivered: bool) -> None:
    """Any status from 200 to 299 counts as taken, and no other."""
    assert Try(NOW, 1, status).delivered is delivered
