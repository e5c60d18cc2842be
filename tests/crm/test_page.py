"""The page about events says what the code does."""

from frontdesk.crm.__main__ import PAGE, page
from frontdesk.crm.caller_answer import CallerAnswer
from frontdesk.crm.events import EVENT_TYPES, CallData
from frontdesk.crm.schedule import SCHEDULE_S


def test_the_page_is_current() -> None:
    """docs/crm-events.md is what `python -m frontdesk.crm` writes."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_the_page_names_everything() -> None:
    """Each type of event, each field and each pause of the schedule is on the page, and described."""
    text = page()
    assert all(f"| `{name}` | " in text for name in EVENT_TYPES)
    assert all(field.description for field in CallData.model_fields.values())
    assert "5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h" in text
    assert len(SCHEDULE_S) == 9


def test_the_page_tells_how_to_say_who_is_calling() -> None:
    """Each field that an answer about a caller may have is on the page."""
    text = page()
    assert all(f"| `{name}` | " in text for name in CallerAnswer.model_fields)
