"""The life of a dial-out, as a pure state machine: `step(state, event) -> (state, commands)`.

It holds three promises for any order and any duplication of Daily's events: never more than one phone
rings, never more dials than allowed, and no dial once somebody picked up or the call was canceled.

Daily gives each dial a session id when `start_dialout` returns; events may overtake that answer, come
twice, or come late, when the next dial is under way. Events before the answer are held until the id is
known. Events of earlier ids are ignored. An event without an id (Daily leaves it out of errors) counts
for the dial under way, whose phone is then hung up for certain before another one rings.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeAlias

from frontdesk.agent import dial_events as ev
from frontdesk.agent.dial_state import Phase, State, alive, only_id
from frontdesk.agent.dispositions import RANG_OUT, UNANSWERED, UNCLEAR, Disposition, disposition
from frontdesk.ended import EndedReason

_MOST_HELD = 32

Result: TypeAlias = tuple[State, list[ev.Command]]


def step(state: State, event: ev.Event) -> Result:
    """Advance by one event. Events that mean nothing in this phase change nothing."""
    if isinstance(event, ev.Answered) and event.session_id in state.past and state.phase is not Phase.PAUSED:
        # News of an earlier dial: somebody had picked up, so this dial is the last.
        return replace(state, most_dials=state.dial), []
    return _PHASES[state.phase](state, event)


def _idle(state: State, event: ev.Event) -> Result:
    match event:
        case ev.Begin():
            return _dial(state)
        case ev.Cancel():
            return _over(state, EndedReason.CANCELED)
    return state, []


def _starting(state: State, event: ev.Event) -> Result:  # noqa: PLR0911 - a table of events
    match event:
        case ev.Started(dial, session_id) if dial == state.dial:
            return _started(state, session_id)
        case ev.Refused(dial, error) if dial == state.dial:
            return _refused(state, error)
        case ev.Unknown(dial) if dial == state.dial:
            return _over(state, EndedReason.CANCELED if state.canceled else UNCLEAR.reason)
        case ev.Connected() | ev.Answered() | ev.Stopped() | ev.Failed():
            if event.session_id in state.past or len(state.held) >= _MOST_HELD:
                return state, []
            return replace(state, held=(*state.held, event)), []
        case ev.Cancel():
            return replace(state, canceled=True), []
    return state, []


def _started(state: State, session_id: str) -> Result:
    ringing = replace(state, phase=Phase.RINGING, session_id=session_id or only_id(state.held), held=())
    if state.canceled:
        return _stop(ringing, state.why)
    return _replay(ringing, [ev.WatchRing(state.dial)], state.held)


def _refused(state: State, error: str) -> Result:
    living = alive(state.held)
    named = replace(state, session_id=living, held=())
    if living is None:
        return _dial_ended(named, disposition(error))
    if state.canceled:
        return _stop(named, disposition(error))
    return _replay(replace(named, phase=Phase.RINGING), [ev.WatchRing(state.dial)], state.held)


def _ringing(state: State, event: ev.Event) -> Result:  # noqa: PLR0911 - a table of events
    match event:
        case ev.Connected() | ev.Answered() | ev.Stopped() | ev.Failed() if not state.ours(event):
            return state, []
        case ev.Connected(session_id):
            return _rings(state, session_id)
        case ev.Answered(session_id):
            return _talk(state, session_id)
        case ev.Stopped(session_id):
            return _fell_silent(state, session_id, UNANSWERED)
        case ev.Failed(session_id, error):
            return _fell_silent(state, session_id, disposition(error))
        case ev.RangLongEnough(dial) if dial == state.dial:
            return _stop(state, RANG_OUT)
        case ev.Cancel():
            return _stop(replace(state, canceled=True), state.why)
    return state, []


def _stopping(state: State, event: ev.Event) -> Result:
    match event:
        case ev.Connected() | ev.Answered() | ev.Stopped() | ev.Failed() if not state.ours(event):
            return state, []
        case ev.Answered():
            return replace(state, picked_up=True), []
        case ev.Stopped() | ev.Failed() if event.session_id:
            return replace(state, gone=True), []
        case ev.HungUp(dial, done) if dial == state.dial:
            return _stopped(state, done=done)
        case ev.Cancel():
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


def _paused(state: State, event: ev.Event) -> Result:
    match event:
        case ev.PauseOver(dial) if dial == state.dial:
            return _dial(state)
        case ev.Connected(session_id) if state.unheard_of(session_id):
            # `start_dialout` gave an error, and yet this dial's phone rings: believe the phone.
            ringing, report = _rings(replace(state, phase=Phase.RINGING), session_id)
            return ringing, [ev.WatchRing(state.dial), *report]
        case ev.Answered(session_id) if state.unheard_of(session_id):
            return _talk(state, session_id)
        case ev.Answered():
            # It arrived late: somebody picked up and has hung up since.
            return _over(state, EndedReason.CALLER_HANGUP)
        case ev.Cancel():
            return _over(state, EndedReason.CANCELED)
    return state, []


def _talking(state: State, event: ev.Event) -> Result:
    match event:
        case ev.Stopped(session_id) if session_id and session_id == state.session_id:
            return _over(state, EndedReason.CALLER_HANGUP)
        case ev.Failed(session_id, _) if session_id and session_id == state.session_id:
            return _over(state, EndedReason.LOST)
        case ev.Cancel():
            over, finish = _over(state, EndedReason.CANCELED)
            hang_up: list[ev.Command] = [ev.HangUp(state.dial, state.session_id)] if state.session_id else []
            return over, hang_up + finish
    return state, []


def _finished(state: State, _: ev.Event) -> Result:
    return state, []


_PHASES: dict[Phase, Callable[[State, ev.Event], Result]] = {
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
    return fresh, [ev.Dial(fresh.dial)]


def _stop(state: State, why: Disposition) -> Result:
    if not state.session_id:
        return _over(state, EndedReason.CANCELED if state.canceled else UNCLEAR.reason)
    return replace(state, phase=Phase.STOPPING, why=why), [ev.HangUp(state.dial, state.session_id)]


def _rings(state: State, session_id: str | None) -> Result:
    report: list[ev.Command] = [] if state.rang else [ev.ReportRinging(state.dial)]
    return replace(state, rang=True, session_id=state.session_id or session_id), report


def _talk(state: State, session_id: str | None) -> Result:
    talking = replace(state, phase=Phase.TALKING, session_id=session_id or state.session_id)
    return talking, [ev.Talk(talking.session_id)]


def _fell_silent(state: State, session_id: str | None, why: Disposition) -> Result:
    return _dial_ended(state, why) if session_id or not state.session_id else _stop(state, why)


def _dial_ended(state: State, why: Disposition) -> Result:
    ended: list[ev.Command] = [ev.ReportDialEnded(state.dial, why.reason)]
    if state.canceled:
        over, commands = _over(state, EndedReason.CANCELED)
    elif why.redial and state.dial < state.most_dials:
        over, commands = replace(state, phase=Phase.PAUSED, why=why), [ev.Pause(state.dial)]
    else:
        over, commands = _over(state, why.reason)
    return over, ended + commands


def _over(state: State, reason: EndedReason) -> Result:
    return replace(state, phase=Phase.OVER), [ev.Finish(reason)]


def _replay(state: State, commands: list[ev.Command], events: Iterable[ev.LineEvent]) -> Result:
    for event in events:
        state, more = step(state, event)
        commands = commands + more
    return state, commands
