"""How a call is placed: how often, how far apart, and with which of Daily's settings."""

import random
from dataclasses import dataclass
from typing import Any

from frontdesk.contract import AgentRequest


@dataclass(frozen=True)
class DialPolicy:
    """How a call is placed; times are seconds.

    Daily takes about one start a second, five in five seconds (Daily docs, REST API rate limits).
    """

    most_dials: int = 5
    ring_timeout_s: float = 45.0
    first_pause_s: float = 2.0
    longest_pause_s: float = 30.0
    jitter: float = 0.25

    def pause_s(self, dial: int) -> float:
        """Seconds to wait after this dial (counted from 1): doubling, with jitter on top."""
        pause_s = min(self.first_pause_s * 2.0 ** (dial - 1), self.longest_pause_s)
        return pause_s * random.uniform(1, 1 + self.jitter)  # noqa: S311


def dialout_settings(request: AgentRequest) -> dict[str, Any]:
    """Daily's settings for the dial (daily-python reference, DialoutSettings).

    `userId` carries the call's id into Daily's own records; Daily takes 36 characters at most.
    """
    asked = request.dialout_settings
    if asked is None:
        raise ValueError("the call is not a dial-out")
    settings: dict[str, Any] = {"phoneNumber": asked.phone_number, "userId": request.call_id[:36]}
    if asked.caller_id is not None:
        settings["callerId"] = str(asked.caller_id)
    if asked.display_name:
        settings["displayName"] = asked.display_name
    if asked.extension:
        settings["extension"] = asked.extension
    return settings
