"""What the errors of a dial-out mean: dialed again in the session is only what reached no phone."""

import pytest

from frontdesk.agent.dispositions import NEVER_LEFT, Disposition, disposition
from frontdesk.ended import EndedReason
from frontdesk.simulator.phone.attempt import REASONS
from frontdesk.simulator.phone.dialout_checks import RATE_LIMITED, TOO_MANY_CALLS, TOO_MANY_LEGS
from frontdesk.simulator.phone.people import Outcome


@pytest.mark.parametrize(
    "error",
    [
        "503 Service Unavailable",
        "SIP/2.0 503 Service Unavailable",
        "SIP 500 Server Internal Error",
        "Server internal error",
        "Internal Server Error",
        "504 Server Time-out",
        "Gateway Timeout",
        "502 Bad Gateway",
        "Bad Gateway",
        "service temporarily unavailable",
        "503: all circuits are busy",
        "All circuits are busy now",
        "NETWORK_CONGESTION",
        "SWITCH_CONGESTION",
        "NORMAL_CIRCUIT_CONGESTION",
        "NETWORK_OUT_OF_ORDER",
        "NORMAL_TEMPORARY_FAILURE",
        "GATEWAY_DOWN",
        "network failure",
        "trunk failure",
        "trunk group unavailable",
        "no circuit available",
        "carrier trouble",
        "connection refused",
        "rate-limit-error",
        "429 Too Many Requests",
        "too many requests",
        TOO_MANY_CALLS,
        RATE_LIMITED,
        REASONS[Outcome.CARRIER_ERROR],
        f"{NEVER_LEFT}: RuntimeError",
        "blocked by carrier: network failure",
        "Call rejected: no circuits available",
        "rejected by network: trunk unavailable",
        "SIP error (503)",
    ],
)
def test_what_failed_before_any_phone_is_dialed_again(error: str) -> None:
    """Trouble of Daily, of trunks and of networks rings nobody: the session may dial again."""
    assert disposition(error) == Disposition(EndedReason.CARRIER_UNAVAILABLE, redial=True)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("Call rejected", EndedReason.DECLINED),
        ("CALL_REJECTED", EndedReason.DECLINED),
        ("call declined by user", EndedReason.DECLINED),
        ("blocked by callee", EndedReason.DECLINED),
        ("Do Not Disturb", EndedReason.DECLINED),
        ("608 Rejected", EndedReason.DECLINED),
        ("USER_BUSY", EndedReason.BUSY),
        ("line busy", EndedReason.BUSY),
        ("600 Busy Everywhere", EndedReason.BUSY),
        ("SIP 487 Request Terminated", EndedReason.NO_ANSWER),
        ("Request Terminated", EndedReason.NO_ANSWER),
        ("Request Timeout", EndedReason.NO_ANSWER),
        ("408 Request Timeout", EndedReason.NO_ANSWER),
        ("timed out", EndedReason.NO_ANSWER),
        ("Temporarily Unavailable", EndedReason.NO_ANSWER),
        ("480 Temporarily Unavailable", EndedReason.NO_ANSWER),
        ("user not responding", EndedReason.NO_ANSWER),
        ("NO_USER_RESPONSE", EndedReason.NO_ANSWER),
        ("callee did not respond", EndedReason.NO_ANSWER),
        ("not answer", EndedReason.NO_ANSWER),
        ("callee didn't answer", EndedReason.NO_ANSWER),
        ("NO_ANSWER", EndedReason.NO_ANSWER),
        ("no-answer", EndedReason.NO_ANSWER),
        ("no answer after 500 ms", EndedReason.NO_ANSWER),
        ("network failure: no answer", EndedReason.NO_ANSWER),
        ("SIP 403 Rejected", EndedReason.CARRIER_REJECTED),
        ("trunk blocked", EndedReason.CARRIER_REJECTED),
        ("rejected by the carrier", EndedReason.CARRIER_REJECTED),
        ("SIP error (486)", EndedReason.BUSY),
        ("error 486 16", EndedReason.BUSY),
        ("call ended with status (480)", EndedReason.NO_ANSWER),
        ("Call failed (404)", EndedReason.INVALID_NUMBER),
        ("Not Found (404)", EndedReason.INVALID_NUMBER),
        ("UNALLOCATED_NUMBER", EndedReason.INVALID_NUMBER),
        (TOO_MANY_LEGS, EndedReason.CARRIER_REJECTED),
        *(
            (REASONS[outcome], reason)
            for outcome, reason in (
                (Outcome.BUSY, EndedReason.BUSY),
                (Outcome.DECLINE, EndedReason.DECLINED),
                (Outcome.NO_ANSWER, EndedReason.NO_ANSWER),
                (Outcome.INVALID_NUMBER, EndedReason.INVALID_NUMBER),
            )
        ),
    ],
)
def test_what_may_have_reached_a_phone_is_not_dialed_again(error: str, reason: EndedReason) -> None:
    """Whoever declined, was busy or did not answer is not called again by this session."""
    assert disposition(error) == Disposition(reason, redial=False)


@pytest.mark.parametrize(
    "error",
    ["", "call failed", "something new", "(503) 555-0187 failed", "+1 503 555 0187 failed", "room unblocked"],
)
def test_what_nobody_knows_is_left_to_the_plan(error: str) -> None:
    """A text without a meaning, also one that only holds an area code, is no reason to dial at once."""
    assert disposition(error) == Disposition(EndedReason.CARRIER_UNAVAILABLE, redial=False)
