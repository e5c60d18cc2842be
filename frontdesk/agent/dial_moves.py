"""Moves of the machine in `dialing` that several of its phases share."""

from dataclasses import replace
from typing import TypeAlias

from frontdesk.agent import dial_events as ev
from frontdesk.agent.dial_state import Phase, State
from frontdesk.agent.dispositions import UNCLEAR, Disposition
from frontdesk.ended import EndedReason

Result: TypeAlias = tuple[State, list[ev.Command]]


def dial(state: State) -> Result:
    """Begin the next dial."""
    past = state.past | ({state.session_id} if state.session_id else set())
    fresh = State(state.most_dials, Phase.STARTING, state.dial + 1, past=frozenset(past))
    return fresh, [ev.Dial(fresh.dial)]


def stop(state: State, why: Disposition) -> Result:
    """Hang up the dial under way; what cannot be named cannot be stopped."""
    if not state.session_id:
        return over(state, EndedReason.CANCELED if state.canceled else UNCLEAR.reason)
    return replace(state, phase=Phase.STOPPING, why=why), [ev.HangUp(state.dial, state.session_id)]


def hang_up_stray(state: State, session_id: str) -> Result:
    """An earlier dial's phone rings beside this one: it is stopped, and this dial is the last."""
    past = state.past | {session_id}
    return replace(state, past=past, most_dials=state.dial), [ev.HangUpStray(session_id)]


def rings(state: State, session_id: str | None) -> Result:
    """The phone rings."""
    report: list[ev.Command] = [] if state.rang else [ev.ReportRinging(state.dial)]
    return replace(state, rang=True, session_id=state.session_id or session_id), report


def talk(state: State, session_id: str | None) -> Result:
    """Somebody picked up."""
    talking = replace(state, phase=Phase.TALKING, session_id=session_id or state.session_id)
    return talking, [ev.Talk(talking.session_id)]


def fell_silent(state: State, session_id: str | None, why: Disposition) -> Result:
    """The dial under way came to nothing; an end that names no session is made certain first."""
    return dial_ended(state, why) if session_id or not state.session_id else stop(state, why)


def dial_ended(state: State, why: Disposition) -> Result:
    """A dial came to nothing: another one follows after a pause, or it is over."""
    ended: list[ev.Command] = [ev.ReportDialEnded(state.dial, why.reason)]
    if state.canceled:
        after, commands = over(state, EndedReason.CANCELED)
    elif why.redial and not state.rang and state.dial < state.most_dials:
        after, commands = replace(state, phase=Phase.PAUSED, why=why), [ev.Pause(state.dial)]
    else:
        after, commands = over(state, why.reason)
    return after, ended + commands


def over(state: State, reason: EndedReason) -> Result:
    """It is over."""
    return replace(state, phase=Phase.OVER), [ev.Finish(reason)]
