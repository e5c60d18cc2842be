"""Calls out with a plan, and what happens to their attempts."""

from dataclasses import replace
from typing import Any

from frontdesk.calls import queue_facts
from frontdesk.calls.models import Fact, NewCall
from frontdesk.calls.plan import Plan, RetryOn
from tests.calls.lifetime import BOT, CALL_ID, DAILY, GATEWAY, Life, fact, new_call

DAY_S = 86_400.0
ALL = tuple(RetryOn)
PATIENT = Plan(
    earliest_at=1000.0, latest_at=1000.0 + DAY_S, max_attempts=3, retry_on=ALL, delays_s=(60.0, 600.0)
)
"""Three attempts, whatever comes, a minute and ten minutes apart."""


def planned(plan: Plan = PATIENT) -> NewCall:
    """A call out that waits for its turn since 1000."""
    return replace(new_call("outbound"), plan=plan.to_json())


def opens(attempt: int, at: float) -> list[Fact]:
    """The engine comes to an attempt: it is opened, and its bot started."""
    room: dict[str, Any] = {"room": f"room-{attempt}", "owner": "gateway-1"}
    return [
        fact(GATEWAY, "attempt_opened", at, attempt, **room),
        fact(GATEWAY, "bot_started", at + 1, attempt, session_id=f"s-{attempt}", host="agent"),
    ]


def claims(attempt: int, at: float, session_id: str = "") -> Fact:
    """The attempt's bot asks whether it may dial."""
    return queue_facts.claimed(CALL_ID, attempt, session_id or f"s-{attempt}", at)


def joins(attempt: int, at: float) -> list[Fact]:
    """The bot joins and claims its attempt."""
    return [fact(BOT, "joined", at, attempt, session_id=f"bot-{attempt}"), claims(attempt, at + 0.5)]


def dials(attempt: int, at: float, *, rings: bool = True) -> list[Fact]:
    """The bot dials, and the phone rings."""
    phone = f"phone-{attempt}"
    facts = [fact(BOT, "dialing", at, attempt, dial=1)]
    if rings:
        facts.append(fact(DAILY, "daily.dialout.connected", at + 1, attempt, session_id=phone))
        facts.append(fact(BOT, "ringing", at + 1, attempt, dial=1, session_id=phone))
    return facts


def answers(attempt: int, at: float) -> list[Fact]:
    """Somebody, or something, picks up."""
    phone = f"phone-{attempt}"
    return [
        fact(DAILY, "daily.dialout.answered", at, attempt, session_id=phone),
        fact(BOT, "answered", at, attempt, dial=1, session_id=phone),
    ]


def stops(attempt: int, at: float, reason: str) -> list[Fact]:
    """The phone stops to ring, and the bot leaves for this reason."""
    phone = f"phone-{attempt}"
    return [
        fact(DAILY, "daily.dialout.stopped", at, attempt, session_id=phone),
        fact(BOT, "dial_ended", at, attempt, dial=1, session_id=phone, reason=reason),
        fact(BOT, "ended", at + 0.5, attempt, reason=reason),
        fact(GATEWAY, "closed", at + 1, attempt, how="deleted"),
    ]


def in_vain(attempt: int, at: float, reason: str = "busy") -> list[Fact]:
    """A whole attempt that rang and ended 20.5 seconds after it was opened."""
    return [
        *opens(attempt, at),
        *joins(attempt, at + 2),
        *dials(attempt, at + 3),
        *stops(attempt, at + 20, reason),
    ]


def fails(attempt: int, at: float, **data: Any) -> list[Fact]:
    """An attempt whose launch came to nothing."""
    return [
        fact(GATEWAY, "attempt_opened", at, attempt, room=f"room-{attempt}", owner="gateway-1"),
        fact(GATEWAY, "launch_failed", at + 0.5, attempt, **data),
        fact(GATEWAY, "closed", at + 1, attempt, how="never_made"),
    ]


def waits(life: Life) -> tuple[int, float, str] | None:
    """What the call waits for: number of the attempt, when, and why."""
    waiting = life.state.waiting
    return None if waiting is None else (waiting.attempt, waiting.at, waiting.why)
