"""Events of Daily as we keep them: only those of our own rooms, only what the life of a call needs."""

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic_core import from_json, to_json

from frontdesk.calls.models import DAILY_PREFIX, Data, Fact, Source
from frontdesk.daily.presence import BOT_USER_ID
from frontdesk.daily.room_names import parse_room

ODD_TYPE = "odd"
_TYPE = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_DIGITS = re.compile(r"\d(?:[\d ().-]*\d)?")
_LONGEST_ID = 200
_LONGEST_TEXT = 300
_PLAIN = frozenset(
    {
        *("session_id", "meeting_id", "mtg_session_id", "recording_id", "transcriptId", "actionTraceId"),
        *("joined_at", "duration", "start_ts", "end_ts", "is_sip_refer", "owner", "status", "will_eject_at"),
    }
)
"""What is kept of a payload. Numbers, names, SIP headers and addresses of people are not."""
_FIRST_MILLISECONDS = 1e11
_SKEW_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class DailyEvent:
    """One event about one of our rooms.

    `id` is Daily's, or a digest of the body when it has none. Times are UTC seconds, `at` by Daily's clock.
    """

    id: str
    type: str
    room: str
    call_id: str
    attempt: int
    at: float
    received_at: float
    data: Data = field(default_factory=dict)

    @property
    def fact(self) -> Fact:
        """What it says about the call."""
        return Fact(
            self.call_id, self.id, Source.DAILY, DAILY_PREFIX + self.type, self.at, self.attempt, self.data
        )

    def to_bytes(self) -> bytes:
        """For the spool."""
        return to_json(asdict(self))

    @classmethod
    def from_bytes(cls, line: bytes) -> "DailyEvent":
        """From the spool.

        Raises:
            ValueError: It is not what `to_bytes` made.
        """
        try:
            return cls(**from_json(line))
        except TypeError:
            raise ValueError("not an event of Daily") from None


def room_of(body: Mapping[str, Any]) -> str | None:
    """The room that an event is about; events of recordings say `room_name`."""
    payload = _object(body.get("payload"))
    room = payload.get("room") or payload.get("room_name")
    return room if isinstance(room, str) else None


def read_event(body: Mapping[str, Any], content: bytes, received_at: float) -> DailyEvent | None:
    """Read an event, however odd; None when it is not about a room with a name of ours.

    Args:
        body: The request's body.
        content: The same, as it came.
        received_at: UTC seconds.
    """
    room = room_of(body)
    name = parse_room(room) if room else None
    if room is None or name is None:
        return None
    kind, payload = _type(body.get("type")), _object(body.get("payload"))
    return DailyEvent(
        id=_id(body.get("id"), content),
        type=kind,
        room=room,
        call_id=name.call_id,
        attempt=name.attempt,
        at=_at((body.get("event_ts"), payload.get("timestamp")), received_at),
        received_at=received_at,
        data=_kept(kind, payload),
    )


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _id(value: Any, content: bytes) -> str:
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if 0 < len(text) <= _LONGEST_ID:
        return text
    return f"sha256-{hashlib.sha256(content).hexdigest()}"


def _type(value: Any) -> str:
    return value if isinstance(value, str) and _TYPE.fullmatch(value) else ODD_TYPE


def _at(candidates: tuple[Any, ...], received_at: float) -> float:
    """When it happened: seconds or milliseconds, number or text; nonsense counts as when it came."""
    for candidate in candidates:
        seconds = _seconds(candidate)
        if seconds is not None and abs(seconds - received_at) < _SKEW_S:
            return seconds
    return received_at


def _seconds(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(seconds):
        return None
    return seconds / 1000 if seconds >= _FIRST_MILLISECONDS else seconds


def _kept(kind: str, payload: Mapping[str, Any]) -> Data:
    data: Data = {name: payload[name] for name in sorted(_PLAIN & payload.keys()) if _scalar(payload[name])}
    if kind.startswith("participant."):
        data["bot"] = payload.get("user_id") == BOT_USER_ID
    error = payload.get("error_msg")
    if isinstance(error, str):
        data["error_msg"] = _DIGITS.sub(_mask, error)[:_LONGEST_TEXT]
    return data


def _scalar(value: Any) -> bool:
    return (
        value is None
        or isinstance(value, bool | int | float)
        or (isinstance(value, str) and len(value) <= _LONGEST_TEXT)
    )


def _mask(found: re.Match[str]) -> str:
    """Codes such as 486 stay; what may be a phone number does not."""
    text = found.group()
    return text if sum(character.isdigit() for character in text) <= 4 else "…"  # noqa: PLR2004
