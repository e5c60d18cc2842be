"""The life of a dial-out, as a pure state machine: `step(state, event) -> (state, commands)`.

It holds three promises for any order and any duplication of Daily's events: never more than one phone
rings, never more dials than allowed, and no dial once somebody picked up or the call was canceled.

Daily gives each dial a session id when `start_dialout` returns; events may overtake that answer, come
twice, or come late, when the next dial is under way. Events before the answer are held until the id is
known. Events of earlier ids are ignored. An event without an id (Daily leaves it out of errors) counts
for the dial under way, whose phone is then hung up for certain before another one rings.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TypeAlias

from frontdesk.agent.dial_events import (
    Answered,
    Begin,
    Cancel,
    Command,
    Connected,
    Dial,
    Event,
    Failed,
    Finish,
    HangUp,
    HungUp,
    LineEvent,
    Pause,
    PauseOver,
    RangLongEnough,
    Refused,
    ReportDialEnded,
    ReportRinging,
    Started,
    Stopped,
    Talk,
    Unknown,
    WatchRing,
)
from frontdesk.agent.dispositions import RANG_OUT, UNANSWERED, UNCLEAR, Disposition, disposition
from frontdesk.ended import EndedReason

_MOST_HELD = 32

# State


class Phase(Enum):
    """Where the dial-out stands."""

    IDLE = auto()
    STARTING = auto()
    RINGING = auto()
    STOPPING = auto()
    PAUSED = auto()
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
    held: tuple[LineEvent, ...] = ()
    rang: bool = False
    canceled: bool = False
    why: Disposition = UNANSWERED
    gone: bool = False
    picked_up: bool = False


Result: TypeAlias = tuple[State, list[Command]]


def step(state: State, event: Event) -> Result:
    """Advance by one event. Events that mean nothing in this phase change nothing."""
    if isinstance(event, Answered) and event.session_id in state.past and state.phase is not Phase.PAUSED:
        # News of an earlier dial: somebody had picked up, so this dial is the last.
        return replace(state, most_dials=state.dial), []
    return _PHASES[state.phase](state, event)


def _idle(state: State, event: Event) -> Result:
    match event:
        case Begin():
            return _dial(state)
        case Cancel():
            return _over(state, EndedReason.CANCELED)
    return state, []


def _starting(state: State, event: Event) -> Result:
    match event:
        case Started(dial, session_id) if dial == state.dial:
            return _started(state, session_id)
        case Refused(dial, error) if dial == state.dial:
            return _refused(state, error)
        case Unknown(dial) if dial == state.dial:
            return _over(state, EndedReason.CANCELED if state.canceled else UNCLEAR.reason)
        case Connected() | Answered() | Stopped() | Failed():
            if event.session_id in state.past or len(state.held) >= _MOST_HELD:
                return state, []
            return replace(state, held=(*state.held, event)), []
        case Cancel():
            return replace(state, canceled=True), []
    return state, []


def _started(state: State, session_id: str) -> Result:
    ringing = replace(state, phase=Phase.RINGING, session_id=session_id or _only_id(state.held), held=())
    if state.canceled:
        return _stop(ringing, state.why)
    return _replay(ringing, [WatchRing(state.dial)], state.held)


def _refused(state: State, error: str) -> Result:
    alive = _alive(state.held)
    named = replace(state, session_id=alive, held=())
    if alive is None:
        return _dial_ended(named, disposition(error))
    if state.canceled:
        return _stop(named, disposition(error))
    return _replay(replace(named, phase=Phase.RINGING), [WatchRing(state.dial)], state.held)


def _ringing(state: State, event: Event) -> Result:
    match event:
        case Connected() | Answered() | Stopped() | Failed() if not _ours(state, event):
            return state, []
        case Connected(session_id):
            return _rings(state, session_id)
        case Answered(session_id):
            return _talk(state, session_id)
        case Stopped(session_id):
            return _fell_silent(state, session_id, UNANSWERED)
        case Failed(session_id, error):
            return _fell_silent(state, session_id, disposition(error))
        case RangLongEnough(dial) if dial == state.dial:
            return _stop(state, RANG_OUT)
        case Cancel():
            return _stop(replace(state, canceled=True), state.why)
    return state, []


def _stopping(state: State, event: Event) -> Result:
    match event:
        case Connected() | Answered() | Stopped() | Failed() if not _ours(state, event):
            return state, []
        case Answered():
            return replace(state, picked_up=True), []
        case Stopped() | Failed() if event.session_id:
            return replace(state, gone=True), []
        case HungUp(dial, done) if dial == state.dial:
            return _stopped(state, done=done)
        case Cancel():
            return replace(state, canceled=True), []
    return state, []


def _stopped(state: State, *, done: bool) -> Result:
    silent = done or state.gone
    if state.picked_up and not silent and not state.canceled:
        return _talk(state, state.session_id)
    if state.picked_up or not silent:
        # Somebody picked up as the ringing was stopped, or it may be ringing still: leave it at that.
        reason = EndedReason.CANCELED if state.canceled else state.why.reason
        return _over(state, reason)
    return _dial_ended(state, state.why)


def _paused(state: State, event: Event) -> Result:
    match event:
        case PauseOver(dial) if dial == state.dial:
            return _dial(state)
        case Connected(session_id) if _unheard_of(state, session_id):
            # `start_dialout` gave an error, and yet this dial's phone rings: believe the phone.
            ringing, report = _rings(replace(state, phase=Phase.RINGING), session_id)
            return ringing, [WatchRing(state.dial), *report]
        case Answered(session_id) if _unheard_of(state, session_id):
            return _talk(state, session_id)
        case Answered():
            # It arrived late: somebody picked up and has hung up since.
            return _over(state, EndedReason.CALLER_HANGUP)
        case Cancel():
            return _over(state, EndedReason.CANCELED)
    return state, []


def _talking(state: State, event: Event) -> Result:
    match event:
        case Stopped(session_id) if session_id and session_id == state.session_id:
            return _over(state, EndedReason.CALLER_HANGUP)
        case Failed(session_id, _) if session_id and session_id == state.session_id:
            return _over(state, EndedReason.LOST)
        case Cancel():
            over, finish = _over(state, EndedReason.CANCELED)
            hang_up: list[Command] = [HangUp(state.dial, state.session_id)] if state.session_id else []
            return over, hang_up + finish
    return state, []


def _finished(state: State, _: Event) -> Result:
    return state, []


_PHASES: dict[Phase, Callable[[State, Event], Result]] = {
    Phase.IDLE: _idle,
    Phase.STARTING: _starting,
    Phase.RINGING: _ringing,
    Phase.STOPPING: _stopping,
    Phase.PAUSED: _paused,
    Phase.TALKING: _talking,
    Phase.OVER: _finished,
}


# Moves that several phases share


def _dial(state: State) -> Result:
    past = state.past | ({state.session_id} if state.session_id else set())
    fresh = State(state.most_dials, Phase.STARTING, state.dial + 1, past=frozenset(past))
    return fresh, [Dial(fresh.dial)]


def _stop(state: State, why: Disposition) -> Result:
    if not state.session_id:
        return _over(state, EndedReason.CANCELED if state.canceled else UNCLEAR.reason)
    return replace(state, phase=Phase.STOPPING, why=why), [HangUp(state.dial, state.session_id)]


def _rings(state: State, session_id: str | None) -> Result:
    report: list[Command] = [] if state.rang else [ReportRinging(state.dial)]
    return replace(state, rang=True, session_id=state.session_id or session_id), report


def _talk(state: State, session_id: str | None) -> Result:
    talking = replace(state, phase=Phase.TALKING, session_id=session_id or state.session_id)
    return talking, [Talk(talking.session_id)]


def _fell_silent(state: State, session_id: str | None, why: Disposition) -> Result:
    return _dial_ended(state, why) if session_id or not state.session_id else _stop(state, why)


def _dial_ended(state: State, why: Disposition) -> Result:
    ended: list[Command] = [ReportDialEnded(state.dial, why.reason)]
    if state.canceled:
        over, commands = _over(state, EndedReason.CANCELED)
    elif why.redial and state.dial < state.most_dials:
        over, commands = replace(state, phase=Phase.PAUSED, why=why), [Pause(state.dial)]
    else:
        over, commands = _over(state, why.reason)
    return over, ended + commands


def _over(state: State, reason: EndedReason) -> Result:
    return replace(state, phase=Phase.OVER), [Finish(reason)]


def _replay(state: State, commands: list[Command], events: Iterable[LineEvent]) -> Result:
    for event in events:
        state, more = step(state, event)
        commands = commands + more
    return state, commands


def _ours(state: State, event: LineEvent) -> bool:
    return not event.session_id or not state.session_id or event.session_id == state.session_id


def _unheard_of(state: State, session_id: str | None) -> bool:
    return bool(session_id) and session_id != state.session_id and session_id not in state.past


def _only_id(held: Iterable[LineEvent]) -> str | None:
    ids = {event.session_id for event in held if event.session_id}
    return ids.pop() if len(ids) == 1 else None


def _alive(held: Iterable[LineEvent]) -> str | None:
    """The session that was heard ringing or answering and not ending, if there is exactly one."""
    ended = {event.session_id for event in held if isinstance(event, Stopped | Failed)}
    begun = {event.session_id for event in held if isinstance(event, Connected | Answered)}
    alive = [session_id for session_id in begun - ended if session_id]
    return alive[0] if len(alive) == 1 else None
