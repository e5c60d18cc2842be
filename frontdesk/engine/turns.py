"""One turn of an attempt, and what everybody who sees to it knows."""

from dataclasses import dataclass

from frontdesk.calls.models import NewCall
from frontdesk.calls.plan import Plan
from frontdesk.launch.call import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """An attempt whose turn has come.

    Args:
        call: As the ledger has it.
        launch: The same call, ready for a room.
        turn: Counts the times that the queue brought the attempt up.
    """

    call: NewCall
    plan: Plan
    launch: Call
    attempt: int
    turn: int
