"""What an error of a dial-out means. Daily publishes no list of carriers' errors, only these of its own.

Sources: Pipecat docs, Daily PSTN dial-out, table of errors; daily-python, `start_dialout`; SIP status codes
of RFC 3261 and their phrases, and the names of Q.850 causes, where a carrier's text carries one. Since the
list is a guess, a text that nothing here knows is not dialed again at once: somebody may have seen it ring.
"""

import re
from dataclasses import dataclass

from frontdesk.ended import EndedReason

NEVER_LEFT = "the dial never left"
"""Begins the error of a dial that failed on our side of Daily."""


@dataclass(frozen=True)
class Disposition:
    """Why a dial did not come to a conversation, and whether this session may dial the number again.

    It may only where no phone can have rung. What reached a phone goes back to the gateway: its queue knows
    when somebody may be called again.
    """

    reason: EndedReason
    redial: bool


def _code(codes: str) -> str:
    """A SIP status code; not the area code of a phone number, nor a duration."""
    return rf"\b(?:{codes})\b(?!\)?[ .-]?\d{{3,}}\b| ?(?:ms|s|sec\w*)\b)"


_NETWORK = r"\b(?:carrier|network|trunk|gateway|provider)\b"
_TURNED_AWAY = r"\b(?:declin|reject|block)"


_BEFORE_ANY_PHONE = Disposition(EndedReason.CARRIER_UNAVAILABLE, redial=True)
_REJECTED = Disposition(EndedReason.CARRIER_REJECTED, redial=False)
_INVALID = Disposition(EndedReason.INVALID_NUMBER, redial=False)
_DECLINED = Disposition(EndedReason.DECLINED, redial=False)
_BUSY = Disposition(EndedReason.BUSY, redial=False)
_NO_ANSWER = Disposition(EndedReason.NO_ANSWER, redial=False)

_KNOWN: tuple[tuple[re.Pattern[str], Disposition], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), meaning)
    for pattern, meaning in (
        (rf"^{NEVER_LEFT}", _BEFORE_ANY_PHONE),
        # Daily's own words
        (r"not enabled for (room|domain)", _REJECTED),
        (r"current plan|contact (sales|support)", _REJECTED),
        (r"room owner|participant admin|not an owner", _REJECTED),
        (r"caller.?id", _REJECTED),
        (r"(invalid|unallocated|unassigned|nonexistent|no such) .*(number|destination)", _INVALID),
        (r"(number|destination) .*(is |not )(invalid|valid|in service)", _INVALID),
        (r"settings are not valid|max.*sessions", _REJECTED),
        (r"rate.?limit|too many requests|max.*concurrent calls", _BEFORE_ANY_PHONE),
        # Codes
        (_code("404|410|484|604"), _INVALID),
        (_code("603|607|608"), _DECLINED),
        (_code("486|600"), _BUSY),
        (_code("408|480|487"), _NO_ANSWER),
        (_code("401|402|403|405|407|488|606"), _REJECTED),
        (_code(r"429|5\d\d"), _BEFORE_ANY_PHONE),
        # Phrases; those of the network that sound like a callee's come before them
        (r"congest|\b(circuits?|trunks?|channels?|network)\b.{0,20}\bbusy", _BEFORE_ANY_PHONE),
        (r"service.{0,20}unavailable|(gateway|server) time.?out", _BEFORE_ANY_PHONE),
        (r"busy", _BUSY),
        (r"unanswered|(no|not|n't).?answer|(no|not|n't)\b.{0,10}\brespon", _NO_ANSWER),
        (r"time.?out|timed out|request terminated|temporarily unavailable", _NO_ANSWER),
        (rf"{_NETWORK}.{{0,20}}\b(trouble|error|fail|unavailable)", _BEFORE_ANY_PHONE),
        (rf"{_NETWORK}.{{0,20}}\b(unreachable|down|out of order)", _BEFORE_ANY_PHONE),
        (r"bad gateway|server (internal )?error|normal temporary failure", _BEFORE_ANY_PHONE),
        (r"no (free |available )?(circuit|trunk|channel)", _BEFORE_ANY_PHONE),
        (r"connection (error|failed|failure|refused)", _BEFORE_ANY_PHONE),
        (rf"{_NETWORK}.{{0,20}}{_TURNED_AWAY}|{_TURNED_AWAY}\w*.{{0,20}}{_NETWORK}", _REJECTED),
        (rf"{_TURNED_AWAY}|do.?not.?disturb", _DECLINED),
        (r"forbidden|unauthorized", _REJECTED),
    )
)

UNANSWERED = Disposition(EndedReason.BUSY_OR_NO_ANSWER, redial=False)
"""The dial stopped before anybody picked up; Daily says no more than that."""
RANG_OUT = Disposition(EndedReason.NO_ANSWER, redial=False)
"""The phone rang for as long as the call allows."""
UNCLEAR = Disposition(EndedReason.LOST, redial=False)
"""Whether a phone rings is unknown; dialing again might ring it twice."""
_UNKNOWN = Disposition(EndedReason.CARRIER_UNAVAILABLE, redial=False)
"""Nobody can tell how far the dial came; the call's plan may have it tried again later."""


def disposition(error: str) -> Disposition:
    """Read an error of `start_dialout` or of a dialout-error event.

    Only what is recognisably a failure before any phone is dialed again in this session.
    """
    text = error.replace("_", " ")
    for pattern, meaning in _KNOWN:
        if pattern.search(text):
            return meaning
    return _UNKNOWN
