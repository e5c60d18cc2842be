"""The books of the calls, read for people and programs."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, cast, func, or_, select, tuple_

from frontdesk.calls import views
from frontdesk.calls.filters import CallFilters
from frontdesk.calls.models import State
from frontdesk.calls.present import (
    attempt_view,
    page_view,
    record_view,
    timeline_view,
    transcript_view,
)
from frontdesk.calls.tables import attempts, call_events, calls, legs, tool_calls, turns
from frontdesk.errors import CallNotFoundError, DatabaseUnavailableError, ErasedError
from frontdesk.storage.database import Database

_HANG_UP = calls.c.life["hang_up"]["why"].as_string().label("hang_up")
_NEXT_ALLOWED_AT = calls.c.life["blocked"]["next_allowed_at"].as_float().label("next_allowed_at")
_HIDDEN = {"life", "line", "limits", "variables", "plan", "brief", "request_digest", "due_at"}
_SUMMARY = (*(column for column in calls.c if column.name not in _HIDDEN), _HANG_UP)
_RECORD = (*_SUMMARY, calls.c.limits, calls.c.variables, calls.c.plan, _NEXT_ALLOWED_AT)
_WAITING = (State.SCHEDULED, State.QUEUED, State.RESCHEDULED)


class CallQueries:
    """Answers questions about calls; those of other organizations do not exist.

    Every method raises `CallNotFoundError` for a call that does not exist for the organization, and
    `DatabaseUnavailableError`. An `organization_id` of None stands for all organizations.

    Args:
        database: The books.
        slugs: Slug of each organization by its id.
        awaited: Whether a call, by its id, is known to be on its way into the books.
    """

    def __init__(
        self,
        database: Database,
        slugs: Mapping[str, str],
        awaited: Callable[[str], bool] = lambda _call_id: False,
    ) -> None:
        self._database = database
        self._slugs = slugs
        self._awaited = awaited

    async def page(self, organization_id: str | None, filters: CallFilters) -> views.CallPage:
        """Calls, newest first; a page does not change when calls arrive.

        Raises:
            InvalidCursorError: The cursor was not made for this list.
        """
        query = _listed(organization_id, filters).limit(filters.limit + 1)
        async with self._database.reader() as connection:
            rows = (await connection.execute(query)).mappings().all()
        shown = rows[: filters.limit]
        more = len(rows) > len(shown)
        last = (shown[-1]["created_at"], shown[-1]["id"]) if more else None
        cursor = filters.cursor_after(last, organization_id) if last else None
        return page_view(shown, cursor, self._slugs)

    async def summary(self, organization_id: str | None, call_id: str) -> views.CallSummary:
        """One call as the list shows it."""
        row = (await self._ask(organization_id, call_id))[0]
        return page_view([row], None, self._slugs).calls[0]

    async def record(self, organization_id: str | None, call_id: str) -> views.CallRecord:
        """One call with its attempts and legs."""
        row, tried, lines, counts = await self._ask(
            organization_id,
            call_id,
            _of(call_id, attempts, attempts.c.number),
            _of(call_id, legs, legs.c.started_at, legs.c.session_id),
            select(_count(call_id, turns).label("turns"), _count(call_id, tool_calls).label("tool_calls")),
        )
        return record_view(row, tried, lines, counts[0], self._slugs)

    async def attempts(self, organization_id: str | None, call_id: str) -> views.Attempts:
        """The attempts of a call with all their dials."""
        _, tried = await self._ask(organization_id, call_id, _of(call_id, attempts, attempts.c.number))
        return views.Attempts(call_id=call_id, attempts=tuple(map(attempt_view, tried)))

    async def timeline(self, organization_id: str | None, call_id: str) -> views.Timeline:
        """All events of a call, of both sources, by their own clocks."""
        order = (call_events.c.at, call_events.c.received_at, call_events.c.id)
        row, events = await self._ask(organization_id, call_id, _of(call_id, call_events, *order))
        return timeline_view(row, events)

    async def transcript(self, organization_id: str | None, call_id: str) -> views.Transcript:
        """What was said and done.

        Raises:
            ErasedError: It was erased.
        """
        row, said, done = await self._ask(
            organization_id,
            call_id,
            _of(call_id, turns, turns.c.at),
            _of(call_id, tool_calls, tool_calls.c.at),
        )
        if row["erased_at"] is not None:
            raise ErasedError
        return transcript_view(row, said, done)

    async def _ask(self, organization_id: str | None, call_id: str, *queries: Select[Any]) -> list[Any]:
        """The row of the call, and the rows of each query, of one moment."""
        asked = select(*_RECORD).where(calls.c.id == call_id, *_own(organization_id))
        async with self._database.reader() as connection:
            row = (await connection.execute(asked)).mappings().one_or_none()
            if row is None and self._awaited(call_id):
                raise DatabaseUnavailableError("The call was accepted, and is not in the books yet.")
            if row is None:
                raise CallNotFoundError
            rest = [(await connection.execute(query)).mappings().all() for query in queries]
        return [row, *rest]


def _own(organization_id: str | None) -> list[ColumnElement[bool]]:
    return [] if organization_id is None else [calls.c.organization_id == organization_id]


def _own_of_few(organization_id: str | None) -> list[ColumnElement[bool]]:
    """For calls that go on: by the short index of what is due, not by the long one of the organization."""
    due = calls.c.due_at.is_not(None)
    if organization_id is None:
        return [due]
    return [due, calls.c.organization_id.concat("") == organization_id]


def _of(call_id: str, table: Any, *order: ColumnElement[Any]) -> Select[Any]:
    return select(table).where(table.c.call_id == call_id).order_by(*order)


def _count(call_id: str, table: Any) -> Any:
    return select(func.count()).select_from(table).where(table.c.call_id == call_id).scalar_subquery()


def _listed(organization_id: str | None, filters: CallFilters) -> Select[Any]:
    going_on = bool(filters.state) and State.ENDED not in filters.state
    own = _own_of_few(organization_id) if going_on else _own(organization_id)
    query = select(*_SUMMARY).where(*own, *_conditions(filters))
    position = filters.after(organization_id)
    if position is not None:
        query = query.where(tuple_(calls.c.created_at, calls.c.id) < tuple_(*position))
    return query.order_by(calls.c.created_at.desc(), calls.c.id.desc())


def _conditions(filters: CallFilters) -> list[ColumnElement[bool]]:
    equal = {
        calls.c.direction: filters.direction,
        calls.c.from_number: filters.from_number,
        calls.c.to_number: filters.to_number,
        calls.c.patient_id: filters.patient_id,
        calls.c.workflow: filters.workflow,
        calls.c.external_id: filters.external_id,
        calls.c.campaign_id: filters.campaign_id,
    }
    conditions = [column == value for column, value in equal.items() if value is not None]
    conditions += [_metadata(key) == value for key, value in filters.metadata.items()]
    if filters.state:
        conditions.append(_in_state(filters.state))
    if filters.ended_reason:
        conditions.append(calls.c.ended_reason.in_(filters.ended_reason))
    if filters.created_after is not None:
        conditions.append(calls.c.created_at >= filters.created_after.timestamp())
    if filters.created_before is not None:
        conditions.append(calls.c.created_at < filters.created_before.timestamp())
    return conditions


def _in_state(wanted: tuple[str, ...]) -> ColumnElement[bool]:
    named = [state for state in wanted if state not in {"open", "live"}]
    conditions: list[ColumnElement[bool]] = [calls.c.state.in_(named)]
    if "open" in wanted:
        conditions.append(calls.c.state != State.ENDED)
    if "live" in wanted:
        conditions.append(calls.c.state.not_in([*_WAITING, State.ENDED]))
    return or_(*conditions)


def _metadata(key: str) -> ColumnElement[str]:
    return cast(calls.c.metadata[key].as_string(), Text)
