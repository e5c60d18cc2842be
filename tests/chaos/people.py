"""The people of the town: what happens when each is called, and what must become of the call to them."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

QUICK: list[dict[str, Any]] = [{"wait": 0.3}, {"hang_up": True, "at_once": True}]
CHATTY: list[dict[str, Any]] = [{"wait": 1.5}, *QUICK]
PATIENCE_S = 15

HABITS: dict[tuple[str, ...], float] = {
    ("answer",): 30,
    ("busy", "answer"): 14,
    ("no_answer", "answer"): 12,
    ("busy", "no_answer", "answer"): 10,
    ("busy",): 8,
    ("no_answer",): 6,
    ("voicemail", "answer"): 6,
    ("voicemail",): 5,
    ("carrier_error", "answer"): 4,
    ("carrier_error",): 1,
    ("decline",): 4,
}
"""What consecutive calls to somebody come to, the last one again and again; and how usual that is."""

BUSY, NO_ANSWER = frozenset({"busy"}), frozenset({"no_answer", "busy_or_no_answer"})
TALKED = frozenset({"caller_hangup", "bot_hangup"})
REASONS: dict[str, frozenset[str]] = {
    "answer": TALKED,
    "busy": BUSY,
    "no_answer": NO_ANSWER,
    "voicemail": frozenset({"voicemail_no_message"}),
    "message": frozenset({"voicemail_left"}),
    "decline": frozenset({"declined"}),
    "carrier_error": frozenset({"carrier_unavailable"}),
}
CLASSES = {"busy": "busy", "no_answer": "no_answer", "voicemail": "voicemail", "carrier_error": "failed"}
"""The outcomes that a request may name under `retry.on`."""


@dataclass(frozen=True)
class Policy:
    """How a request wants its call to be tried.

    Attributes:
        max_attempts: Most attempts.
        on: After which outcomes again.
        delay_s: Between two attempts, in seconds.
        dials: Most dials of one attempt, for what never rang.
        leave_message: Whether a mailbox gets a message; else the bot hangs up on it.
    """

    max_attempts: int = 1
    on: tuple[str, ...] = ()
    delay_s: float = 1.0
    dials: int = 2
    leave_message: bool = False

    def body(self) -> dict[str, Any]:
        """As the request for one call says it."""
        return self.for_rows() | {"limits": {"dial_attempts": self.dials}}

    def for_rows(self) -> dict[str, Any]:
        """As a campaign says it; its calls are dialed as often in a session as the gateway's settings say."""
        voicemail = {"action": "leave_message", "message": "Please call us back."}
        return {
            "retry": {"max_attempts": self.max_attempts, "on": list(self.on), "delays_s": [self.delay_s]},
            **({"voicemail": voicemail} if self.leave_message else {}),
        }


@dataclass(frozen=True)
class Person:
    """Somebody at a number."""

    number: str
    outcomes: tuple[str, ...]
    ring_s: float = 0.5
    script: list[dict[str, Any]] = field(default_factory=lambda: QUICK)

    def manner(self) -> dict[str, Any]:
        """As the simulator is told."""
        return {
            "outcomes": list(self.outcomes),
            "script": self.script,
            "patience_s": PATIENCE_S,
            "ring_s": self.ring_s,
        }


def foretold(outcomes: tuple[str, ...], policy: Policy) -> tuple[frozenset[str], int]:
    """What a call must come to when every bot does its duty: possible reasons of its end, and attempts."""
    consecutive = _consecutive(outcomes)
    for attempt in range(1, policy.max_attempts + 1):
        outcome = _attempt(consecutive, policy)
        again = CLASSES.get(outcome) in policy.on
        if not again or attempt == policy.max_attempts:
            break
    return REASONS[outcome], attempt


def _attempt(consecutive: Iterator[str], policy: Policy) -> str:
    """One session: what never rang is dialed again at once."""
    for _ in range(policy.dials):
        outcome = next(consecutive)
        if outcome != "carrier_error":
            break
    return "message" if outcome == "voicemail" and policy.leave_message else outcome


def _consecutive(outcomes: tuple[str, ...]) -> Iterator[str]:
    yield from outcomes
    while True:
        yield outcomes[-1]


def somebody(number: str, chance: random.Random) -> Person:
    """A person as they are usual."""
    outcomes = chance.choices(list(HABITS), list(HABITS.values()))[0]
    return Person(number, outcomes, chance.uniform(0.1, 1.0), chance.choice([QUICK, CHATTY]))


def usual_policy(chance: random.Random) -> Policy:
    """What a CRM asks for."""
    on = chance.choice([("busy", "no_answer", "voicemail", "failed"), ("busy", "no_answer"), ("busy",), ()])
    return Policy(
        max_attempts=chance.choice([1, 2, 3, 3]) if on else 1,
        on=on,
        delay_s=chance.choice([0.5, 1.0, 2.0]),
        dials=chance.choice([1, 2]),
        leave_message=chance.random() < 0.3,
    )
