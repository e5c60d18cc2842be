"""`/meetings` (Daily docs, meetings): who met in which room, and for how long."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from frontdesk.simulator.api import Request, Route
from frontdesk.simulator.rest.errors import not_found
from frontdesk.simulator.rest.fields import whole_number
from frontdesk.simulator.rest.pages import page

if TYPE_CHECKING:
    from frontdesk.simulator.clock import Clock
    from frontdesk.simulator.world import World

KEPT = 1000


@dataclass(slots=True)
class Attendance:
    """One participant of a meeting. Times are Unix seconds; `left_at` is None while inside."""

    participant_id: str
    user_id: str
    user_name: str
    joined_at: float
    left_at: float | None = None

    def shown(self, now: float) -> dict[str, Any]:
        """As the REST API shows it."""
        until = now if self.left_at is None else self.left_at
        return {
            "user_id": self.user_id,
            "participant_id": self.participant_id,
            "user_name": self.user_name,
            "join_time": int(self.joined_at),
            "duration": int(until - self.joined_at),
        }


@dataclass(slots=True)
class Meeting:
    """One session in a room, from the first participant in to the last one out."""

    id: str
    room: str
    started_at: float
    ended_at: float | None = None
    participants: dict[str, Attendance] = field(default_factory=dict)
    most_at_once: int = 0

    def shown(self, now: float) -> dict[str, Any]:
        """As the REST API shows it, without the participants."""
        until = now if self.ended_at is None else self.ended_at
        return {
            "id": self.id,
            "room": self.room,
            "start_time": int(self.started_at),
            "duration": int(until - self.started_at),
            "ongoing": self.ended_at is None,
            "max_participants": self.most_at_once,
        }


class Meetings:
    """The last thousand meetings, written from the domain events `meeting.*` and `participant.*`."""

    def __init__(self, clock: "Clock") -> None:
        self._clock = clock
        self._meetings: dict[str, Meeting] = {}
        self._current: dict[str, Meeting] = {}

    def all(self) -> list[Meeting]:
        """Every meeting, oldest first."""
        return list(self._meetings.values())

    def get(self, meeting_id: str) -> Meeting | None:
        """The meeting with that id."""
        return self._meetings.get(meeting_id)

    def heard(self, event_type: str, payload: dict[str, Any]) -> None:
        """Follow one domain event; others than the four are ignored."""
        now = self._clock.wall()
        if event_type == "meeting.started":
            self._start(payload["room"], payload["meeting_id"], now)
        elif event_type == "meeting.ended":
            self._end(payload["room"], now)
        elif event_type == "participant.joined":
            self._join(payload, now)
        elif event_type == "participant.left":
            self._leave(payload, now)

    def _start(self, room: str, meeting_id: str, now: float) -> None:
        meeting = Meeting(meeting_id, room, now)
        self._meetings[meeting_id] = self._current[room] = meeting
        if len(self._meetings) > KEPT:
            del self._meetings[next(iter(self._meetings))]

    def _end(self, room: str, now: float) -> None:
        meeting = self._current.pop(room, None)
        if meeting is None:
            return
        meeting.ended_at = now
        for one in meeting.participants.values():
            one.left_at = one.left_at or now

    def _join(self, payload: dict[str, Any], now: float) -> None:
        meeting = self._current.get(payload["room"])
        if meeting is None:
            return
        session_id = payload["session_id"]
        user_id, name = payload.get("user_id") or session_id, payload.get("user_name") or ""
        meeting.participants[session_id] = Attendance(session_id, user_id, name, now)
        inside = sum(one.left_at is None for one in meeting.participants.values())
        meeting.most_at_once = max(meeting.most_at_once, inside)

    def _leave(self, payload: dict[str, Any], now: float) -> None:
        meeting = self._current.get(payload["room"])
        attendance = meeting and meeting.participants.get(payload["session_id"])
        if attendance:
            attendance.left_at = now


class MeetingRoutes:
    """List meetings, show one, show who was there."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._meetings = world.meetings

    def routes(self) -> list[Route]:
        """Their table."""
        return [
            Route("GET", "/meetings", self.list_meetings),
            Route("GET", "/meetings/{id}", self.read),
            Route("GET", "/meetings/{id}/participants", self.participants),
        ]

    async def list_meetings(self, request: Request) -> dict[str, Any]:
        """All meetings that fit, newest first, with their participants unless those are not wanted."""
        now, bare = self._world.clock.wall(), request.query.get("no_participants") == "true"
        found = [one for one in reversed(self._meetings.all()) if _fits(one, request.query)]

        def show(meeting: Meeting) -> dict[str, Any]:
            shown = meeting.shown(now)
            return shown if bare else shown | {"participants": _people(meeting, now)}

        return page(found, request.query, cursor=lambda one: one.id, show=show)

    async def read(self, request: Request) -> dict[str, Any]:
        """One meeting."""
        return self._found(request).shown(self._world.clock.wall())

    async def participants(self, request: Request) -> dict[str, Any]:
        """Who was in one meeting."""
        people = _people(self._found(request), self._world.clock.wall())
        return {"data": people[: whole_number(request.query, "limit", len(people))]}

    def _found(self, request: Request) -> Meeting:
        meeting = self._meetings.get(request.params["id"])
        if meeting is None:
            raise not_found("meeting not found")
        return meeting


def _people(meeting: Meeting, now: float) -> list[dict[str, Any]]:
    return [one.shown(now) for one in meeting.participants.values()]


def _fits(meeting: Meeting, query: dict[str, str]) -> bool:
    since, until = whole_number(query, "timeframe_start", 0), whole_number(query, "timeframe_end", 2**53)
    ongoing = "true" if meeting.ended_at is None else "false"
    return (
        query.get("room") in {None, meeting.room}
        and query.get("ongoing") in {None, ongoing}
        and since <= meeting.started_at <= until
    )
