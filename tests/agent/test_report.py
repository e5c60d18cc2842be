"""What a report tells the gateway, and what the log."""

from typing import Any

from loguru import logger

from frontdesk.agent.link import Link
from frontdesk.agent.report import LinkedReport, Step, ToolCall, Turn
from frontdesk.calls.models import BotFact
from frontdesk.ended import EndedReason


class NotedLink(Link):
    """A link that only remembers."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any], bool]] = []

    def tell(self, kind: str, data: Any, *, droppable: bool = False) -> None:
        self.told.append((kind, dict(data), droppable))


def test_the_report_speaks_the_ledgers_language_and_logs_nothing_personal() -> None:
    """Every step that is reported is a fact of bots; what was said is in the report and not in the log."""
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(str(message)))
    link = NotedLink()
    report = LinkedReport(link)
    for step in Step:
        if step not in (Step.TURN, Step.ENDING, Step.ENDED):
            report.step(step, dial=1)
    report.step(Step.DIALIN_READY)
    report.turn(Turn("user", "my name is Ada", 1.0, None))
    report.tool(ToolCall("look_up", {"name": "Ada"}, {"phone": "555"}, ok=True, duration_ms=3.2))
    report.ending(EndedReason.BOT_HANGUP, "")
    report.ended(EndedReason.BOT_HANGUP, "detail")
    logger.remove(sink)
    kinds = [kind for kind, _, _ in link.told]
    assert sorted(kinds) == sorted(set(kinds))
    assert set(kinds) == (set(BotFact) | {"answered_by"}) - {BotFact.CLAIMED}
    assert {kind for kind, _, droppable in link.told if droppable} == {
        "turn",
        "tool",
        "caller_silent",
        "service_error",
        "forward_failed",
    }
    said = {key: value for key, value in _data(link, "turn").items() if value}
    assert said == {"role": "user", "text": "my name is Ada", "started_at": 1.0}
    assert _data(link, "ended") == {"reason": "bot_hangup", "detail": "detail"}
    assert lines
    assert not [line for line in lines if "Ada" in line or "555" in line]


def _data(link: NotedLink, kind: str) -> dict[str, Any]:
    return next(data for name, data, _ in link.told if name == kind)
