"""A call on hold: who is calling, and what becomes of it."""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from frontdesk.simulator.phone.people import Manner
from frontdesk.simulator.records.record import Record
from frontdesk.simulator.rooms.room import Room

if TYPE_CHECKING:
    from frontdesk.simulator.rest.dialin_configs import DialinConfig


class PinlessRejected(Exception):  # noqa: N818
    """A pinlessCallUpdate that Daily refuses; `info` is the text of the 400."""

    def __init__(self, info: str) -> None:
        super().__init__(info)
        self.info = info


@dataclass(frozen=True)
class Caller:
    """Somebody who dials. `number` is None when withheld; `hold_patience_s` is how long they stay on hold."""

    number: str | None
    manner: Manner
    hold_patience_s: float | None = None
    sip_headers: dict[str, str] | None = None
    webhook_copies: int = 1
    webhook_extra: dict[str, Any] = field(default_factory=dict)


class HeldCall:
    """A call on hold. `decision` becomes the room to bridge to, or the reason of the end."""

    def __init__(self, record: Record, caller: Caller, config: "DialinConfig", domain: str) -> None:
        self.record = record
        self.caller = caller
        self.config = config
        self.domain = domain
        self.decision: asyncio.Future[tuple[Room, str] | str] = asyncio.get_running_loop().create_future()

    def decide(self, decision: tuple[Room, str] | str) -> None:
        """Settle it; the first decision stands."""
        if not self.decision.done():
            self.decision.set_result(decision)
