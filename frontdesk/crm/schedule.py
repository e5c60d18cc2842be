"""When a delivery is tried again, and when it is given up; pure."""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

SCHEDULE_S = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Pauses after each failed try, the first being at once: the example of Standard Webhooks 1.0.0, 76 hours."""
_JITTER = 0.1
_LONGEST_PAUSE_S = 86_400.0
_SLOW_DOWN = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How patiently events are delivered; times in seconds.

    Args:
        schedule_s: Pauses after each failed try.
        timeout_s: Longest try.
        claim_s: How long a claim holds: longer than a try and its settling.
        poll_s: How often to look for what other gateways left behind.
        gather_s: Shortest time between two turns.
        drain_s: How long events are still delivered at the end.
        disable_after_s: An endpoint that has failed for so long is disabled.
        each: Most tries of one endpoint at a time.
        together: Most tries of all endpoints at a time, and one more for each.
    """

    schedule_s: tuple[float, ...] = SCHEDULE_S
    timeout_s: float = 15
    claim_s: float = 40
    poll_s: float = 10
    gather_s: float = 0.05
    drain_s: float = 3
    disable_after_s: float = 5 * _LONGEST_PAUSE_S
    each: int = 32
    together: int = 256


@dataclass(frozen=True, slots=True)
class Try:
    """What came of one try.

    Args:
        at: When it began, UTC seconds.
        duration_ms: Until the answer, or until it failed.
        status: Of the answer; None when there was none.
        error: In a word, why there was none, or why it does not count.
        pause_s: How long the receiver asks to wait, seconds; 0 when it does not.
    """

    at: float
    duration_ms: float
    status: int | None = None
    error: str | None = None
    pause_s: float = 0

    @property
    def delivered(self) -> bool:
        """Whether the receiver took it: 2xx, nothing else."""
        return self.error is None and self.status is not None and self.status // 100 == HTTPStatus.OK // 100

    @property
    def gone(self) -> bool:
        """Whether the receiver wants no more."""
        return self.status == HTTPStatus.GONE

    @property
    def slow_down(self) -> bool:
        """Whether the receiver is overloaded, so that others wait, too."""
        return self.status in _SLOW_DOWN and self.pause_s > 0


def next_pause_s(
    failed: int, schedule: Sequence[float], asked_s: float, chance: Callable[[], float] = random.random
) -> float | None:
    """Seconds until the next try; None to give up.

    Args:
        failed: Failed tries so far, at least 1.
        schedule: Pauses after each.
        asked_s: What the receiver asks for; never less than that, within a day.
        chance: From 0 to 1; up to a tenth is added, so that what failed together does not return together.
    """
    if failed > len(schedule):
        return None
    return max(schedule[failed - 1] * (1 + _JITTER * chance()), asked_s)


def retry_after_s(header: str | None, now: float) -> float:
    """Seconds that a Retry-After header asks for (RFC 9110 §10.2.3), from 0 to a day; 0 when unreadable."""
    text = (header or "").strip()
    seconds = text.isascii() and text.isdecimal()
    asked = float(text[:12]) if seconds else _date_s(text) - now
    return min(max(asked, 0.0), _LONGEST_PAUSE_S) if math.isfinite(asked) else 0.0


def _date_s(text: str) -> float:
    try:
        parsed = parsedate_to_datetime(text)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, TypeError, IndexError):
        return -math.inf


def rfc3339(at: float | None) -> str | None:
    """A time for JSON: UTC, milliseconds."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
