"""What erasure leaves of JSON: what says nothing about a person. A key that is not listed loses its value."""

from typing import Any, Final

_OF_EVENTS: Final = frozenset(
    {
        *("event_id", "call_id", "sequence", "attempt", "is_last_attempt", "direction", "state"),
        *("organization_id", "organization", "workflow", "started_at", "answered_at", "ended_at"),
        *("duration_s", "ended_reason", "ended_by", "retryable", "advice", "left_out"),
        *("campaign_id", "waiting_for", "next_attempt_at", "next_allowed_at"),
    }
)
_PERSONAL: Final = frozenset({"detail", "ended_detail", "timezone", "consent_at"})


def erased_payload(payload: Any) -> Any:
    """An event for the CRM, in its shape, without numbers, names and the CRM's own data."""
    if not isinstance(payload, dict) or not isinstance(payload.get("data"), dict):
        return {}
    data = {key: value if key in _OF_EVENTS else None for key, value in payload["data"].items()}
    if "metadata" in data:
        data["metadata"] = {}
    return {"type": payload.get("type"), "timestamp": payload.get("timestamp"), "data": data}


def erased_life(life: Any) -> Any:
    """What the life of a call or its plan remembers, without free text and what is said of the callee."""
    if isinstance(life, dict):
        return {key: erased_life(value) for key, value in life.items() if key not in _PERSONAL}
    return [erased_life(value) for value in life] if isinstance(life, list) else life
