"""Rows of the books as views."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping

from frontdesk.calls import views
from frontdesk.calls.models import State
from frontdesk.calls.personal import impersonal
from frontdesk.calls.views import milliseconds, moment, moment_or_none
from frontdesk.ended import ENDED_REASONS, EndedReason

Rows = Sequence[RowMapping]
Slugs = Mapping[str, str]
_TIMES = ("opened_at", "joined_at", "ringing_at", "answered_at", "ended_at")


def page_view(rows: Rows, cursor: str | None, slugs: Slugs) -> views.CallPage:
    """A page of the list."""
    shown = tuple(views.CallSummary(**_summary(row, slugs)) for row in rows)
    return views.CallPage(calls=shown, next_cursor=cursor)


def record_view(
    row: RowMapping, tried: Rows, lines: Rows, counts: RowMapping, slugs: Slugs
) -> views.CallRecord:
    """All that is known of a call, but for its events and its words."""
    reason = _reason(row)
    return views.CallRecord(
        **_summary(row, slugs),
        **counts,
        updated_at=moment(row["updated_at"]),
        advice=ENDED_REASONS[reason].advice if reason else None,
        ended_detail=row["ended_detail"],
        next_allowed_at=moment_or_none(row["next_allowed_at"]),
        earliest_at=moment_or_none(row["plan"].get("earliest_at")),
        latest_at=moment_or_none(row["plan"].get("latest_at")),
        max_attempts=row["plan"].get("max_attempts", 1) if row["plan"] else None,
        durations=_durations(row),
        limits=row["limits"],
        variables=row["variables"],
        attempts=tuple(_attempt_summary(attempt) for attempt in tried),
        legs=tuple(_leg(line) for line in lines),
    )


def attempt_view(row: RowMapping) -> views.Attempt:
    """One attempt with all its dials."""
    names = ("number", "room", "session_id", "host", "host_session_id", "ended_reason")
    return views.Attempt(
        **{name: row[name] for name in names},
        **{name: moment_or_none(row[name]) for name in _TIMES},
        gateway=row["owner"],
        rings=_rings(row),
        dials=tuple(_dial(dial) for dial in row["dials"]),
    )


def timeline_view(row: RowMapping, events: Rows) -> views.Timeline:
    """All that happened to a call, in order."""
    start = row["created_at"]
    return views.Timeline(
        call_id=row["id"], started_at=moment(start), events=tuple(_event(event, start) for event in events)
    )


def transcript_view(row: RowMapping, said: Rows, done: Rows) -> views.Transcript:
    """What was said and done, in order: a turn stands where it began."""
    start = row["created_at"]
    entries: list[tuple[float, views.Turn | views.ToolCall]] = [
        (_began(turn), _turn(turn, start)) for turn in said
    ]
    entries += [(tool["at"], _tool(tool, start)) for tool in done]
    ordered = sorted(entries, key=lambda entry: entry[0])
    return views.Transcript(call_id=row["id"], entries=tuple(entry for _, entry in ordered))


def _summary(row: RowMapping, slugs: Slugs) -> dict[str, Any]:
    reason = _reason(row)
    about = ("organization_id", "direction", "workflow", "state", "patient_id", "metadata", "attempt")
    ids = ("from_number", "to_number", "caller_id", "external_id", "campaign_id", "waiting_for")
    times = ("created_at", "answered_at", "first_word_at", "next_attempt_at", "ended_at", "erased_at")
    return {
        **{name: row[name] for name in (*about, *ids, "ended_reason", "ended_by")},
        **{name: moment_or_none(row[name]) for name in times},
        "call_id": row["id"],
        "organization": slugs.get(row["organization_id"]),
        "canceling": row["hang_up"] is not None and row["state"] != State.ENDED,
        "answered_to_first_word_ms": milliseconds(row["answered_at"], row["first_word_at"]),
        "retryable": reason.retryable if reason else None,
    }


def _reason(row: RowMapping) -> EndedReason | None:
    return EndedReason(row["ended_reason"]) if row["ended_reason"] else None


def _durations(row: RowMapping) -> views.Durations:
    created, answered, ended = row["created_at"], row["answered_at"], row["ended_at"]
    return views.Durations(
        to_answer_ms=milliseconds(created, answered),
        answered_to_first_word_ms=milliseconds(answered, row["first_word_at"]),
        talk_ms=milliseconds(answered, ended),
        total_ms=milliseconds(created, ended),
    )


def _attempt_summary(row: RowMapping) -> views.AttemptSummary:
    times = {name: moment_or_none(row[name]) for name in _TIMES}
    return views.AttemptSummary(
        number=row["number"],
        ended_reason=row["ended_reason"],
        dials=len(row["dials"]),
        rings=_rings(row),
        **times,
    )


def _rings(row: RowMapping) -> int:
    """The dials that rang; one, where only Daily or nobody tells of dials, and a phone did."""
    rang = [dial for dial in row["dials"] if dial.get("ringing_at") or dial.get("answered_at")]
    return len(rang) or int(row["ringing_at"] is not None)


def _leg(row: RowMapping) -> views.Leg:
    times = {name: moment_or_none(row[name]) for name in ("started_at", "answered_at", "ended_at")}
    return views.Leg(session_id=row["session_id"], kind=row["kind"], attempt=row["attempt"], **times)


def _dial(dial: Mapping[str, Any]) -> views.Object:
    """Its times, which the books hold in seconds, as the API tells times."""
    return {
        name: views.rfc3339(moment(value)) if name.endswith("_at") and value is not None else value
        for name, value in dial.items()
    }


def _event(row: RowMapping, start: float) -> views.TimelineEvent:
    return views.TimelineEvent(
        ms=round((row["at"] - start) * 1000),
        at=moment(row["at"]),
        source=row["source"],
        type=row["type"],
        attempt=row["attempt"],
        late=row["late"],
        delay_ms=round((row["received_at"] - row["at"]) * 1000),
        data=impersonal(row["source"], row["data"]),
    )


def _began(turn: RowMapping) -> float:
    return float(turn["at"] if turn["started_at"] is None else turn["started_at"])


def _turn(row: RowMapping, start: float) -> views.Turn:
    return views.Turn(
        role=row["role"],
        text=row["text"] or "",
        at=moment(row["at"]),
        ms=round((_began(row) - start) * 1000),
        started_at=moment_or_none(row["started_at"]),
        ended_at=moment_or_none(row["ended_at"]),
        interrupted=row["interrupted"],
        latency_ms=row["latency_ms"],
        attempt=row["attempt"],
    )


def _tool(row: RowMapping, start: float) -> views.ToolCall:
    return views.ToolCall(
        name=row["name"],
        arguments=row["arguments"],
        result=row["result"],
        ok=row["ok"],
        at=moment(row["at"]),
        ms=round((row["at"] - start) * 1000),
        duration_ms=row["duration_ms"],
        attempt=row["attempt"],
    )
