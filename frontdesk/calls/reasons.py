"""`python -m frontdesk.calls.reasons` writes docs/ended-reasons.md, the page of why calls end."""

from pathlib import Path

from frontdesk.ended import ENDED_REASONS, EndedReason, Ending

PAGE = Path(__file__).resolve().parents[2] / "docs" / "ended-reasons.md"
_HEAD = """# Why calls end

<!-- Written by `python -m frontdesk.calls.reasons`; a test keeps it current. -->

Every call ends once, with one of these as its `ended_reason`, in the record, in `call.ended` and in the
bot's log; the list only grows. `ended_by` names the side, as far as it is known; the record may know better,
such as `callee` where a person who was called hung up. Retryable means that a later call may come to more.

What the bot says of the end holds; if the gateway had decided to hang up before, its reason holds. When the
bot says nothing, the reason is what Daily's events and the state of the room support.

| reason | ended by | retryable | what happened | what to do |
|---|---|---|---|---|
"""


def page() -> str:
    """The page, in markdown."""
    return _HEAD + "".join(_row(reason, ENDED_REASONS[reason]) for reason in EndedReason)


def _row(reason: EndedReason, ending: Ending) -> str:
    retryable = "yes" if ending.retryable else "no"
    return f"| `{reason}` | {ending.ended_by} | {retryable} | {ending.title}. | {ending.advice} |\n"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
