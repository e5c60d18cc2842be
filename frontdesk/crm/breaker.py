"""A far end that fails again and again is left alone for a while."""

import time
from collections.abc import Callable


class Breaker:
    """Opens after some failures in a row; after a pause it lets one try through, which closes or reopens it.

    Args:
        failures: How many in a row open it.
        pause_s: How long it stays open, in seconds.
        now: Monotonic seconds.
    """

    def __init__(
        self, *, failures: int = 5, pause_s: float = 30.0, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = failures
        self._pause_s = pause_s
        self._now = now
        self._failures = 0
        self._next_try = float("-inf")

    def lets_through(self) -> bool:
        """Whether to try now; the caller tells how it went."""
        if self._failures < self._most:
            return True
        if self._now() < self._next_try:
            return False
        self._next_try = self._now() + self._pause_s
        return True

    def succeeded(self) -> None:
        """The far end did its part."""
        self._failures = 0

    def failed(self) -> None:
        """The far end did not."""
        self._failures += 1
        self._next_try = self._now() + self._pause_s
