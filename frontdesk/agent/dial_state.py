"""What the dial-out machine knows."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto

from frontdesk.agent import dial_events as ev
from frontdesk.agent.dispositions import UNANSWERED, Disposition


class Phase(Enum):
    """Where the dial-out stands."""

    IDLE = auto()
    STARTING = auto()
    RINGING = auto()
    STOPPING = auto()
    PAUSED = auto()
    ASKING = auto()
    TALKING = auto()
    OVER = auto()


@dataclass(frozen=True)
class State:
    """All that the machine knows. `dial` counts from 1; `past` holds the session ids of earlier dials."""

    most_dials: int
    phase: Phase = Phase.IDLE
    dial: int = 0
    session_id: str | None = None
    past: frozenset[str] = frozenset()
    held: tuple[ev.LineEvent, ...] = ()
    rang: bool = False
    canceled: bool = False
    why: Disposition = UNANSWERED
    gone: bool = False
    picked_up: bool = False

    def ours(self, event: ev.LineEvent) -> bool:
        """Whether an event may be about the dial under way: it has its session id, or none."""
        return not event.session_id or not self.session_id or event.session_id == self.session_id

    def unheard_of(self, session_id: str | None) -> bool:
        """Whether a session id belongs to no dial that is known."""
        return bool(session_id) and session_id != self.session_id and session_id not in self.past

    def stray(self, session_id: str) -> bool:
        """Whether a session id can only be an earlier dial's, which was refused and never had a name."""
        return self.dial > 1 and bool(self.session_id) and self.unheard_of(session_id)


def only_id(held: Iterable[ev.LineEvent]) -> str | None:
    """The session id that all events have that carry one, if there is exactly one."""
    ids = {event.session_id for event in held if event.session_id}
    return ids.pop() if len(ids) == 1 else None


def alive(held: Iterable[ev.LineEvent]) -> str | None:
    """The session that was heard ringing or answering; of several the first one that was not heard ending."""
    ended = {event.session_id for event in held if isinstance(event, ev.Stopped | ev.Failed)}
    begun = [event.session_id for event in held if isinstance(event, ev.Connected | ev.Answered)]
    begun = [session_id for session_id in begun if session_id]
    return next((one for one in begun if one not in ended), begun[0] if begun else None)
