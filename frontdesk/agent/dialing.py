"""The life of a dial-out, as a pure state machine: `step(state, event) -> (state, commands)`.

It holds three promises for any order and any duplication of Daily's events: never more than one phone
rings, never more dials than allowed, and no dial once a phone rang, somebody picked up or the call was
canceled.

Daily gives each dial a session id when `start_dialout` returns; events may overtake that answer, come
twice, or come late, when the next dial is under way. Events before the answer are held until the id is
known. Events of earlier ids are ignored. An event without an id (Daily leaves it out of errors) counts
for the dial under way, whose phone is then hung up for certain before another one rings. A dial that was
refused has no id, and may ring all the same: between two dials it is believed, during a later one it is hung
up, and no other dial follows.

Between two dials lie a pause and a question: only a `MayDial` for the very dial that was asked for dials.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from frontdesk.agent import dial_events as ev
from frontdesk.agent import dial_moves as moves
from frontdesk.agent.dial_moves import Result
from frontdesk.agent.dial_state import Phase, State, alive, only_id
from frontdesk.agent.dispositions import RANG_OUT, UNANSWERED, UNCLEAR, disposition
from frontdesk.ended import EndedReason

_MOST_HELD = 32
_BETWEEN_DIALS = {Phase.PAUSED, Phase.ASKING}
_NAMED = {Phase.RINGING, Phase.STOPPING, Phase.TALKING}
"""Where the dial under way has an id, if Daily gave it one, so that any other is not its own."""


def step(state: State, event: ev.Event) -> Result:
    """Advance by one event. Events that mean nothing in this phase change nothing."""
    if isinstance(event, ev.Connected | ev.Answered):
        if event.session_id in state.past and state.phase not in _BETWEEN_DIALS:
            # News of an earlier dial: a phone rang, or somebody had picked up, so this dial is the last.
            return replace(state, most_dials=state.dial), []
        if event.session_id and state.phase in _NAMED and state.stray(event.session_id):
            return moves.hang_up_stray(state, event.session_id)
    return _PHASES[state.phase](state, event)


def _idle(state: State, event: ev.Event) -> Result:
    match event:
        case ev.Begin():
            return moves.dial(state)
        case ev.Cancel():
            return moves.over(state, EndedReason.CANCELED)
    return state, []


def _starting(state: State, event: ev.Event) -> Result:  # noqa: PLR0911 - a table of events
    match event:
        case ev.Started(dial, session_id) if dial == state.dial:
            return _started(state, session_id)
        case ev.Refused(dial, error) if dial == state.dial:
            return _refused(state, error)
        case ev.Unknown(dial) if dial == state.dial:
            return moves.over(state, EndedReason.CANCELED if state.canceled else UNCLEAR.reason)
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
        return _replay(*moves.stop(ringing, state.why), state.held)
    return _replay(ringing, [ev.WatchRing(state.dial)], state.held)


def _refused(state: State, error: str) -> Result:
    named = replace(state, session_id=alive(state.held), held=())
    if named.session_id is None:
        return moves.dial_ended(named, disposition(error))
    if state.canceled:
        return _replay(*moves.stop(named, disposition(error)), state.held)
    return _replay(replace(named, phase=Phase.RINGING), [ev.WatchRing(state.dial)], state.held)


def _ringing(state: State, event: ev.Event) -> Result:  # noqa: PLR0911 - a table of events
    match event:
        case ev.Connected() | ev.Answered() | ev.Stopped() | ev.Failed() if not state.ours(event):
            return state, []
        case ev.Connected(session_id):
            return moves.rings(state, session_id)
        case ev.Answered(session_id):
            return moves.talk(state, session_id)
        case ev.Stopped(session_id):
            return moves.fell_silent(state, session_id, UNANSWERED)
        case ev.Failed(session_id, error):
            return moves.fell_silent(state, session_id, disposition(error))
        case ev.RangLongEnough(dial) if dial == state.dial:
            return moves.stop(state, RANG_OUT)
        case ev.Cancel():
            return moves.stop(replace(state, canceled=True), state.why)
    return state, []


def _stopping(state: State, event: ev.Event) -> Result:  # noqa: PLR0911 - a table of events
    match event:
        case ev.Connected() | ev.Answered() | ev.Stopped() | ev.Failed() if not state.ours(event):
            return state, []
        case ev.Connected():
            return replace(state, rang=True), []
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
        return moves.talk(state, state.session_id)
    if state.picked_up or not silent:
        # Somebody picked up as the ringing was stopped, or it may be ringing still: nobody dials again.
        return moves.over(state, EndedReason.CANCELED if state.canceled else EndedReason.OUTCOME_UNKNOWN)
    return moves.dial_ended(state, state.why)


def _paused(state: State, event: ev.Event) -> Result:
    match event:
        case ev.PauseOver(dial) if dial == state.dial:
            return replace(state, phase=Phase.ASKING), [ev.AskAgain(state.dial + 1)]
    return _between_dials(state, event)


def _asking(state: State, event: ev.Event) -> Result:
    match event:
        case ev.MayDial(dial) if dial == state.dial + 1:
            return moves.dial(state)
        case ev.MayNot(dial) if dial == state.dial + 1:
            return moves.over(state, state.why.reason)
    return _between_dials(state, event)


def _between_dials(state: State, event: ev.Event) -> Result:
    match event:
        case ev.Connected(session_id) if state.unheard_of(session_id):
            # `start_dialout` gave an error, and yet this dial's phone rings: believe the phone.
            ringing, report = moves.rings(replace(state, phase=Phase.RINGING), session_id)
            return ringing, [ev.WatchRing(state.dial), *report]
        case ev.Answered(session_id) if state.unheard_of(session_id):
            return moves.talk(state, session_id)
        case ev.Answered():
            # It arrived late: somebody picked up and has hung up since.
            return moves.over(state, EndedReason.CALLER_HANGUP)
        case ev.Connected():
            # It arrived late: a phone rang after all.
            return moves.over(state, state.why.reason)
        case ev.Cancel():
            return moves.over(state, EndedReason.CANCELED)
    return state, []


def _talking(state: State, event: ev.Event) -> Result:
    match event:
        case ev.Stopped(session_id) if session_id and session_id == state.session_id:
            return moves.over(state, EndedReason.CALLER_HANGUP)
        case ev.Failed(session_id, _) if session_id and session_id == state.session_id:
            return moves.over(state, EndedReason.LOST)
        case ev.Cancel():
            over, finish = moves.over(state, EndedReason.CANCELED)
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
    Phase.ASKING: _asking,
    Phase.TALKING: _talking,
    Phase.OVER: _finished,
}


def _replay(state: State, commands: list[ev.Command], events: Iterable[ev.LineEvent]) -> Result:
    for event in events:
        state, more = step(state, event)
        commands = commands + more
    return state, commands
