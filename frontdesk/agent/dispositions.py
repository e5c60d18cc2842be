"""What an error of a dial-out means. Daily publishes no list of carriers' errors, only these of its own.

Sources: Pipecat docs, Daily PSTN dial-out, table of errors; daily-python, `start_dialout`; SIP status
codes of RFC 3261 where a carrier's text carries one.
"""

import re
from dataclasses import dataclass

from frontdesk.ended import EndedReason


@dataclass(frozen=True)
class Disposition:
    """Why a dial did not come to a conversation, and whether the same number may be dialed again."""

    reason: EndedReason
    redial: bool


_KNOWN: tuple[tuple[re.Pattern[str], Disposition], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), Disposition(reason, redial))
    for pattern, reason, redial in (
        (r"not enabled for (room|domain)", EndedReason.CARRIER_REJECTED, False),
        (r"current plan|contact (sales|support)", EndedReason.CARRIER_REJECTED, False),
        (r"room owner|participant admin|not an owner", EndedReason.CARRIER_REJECTED, False),
        (r"caller.?id", EndedReason.CARRIER_REJECTED, False),
        (
            r"(invalid|unallocated|unassigned|nonexistent|no such) .*(number|destination)",
            EndedReason.INVALID_NUMBER,
            False,
        ),
        (r"(number|destination) .*(is |not )(invalid|valid|in service)", EndedReason.INVALID_NUMBER, False),
        (r"\b(404|410|484|604)\b", EndedReason.INVALID_NUMBER, False),
        (r"settings are not valid|max.*sessions", EndedReason.CARRIER_REJECTED, False),
        (r"\b(603|607|608)\b|declin", EndedReason.DECLINED, False),
        (r"\b(486|600)\b|busy", EndedReason.BUSY, True),
        (r"\b(408|480)\b|no.?answer|not answered|unanswered", EndedReason.NO_ANSWER, True),
        (r"\b(401|402|403|405|407|488|606)\b|forbidden|unauthorized", EndedReason.CARRIER_REJECTED, False),
    )
)

UNANSWERED = Disposition(EndedReason.BUSY_OR_NO_ANSWER, redial=True)
"""The dial stopped before anybody picked up; Daily says no more than that."""
RANG_OUT = Disposition(EndedReason.NO_ANSWER, redial=True)
"""The phone rang for as long as the call allows."""
UNCLEAR = Disposition(EndedReason.LOST, redial=False)
"""Whether a phone rings is unknown; dialing again might ring it twice."""


def disposition(error: str) -> Disposition:
    """Read an error of `start_dialout` or of a dialout-error event; unknown ones may be tried again."""
    for pattern, meaning in _KNOWN:
        if pattern.search(error):
            return meaning
    return Disposition(EndedReason.CARRIER_UNAVAILABLE, redial=True)
