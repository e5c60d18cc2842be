"""When somebody agreed to be called, by a clock that may differ from ours."""

CLOCKS_DIFFER_S = 300.0
"""Systems whose clock is ahead record a consent of this moment in our future."""


def is_past(agreed_at: float, now: float) -> bool:
    """Whether a consent (UTC seconds) has been given by now, as well as two clocks can tell."""
    return agreed_at <= now + CLOCKS_DIFFER_S
