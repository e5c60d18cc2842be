"""What is foretold of calls to the town's people."""

import pytest

from tests.chaos.people import CLASSES, HABITS, REASONS, Policy, foretold

ALL = tuple(CLASSES.values())


@pytest.mark.parametrize(
    ("outcomes", "policy", "reasons", "attempts"),
    [
        (("answer",), Policy(3, ALL), REASONS["answer"], 1),
        (("busy", "no_answer", "answer"), Policy(3, ALL), REASONS["answer"], 3),
        (("busy", "no_answer", "answer"), Policy(2, ALL), REASONS["no_answer"], 2),
        (("busy", "answer"), Policy(3, ("no_answer",)), REASONS["busy"], 1),
        (("voicemail", "answer"), Policy(3, ALL, leave_message=True), REASONS["message"], 1),
        (("voicemail", "answer"), Policy(3, ALL), REASONS["answer"], 2),
        (("carrier_error", "answer"), Policy(1, dials=2), REASONS["answer"], 1),
        (("carrier_error", "answer"), Policy(1, dials=1), REASONS["carrier_error"], 1),
        (("decline",), Policy(3, ALL), REASONS["decline"], 1),
    ],
)
def test_what_a_call_comes_to_is_foretold(
    outcomes: tuple[str, ...], policy: Policy, reasons: frozenset[str], attempts: int
) -> None:
    """Outcomes are used up one by one: within a session when nothing rang, else by the next attempt."""
    assert foretold(outcomes, policy) == (reasons, attempts)


def test_every_habit_can_be_foretold() -> None:
    """No kind of person is without a forecast."""
    assert all(foretold(outcomes, Policy(3, ALL)) for outcomes in HABITS)
