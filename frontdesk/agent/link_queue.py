"""What waits to be reported: in order, encoded once, bounded.

When the gateway is away for long, turns, tool calls and the like give way, the oldest first, and one
`dropped` event says how many. Milestones and the end are few, small, and never dropped.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_json

MOST_WAITING_BYTES = 4 * 1024 * 1024
MOST_EVENT_BYTES = 64 * 1024
_BATCH_EVENTS = 100
_BATCH_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class _Event:
    body: bytes
    droppable: bool


class LinkQueue:
    """Events of one session, numbered from 1.

    Args:
        name: Starts every event's id; no other start of a bot has it.
        clock: UTC seconds.
        most_bytes: Most that the droppable events may hold together.
    """

    def __init__(
        self, name: str, clock: Callable[[], float] = time.time, most_bytes: int = MOST_WAITING_BYTES
    ) -> None:
        self._name = name
        self._clock = clock
        self._most_bytes = most_bytes
        self._sequence = 0
        self._offered: list[_Event] = []
        self._offer_at_most = _BATCH_EVENTS
        self._waiting: deque[_Event] = deque()
        self._droppable_bytes = 0
        self._dropped = 0

    def __len__(self) -> int:
        return len(self._offered) + len(self._waiting)

    def put(self, kind: str, data: Mapping[str, Any], *, droppable: bool = False) -> None:
        """Append what happened just now."""
        event = _Event(self._encode(kind, data), droppable)
        self._waiting.append(event)
        if droppable:
            self._droppable_bytes += len(event.body)
            self._make_room()

    def offer(self) -> list[bytes]:
        """The next batch; the same one, in the same order, until something of it was taken."""
        if not self._offered:
            self._tell_dropped()
            self._offered = self._next()
        return [event.body for event in self._offered]

    def taken(self, count: int) -> None:
        """The first events of the batch need not be offered again."""
        back = self._offered[count:]
        self._waiting.extendleft(reversed(back))
        self._droppable_bytes += sum(len(event.body) for event in back if event.droppable)
        self._offered = []
        self._offer_at_most = _BATCH_EVENTS

    def refused(self) -> bool:
        """The batch was not understood: offer half of it; gives up an event that was alone, then True."""
        alone = len(self._offered) == 1
        half = max(1, len(self._offered) // 2)
        self.taken(1 if alone else 0)
        self._offer_at_most = _BATCH_EVENTS if alone else half
        return alone

    def clear(self) -> None:
        """Nobody wants to know any more."""
        self._offered = []
        self._waiting.clear()
        self._droppable_bytes = 0

    def _next(self) -> list[_Event]:
        batch: list[_Event] = []
        size = 0
        while self._waiting and len(batch) < self._offer_at_most:
            size += len(self._waiting[0].body)
            if batch and size > _BATCH_BYTES:
                break
            event = self._waiting.popleft()
            self._droppable_bytes -= len(event.body) if event.droppable else 0
            batch.append(event)
        return batch

    def _make_room(self) -> None:
        while self._droppable_bytes > self._most_bytes:
            oldest = next(event for event in self._waiting if event.droppable)
            self._waiting.remove(oldest)
            self._droppable_bytes -= len(oldest.body)
            self._dropped += 1

    def _tell_dropped(self) -> None:
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            self.put("dropped", {"count": dropped})

    def _encode(self, kind: str, data: Mapping[str, Any]) -> bytes:
        self._sequence += 1
        head = {
            "id": f"{self._name}-{self._sequence:06}",
            "sequence": self._sequence,
            "type": kind,
            "at": datetime.fromtimestamp(self._clock(), UTC).isoformat(),
        }
        told = {key: _bounded(_clean(value)) for key, value in data.items()}
        return to_json(head | {"data": told}, inf_nan_mode="null")


def _clean(value: Any) -> Any:
    """Only what JSON and a database's text can hold: no NUL, no half surrogate pair, no foreign object."""
    match value:
        case str():
            text = value.encode(errors="replace").decode()
            return text.replace("\0", "").replace("\\u0000", "")
        case None | bool() | int() | float():
            return value
        case Mapping():
            return {_clean(str(key)): _clean(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_clean(item) for item in value]
    return _clean(str(value))


def _bounded(value: Any) -> Any:
    if isinstance(value, str):
        return value[: MOST_EVENT_BYTES // 8]
    size = len(to_json(value, inf_nan_mode="null")) if isinstance(value, dict | list) else 0
    return value if size <= MOST_EVENT_BYTES // 3 else {"omitted_bytes": size}
