"""What happens to a dial-out, and what the machine in `dialing` asks its driver to do about it."""

from dataclasses import dataclass
from typing import TypeAlias

from frontdesk.ended import EndedReason

# Events


@dataclass(frozen=True)
class Begin:
    """The bot is in the room."""


@dataclass(frozen=True)
class Started:
    """`start_dialout` gave the dial its session id."""

    dial: int
    session_id: str


@dataclass(frozen=True)
class Refused:
    """`start_dialout` returned an error; Daily sends no event for it (pipecat issue 2418)."""

    dial: int
    error: str


@dataclass(frozen=True)
class Unknown:
    """`start_dialout` did not return in time: whether a phone rings is unknown."""

    dial: int


@dataclass(frozen=True)
class Connected:
    """dialout-connected: the phone rings."""

    session_id: str | None


@dataclass(frozen=True)
class Answered:
    """dialout-answered: somebody, or a machine, picked up."""

    session_id: str | None


@dataclass(frozen=True)
class Stopped:
    """dialout-stopped: the other side hung up, or nobody picked up."""

    session_id: str | None


@dataclass(frozen=True)
class Failed:
    """dialout-error."""

    session_id: str | None
    error: str


@dataclass(frozen=True)
class RangLongEnough:
    """The ring timeout of a dial is over."""

    dial: int


@dataclass(frozen=True)
class HungUp:
    """`stop_dialout` returned; `done` is false when it gave an error."""

    dial: int
    done: bool


@dataclass(frozen=True)
class PauseOver:
    """The pause after a dial is over."""

    dial: int


@dataclass(frozen=True)
class MayDial:
    """The gateway allows this further dial."""

    dial: int


@dataclass(frozen=True)
class MayNot:
    """The gateway does not allow this further dial, or did not say so in time."""

    dial: int


@dataclass(frozen=True)
class Cancel:
    """Nobody wants this call any more."""


LineEvent: TypeAlias = Connected | Answered | Stopped | Failed
Event: TypeAlias = (
    Begin
    | Started
    | Refused
    | Unknown
    | LineEvent
    | RangLongEnough
    | HungUp
    | PauseOver
    | MayDial
    | MayNot
    | Cancel
)


# Commands: what the machine asks its driver to do


@dataclass(frozen=True)
class Dial:
    """Call `start_dialout`."""

    dial: int


@dataclass(frozen=True)
class WatchRing:
    """Give the dial its ring timeout."""

    dial: int


@dataclass(frozen=True)
class ReportRinging:
    """The phone rings for the first time in this dial."""

    dial: int


@dataclass(frozen=True)
class HangUp:
    """Call `stop_dialout`."""

    dial: int
    session_id: str


@dataclass(frozen=True)
class HangUpStray:
    """Call `stop_dialout` for a phone of an earlier dial; nothing waits for what comes of it."""

    session_id: str


@dataclass(frozen=True)
class ReportDialEnded:
    """This dial came to nothing."""

    dial: int
    reason: EndedReason


@dataclass(frozen=True)
class Pause:
    """Wait before the next dial."""

    dial: int


@dataclass(frozen=True)
class AskAgain:
    """Ask whether the session may dial once more, for the `dial`th time."""

    dial: int


@dataclass(frozen=True)
class Talk:
    """Somebody picked up: greet."""

    session_id: str | None


@dataclass(frozen=True)
class Finish:
    """It is over, with this reason."""

    reason: EndedReason


Command: TypeAlias = (
    Dial
    | WatchRing
    | ReportRinging
    | HangUp
    | HangUpStray
    | ReportDialEnded
    | Pause
    | AskAgain
    | Talk
    | Finish
)
