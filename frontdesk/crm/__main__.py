"""`python -m frontdesk.crm` writes docs/crm-events.md: what the CRM is told, and how."""

import json
from dataclasses import replace
from pathlib import Path

from frontdesk.calls.life import opened
from frontdesk.calls.models import NewCall, State
from frontdesk.calls.orders import Patience, Told
from frontdesk.crm.caller_answer import MOST_BYTES
from frontdesk.crm.callers import DEADLINE_S
from frontdesk.crm.events import CALL_EVENTS, LARGEST_BYTES, PING_ABOUT, PING_EVENT, CallData, call_event
from frontdesk.crm.schedule import Pace
from frontdesk.ended import ENDED_REASONS, EndedReason

PAGE = Path(__file__).resolve().parents[2] / "docs" / "crm-events.md"
_TEMPLATE = Path(__file__).with_name("crm-events.template.md")
_CALL = NewCall(
    id="6f1c2c5a7e10460b8d3e1f0a9b8c7d6e",
    direction="outbound",
    organization_id="0d6bb1a4-2f0e-4b51-9a53-6f1c2c5a7e10",
    workflow="outreach",
    created_at=1_772_460_300.25,
    from_number=None,
    to_number="+14155550123",
    patient_id="p-1042",
    metadata={"campaign": "recall-march"},
)


def page() -> str:
    """The page, in markdown."""
    types = CALL_EVENTS | {PING_EVENT: PING_ABOUT}
    return _TEMPLATE.read_text(encoding="utf-8").format(
        types="\n".join(_row(name, about) for name, about in types.items()),
        example=json.dumps(_example(), indent=2),
        fields="\n".join(_row(name, about) for name, about in _described().items()),
        schedule=_schedule(),
        tries=len(Pace().schedule_s) + 1,
        timeout_s=f"{Pace().timeout_s:g}",
        days=f"{Pace().disable_after_s / 86_400:g}",
        largest=f"{LARGEST_BYTES:,}",
        deadline_s=f"{DEADLINE_S:g}",
        most_kib=f"{MOST_BYTES / 1024:g}",
    )


def _example() -> dict[str, object]:
    reason, ended_at = EndedReason.CALLER_HANGUP, _CALL.created_at + 62.4
    ending = ENDED_REASONS[reason]
    data = {"reason": reason.value, "retryable": ending.retryable, "ended_by": "callee", "ended_at": ended_at}
    told = Told("call.ended", 5, 1, is_last_attempt=True, at=ended_at, data=dict(data))
    began = opened(_CALL, Patience()).state
    state = replace(began, state=State.ENDED, answered_at=_CALL.created_at + 14.1)
    return call_event(_CALL, state, told, "bright-smile")


def _described() -> dict[str, str]:
    return {field.alias or name: field.description or "" for name, field in CallData.model_fields.items()}


def _row(name: str, about: str) -> str:
    return f"| `{name}` | {about} |"


def _schedule() -> str:
    return ", ".join(_long(seconds) for seconds in Pace().schedule_s)


def _long(seconds: float) -> str:
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
