"""Daily's rate limits (Daily docs, authentication), kept on the simulator's clock.

Each is a bucket of tokens. A token comes back when the request that took it has left the window, so that no
window of that length ever holds more requests than the docs allow: a bucket that refills evenly would let
through nearly twice as many, and a gateway tuned against it would be refused by Daily.
"""

from collections import deque
from dataclasses import dataclass
from typing import Literal

from frontdesk.simulator.clock import Clock

Kind = Literal["most", "deletes", "pstn"]


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` requests in any `window_s` seconds."""

    count: int
    window_s: float


LIMITS: dict[Kind, Limit] = {
    "most": Limit(100, 5.0),
    "deletes": Limit(50, 30.0),
    "pstn": Limit(5, 5.0),
}


class Bucket:
    """The tokens of one limit. Times are the clock's monotonic seconds."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._taken: deque[float] = deque()

    def take(self, now: float) -> float | None:
        """Take a token: `None` when there was one, else the seconds until the next comes back."""
        self._give_back(now)
        if len(self._taken) < self._limit.count:
            self._taken.append(now)
            return None
        return self._taken[0] + self._limit.window_s - now

    def _give_back(self, now: float) -> None:
        while self._taken and self._taken[0] + self._limit.window_s <= now:
            self._taken.popleft()


class RateLimits:
    """All limits of one domain. `enabled` may be changed at any time; benchmarks switch it off."""

    def __init__(self, clock: Clock, *, enabled: bool = True) -> None:
        self.enabled = enabled
        self._clock = clock
        self._buckets = {kind: Bucket(limit) for kind, limit in LIMITS.items()}

    def take(self, kind: Kind) -> float | None:
        """Count one request: `None` when allowed, else the seconds to wait before the next try."""
        if not self.enabled:
            return None
        return self._buckets[kind].take(self._clock.monotonic())

    def reset(self) -> None:
        """Forget all requests counted so far."""
        self._buckets = {kind: Bucket(limit) for kind, limit in LIMITS.items()}
