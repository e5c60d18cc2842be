"""The page of ended reasons, and the one table behind it."""

from frontdesk.calls.reasons import PAGE, page
from frontdesk.ended import ENDED_REASONS, EndedReason


def test_the_page_is_current() -> None:
    """docs/ended-reasons.md is what `python -m frontdesk.calls.reasons` writes."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_reason_says_what_to_do() -> None:
    """Each reason has its row, with a title and an advice of its own kind."""
    assert list(ENDED_REASONS) == list(EndedReason)
    for reason, ending in ENDED_REASONS.items():
        assert f"| `{reason}` | {reason.ended_by} |" in page()
        assert reason.retryable is ending.retryable
        assert ending.advice.endswith(".")
        assert not ending.title.endswith(".")


def test_agents_see_plain_words() -> None:
    """A reason is its word, so that it can be compared, logged and sent as it is."""
    assert EndedReason("refused") == "refused"
    assert f"{EndedReason.CALLER_HANGUP}" == "caller_hangup"
