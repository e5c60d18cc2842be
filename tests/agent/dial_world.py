"""A phone network that answers the dial-out machine in any order it likes, for property tests."""

from dataclasses import dataclass, field

from frontdesk.agent import dialing
from frontdesk.agent.dial_events import (
    Answered,
    Command,
    Connected,
    Dial,
    Event,
    Failed,
    Finish,
    HangUp,
    HungUp,
    Pause,
    PauseOver,
    RangLongEnough,
    Refused,
    Started,
    Stopped,
    Talk,
    WatchRing,
)
from frontdesk.agent.dial_state import State


@dataclass
class DialWorld:
    """The truth about every dial, beside the machine that only hears of it.

    `pending` are events on their way; a test delivers them in any order, any number of times.
    """

    state: State
    alive: set[int] = field(default_factory=set)
    dials: int = 0
    talks: int = 0
    finishes: list[str] = field(default_factory=list)
    canceled: bool = False
    answer_heard: bool = False
    pending: list[Event] = field(default_factory=list)
    delivered: list[Event] = field(default_factory=list)

    def session(self, dial: int) -> str:
        """The session id that Daily gives a dial."""
        return f"session-{dial}"

    def deliver(self, event: Event) -> None:
        """Let the machine hear of an event and do what it asks."""
        self.delivered.append(event)
        self.answer_heard |= isinstance(event, Answered)
        self.state, commands = dialing.step(self.state, event)
        for command in commands:
            self._obey(command)

    def _obey(self, command: Command) -> None:
        match command:
            case Dial(dial):
                assert not self.finishes, "dialed after the end"
                assert not self.answer_heard, "dialed after somebody picked up"
                assert not self.canceled, "dialed after the cancel"
                assert not self.alive, f"dialed while {self.alive} may ring"
                self.dials += 1
                self.alive.add(dial)
            case WatchRing(dial):
                self.pending.append(RangLongEnough(dial))
            case Pause(dial):
                self.pending.append(PauseOver(dial))
            case HangUp(dial, session_id):
                assert session_id == self.session(dial)
                self.alive.discard(dial)
                self.pending.append(HungUp(dial, done=True))
            case Talk():
                self.talks += 1
            case Finish(reason):
                self.finishes.append(reason.value)

    def network_starts(self, dial: int) -> None:
        """`start_dialout` returns a session id."""
        self.pending.append(Started(dial, self.session(dial)))

    def network_refuses(self, dial: int, error: str) -> None:
        """`start_dialout` returns an error: nothing rings."""
        self.alive.discard(dial)
        self.pending.append(Refused(dial, error))

    def network_tells(self, dial: int, fate: str, error: str) -> None:
        """What Daily's events say of a dial that rings; the leg is gone with a stop or an error."""
        session_id = self.session(dial)
        events: dict[str, list[Event]] = {
            "silent": [],
            "stopped": [Connected(session_id), Stopped(session_id)],
            "stopped at once": [Stopped(session_id)],
            "error": [Connected(session_id), Failed(session_id, error)],
            "error then stopped": [Failed(session_id, error), Stopped(session_id)],
            "stopped then error": [Connected(session_id), Stopped(session_id), Failed(session_id, error)],
            "error without id": [Connected(session_id), Failed(None, error)],
            "answered": [Connected(session_id), Answered(session_id)],
            "answered without ringing": [Answered(session_id)],
            "answered and hung up": [Connected(session_id), Answered(session_id), Stopped(session_id)],
        }
        if fate not in ("silent", "answered", "answered without ringing"):
            self.alive.discard(dial)
        self.pending += events[fate]
