"""A phone network that answers the dial-out machine in any order it likes, for property tests."""

from dataclasses import dataclass, field

from frontdesk.agent import dialing
from frontdesk.agent.dial_events import (
    Answered,
    AskAgain,
    Command,
    Connected,
    Dial,
    Event,
    Failed,
    Finish,
    HangUp,
    HangUpStray,
    HungUp,
    MayDial,
    MayNot,
    Pause,
    PauseOver,
    RangLongEnough,
    Refused,
    Started,
    Stopped,
    Talk,
    WatchRing,
)
from frontdesk.agent.dial_state import Phase, State


@dataclass
class DialWorld:
    """The truth about every dial, beside the machine that only hears of it.

    `pending` are events on their way; a test delivers them in any order, any number of times. A phone of
    `late` belongs to a dial that was refused, and rings from when the machine first hears of it.
    """

    state: State
    alive: set[int] = field(default_factory=set)
    late: set[int] = field(default_factory=set)
    silent: set[int] = field(default_factory=set)
    dials: int = 0
    talks: int = 0
    finishes: list[str] = field(default_factory=list)
    canceled: bool = False
    answer_heard: bool = False
    ringing_heard: bool = False
    questions: list[int] = field(default_factory=list)
    allowed: set[int] = field(default_factory=lambda: {1})
    refused: bool = False
    pending: list[Event] = field(default_factory=list)
    delivered: list[Event] = field(default_factory=list)

    def session(self, dial: int) -> str:
        """The session id that Daily gives a dial."""
        return f"session-{dial}"

    def dial_of(self, session_id: str) -> int:
        """Whose session id it is."""
        return int(session_id.removeprefix("session-"))

    def deliver(self, event: Event) -> None:
        """Let the machine hear of an event and do what it asks."""
        self.delivered.append(event)
        self.answer_heard |= isinstance(event, Answered)
        self.ringing_heard |= isinstance(event, Connected)
        if isinstance(event, MayDial):
            self.allowed.add(event.dial)
        self.refused |= isinstance(event, MayNot)
        self._late(event)
        self.state, commands = dialing.step(self.state, event)
        for command in commands:
            self._obey(command)
        if not self.finishes and self.state.phase is not Phase.STARTING:
            assert len(self.alive) <= 1, f"{self.alive} ring at once"

    def _late(self, event: Event) -> None:
        if not isinstance(event, Connected | Answered | Stopped | Failed) or not event.session_id:
            return
        dial = self.dial_of(event.session_id)
        if isinstance(event, Stopped | Failed):
            self._falls_silent(dial)
        elif dial in self.late - self.silent:
            self.alive.add(dial)

    def _falls_silent(self, dial: int) -> None:
        self.alive.discard(dial)
        self.silent.add(dial)

    def _obey(self, command: Command) -> None:
        match command:
            case Dial(dial):
                assert not self.finishes, "dialed after the end"
                assert not self.answer_heard, "dialed after somebody picked up"
                assert not self.ringing_heard, "dialed after a phone rang"
                assert not self.canceled, "dialed after the cancel"
                assert dial in self.allowed, "dialed without being allowed to"
                assert not self.refused, "dialed after a no"
                assert not self.alive, f"dialed while {self.alive} may ring"
                self.dials += 1
                self.alive.add(dial)
            case WatchRing(dial):
                self.pending.append(RangLongEnough(dial))
            case Pause(dial):
                self.pending.append(PauseOver(dial))
            case AskAgain(dial):
                self.questions.append(dial)
            case HangUp(dial, session_id):
                believed = self.dial_of(session_id)
                assert believed == dial or believed in self.late
                self._falls_silent(believed)
                self.pending.append(HungUp(dial, done=True))
            case HangUpStray(session_id):
                assert self.dial_of(session_id) in self.late
                self._falls_silent(self.dial_of(session_id))
            case Talk():
                self.talks += 1
            case Finish(reason):
                self.finishes.append(reason.value)

    def gateway_answers(self, *, may: bool) -> None:
        """Whoever decides says whether the machine may dial once more."""
        dial = self.questions.pop(0)
        self.pending.append(MayDial(dial) if may else MayNot(dial))

    def network_starts(self, dial: int) -> None:
        """`start_dialout` returns a session id."""
        self.pending.append(Started(dial, self.session(dial)))

    def network_refuses(self, dial: int, error: str) -> None:
        """`start_dialout` returns an error: nothing rings."""
        self.alive.discard(dial)
        self.pending.append(Refused(dial, error))

    def network_errs(self, dial: int, error: str, fate: str) -> None:
        """`start_dialout` returns an error, and yet a phone rings, sooner or later."""
        self.network_refuses(dial, error)
        self.late.add(dial)
        session_id = self.session(dial)
        fates: dict[str, list[Event]] = {
            "rings": [Connected(session_id)],
            "rings and stops": [Connected(session_id), Stopped(session_id)],
            "answered": [Connected(session_id), Answered(session_id)],
            "answered and hung up": [Answered(session_id), Stopped(session_id)],
        }
        self.pending += fates[fate]

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
