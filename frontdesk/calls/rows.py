"""Rows of the ledger's tables, as the drivers take them: JSON as text."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter

from frontdesk.calls.codec import dumped
from frontdesk.calls.models import BotFact, Data, Fact, GatewayFact, NewCall
from frontdesk.calls.personal import impersonal
from frontdesk.calls.state import Attempt, CallState, Leg
from frontdesk.storage.json_text import from_text, to_text

Row = dict[str, Any]
_STATES = TypeAdapter(CallState)
"""Writes and reads what `CallState.to_json` and `from_json` do, in a third of the time."""
CONTENT = {
    BotFact.TURN.value: ("text",),
    BotFact.TOOL.value: ("arguments", "result"),
    GatewayFact.CALLER_KNOWN.value: ("patient_id", "variables"),
}
"""What is kept in `turns`, `tool_calls` and `calls`, and not once more in `call_events`."""
_HUGE = 1e15
RINGING = ("ringing", "daily.dialout.connected")
ANSWERED = ("connected", "answered", "daily.dialin.connected", "daily.dialout.answered")


def call_row(call: NewCall) -> Row:
    """The call as it was accepted, or as the CRM knows its caller."""
    return {
        "id": call.id,
        "organization_id": call.organization_id,
        "direction": call.direction,
        "workflow": call.workflow,
        "from_number": call.from_number,
        "to_number": call.to_number,
        "patient_id": call.patient_id,
        "line": to_text(call.line),
        "limits": to_text(call.limits),
        "variables": to_text(call.variables),
        "metadata": to_text(call.metadata),
        "caller_id": call.caller_id,
        "external_id": call.external_id,
        "campaign_id": call.campaign_id,
        "request_digest": call.request_digest,
        "plan": to_text(call.plan),
        "brief": to_text(call.brief),
        "created_at": call.created_at,
    }


def with_caller(call: NewCall, fact: Fact) -> NewCall:
    """The call with what the CRM said of its caller."""
    variables = fact.data.get("variables")
    return replace(
        call,
        workflow=_text(fact.data, "workflow") or call.workflow,
        patient_id=_text(fact.data, "patient_id") or call.patient_id,
        variables=call.variables | (variables if isinstance(variables, dict) else {}),
    )


def caller_row(call: NewCall) -> Row:
    """What the CRM may say of a caller."""
    return {
        "call": call.id,
        "new_workflow": call.workflow,
        "new_patient_id": call.patient_id,
        "new_variables": to_text(call.variables),
    }


def state_row(state: CallState, updated_at: float) -> Row:
    """What changes in the life of a call."""
    return {
        "id": state.id,
        "state": state.state.value,
        "updated_at": updated_at,
        "answered_at": state.answered_at,
        "first_word_at": state.first_word_at,
        "ended_at": state.ended_at,
        "ended_reason": state.ended_reason and str(state.ended_reason),
        "ended_by": state.ended_by,
        "ended_detail": state.ended_detail,
        "attempt": state.attempt,
        "life": _STATES.dump_json(state, exclude_defaults=True, warnings=False).decode(),
        "due_at": state.due_at,
        "next_attempt_at": state.waiting and state.waiting.at,
        "waiting_for": state.waiting and state.waiting.why,
    }


def call_of(row: Any, state: CallState) -> NewCall:
    """The call in a row of `calls` that came as plain values."""
    return NewCall(
        id=row.id,
        direction=state.direction,
        organization_id=row.organization_id,
        workflow=row.workflow,
        created_at=row.created_at,
        from_number=row.from_number,
        to_number=row.to_number,
        patient_id=row.patient_id,
        line=from_text(row.line),
        limits=from_text(row.limits),
        variables=from_text(row.variables),
        metadata=from_text(row.metadata),
        caller_id=row.caller_id,
        external_id=row.external_id,
        campaign_id=row.campaign_id,
        request_digest=row.request_digest,
        plan=from_text(row.plan),
        brief=from_text(row.brief),
    )


def state_of(row: Any) -> CallState:
    """The state in a row of `calls` that came as plain values."""
    return _STATES.validate_json(row.life)


def attempt_row(call_id: str, attempt: Attempt) -> Row:
    """One attempt, for readers."""
    rings = [dial.ringing_at for dial in attempt.dials]
    answers = [dial.answered_at for dial in attempt.dials]
    return {
        "call_id": call_id,
        "number": attempt.number,
        "room": attempt.room or None,
        "owner": attempt.owner or None,
        "session_id": attempt.session_id or None,
        "host": attempt.host or None,
        "host_session_id": attempt.host_session_id or None,
        "opened_at": attempt.opened_at,
        "joined_at": attempt.milestones.get(BotFact.JOINED),
        "ringing_at": _earliest(rings, attempt, RINGING),
        "answered_at": _earliest(answers, attempt, ANSWERED),
        "ended_at": attempt.over and attempt.over.at,
        "ended_reason": attempt.over and str(attempt.over.reason),
        "dials": to_text([dumped(dial) for dial in attempt.dials]),
    }


def leg_row(call_id: str, attempt: int, leg: Leg) -> Row:
    """One participant."""
    return {
        "call_id": call_id,
        "session_id": leg.session_id,
        "attempt": attempt,
        "kind": leg.kind,
        "started_at": leg.started_at,
        "answered_at": leg.answered_at,
        "ended_at": leg.ended_at,
    }


def event_row(fact: Fact, received_at: float, *, late: bool, erased: bool) -> Row:
    """One fact, without what somebody said; of a call that was erased, without anything personal."""
    left_out = CONTENT.get(fact.type, ())
    data = impersonal(fact.source, fact.data) if erased else fact.data
    return {
        "call_id": fact.call_id,
        "id": fact.id,
        "source": fact.source.value,
        "type": fact.type,
        "attempt": fact.attempt,
        "at": fact.at,
        "received_at": received_at,
        "late": late,
        "data": to_text({name: value for name, value in data.items() if name not in left_out}),
    }


def turn_row(fact: Fact, *, erased: bool) -> Row:
    """What somebody said, unless the call's content was erased meanwhile."""
    data = fact.data
    return {
        "call_id": fact.call_id,
        "id": fact.id,
        "attempt": fact.attempt,
        "role": _text(data, "role") or "",
        "text": None if erased else _text(data, "text"),
        "at": fact.at,
        "started_at": _number(data, "started_at"),
        "ended_at": _number(data, "ended_at"),
        "interrupted": data.get("interrupted") is True,
        "latency_ms": to_text(data.get("latency_ms") or {}),
    }


def tool_row(fact: Fact, *, erased: bool) -> Row:
    """One use of a tool, without its content when that was erased meanwhile."""
    data = fact.data
    return {
        "call_id": fact.call_id,
        "id": fact.id,
        "attempt": fact.attempt,
        "name": _text(data, "name") or "",
        "arguments": None if erased else _json(data, "arguments"),
        "result": None if erased else _json(data, "result"),
        "ok": data.get("ok") is True,
        "at": fact.at,
        "duration_ms": _number(data, "duration_ms"),
    }


def _earliest(times: Iterable[float | None], attempt: Attempt, names: Iterable[str]) -> float | None:
    known = [*times, *(attempt.milestones.get(name) for name in names)]
    return min((at for at in known if at is not None), default=None)


def _text(data: Data, name: str) -> str | None:
    """A text that PostgreSQL takes too: without NUL."""
    value = data.get(name)
    return value.replace("\0", "") if isinstance(value, str) else None


def _number(data: Data, name: str) -> float | None:
    """A number that every database and JSON take: finite."""
    value = data.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if abs(value) < _HUGE else None


def _json(data: Data, name: str) -> str | None:
    value = data.get(name)
    return None if value is None else to_text(value)
