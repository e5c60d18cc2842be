"""How long the parts of a gateway wait for each other."""

from collections.abc import Callable
from dataclasses import dataclass, field

from frontdesk.calls.orders import Patience
from frontdesk.crm.schedule import Pace
from frontdesk.engine.queue import Queue


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """How long the parts wait, in seconds; tests shorten it, nobody else sets it.

    Args:
        patience: Of the life of calls.
        crm: How patiently the CRM is told.
        reaper_every_s: How often calls are looked for that another gateway left due.
        gateway_every_s: How often a gateway says that it runs, and looks for launches of dead ones.
        gateway_dead_after_s: After which silence a gateway is dead.
        takeover_grace_s: How long a bot that was started may take to say so after a restart.
        orphan_room_after_s: After which age a room that belongs to no call is deleted.
        sweep_every_s: How often such rooms are looked for.
        queue: Makes the queue of calls out; the durable one when None, of which a process has room for one.
    """

    patience: Patience = field(default_factory=Patience)
    crm: Pace = field(default_factory=Pace)
    reaper_every_s: float = 1.0
    gateway_every_s: float = 5.0
    gateway_dead_after_s: float = 15.0
    takeover_grace_s: float = 3.0
    orphan_room_after_s: float = 600.0
    sweep_every_s: float = 900.0
    queue: Callable[[], Queue] | None = None
