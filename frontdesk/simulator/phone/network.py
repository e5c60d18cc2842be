"""The phone network: what people and bots can do on it. The parts are in modules of their own."""

import re
from typing import TYPE_CHECKING, Any

from frontdesk.simulator.phone.held import Caller, PinlessRejected
from frontdesk.simulator.phone.incoming import IncomingCalls
from frontdesk.simulator.phone.outgoing import OutgoingCalls
from frontdesk.simulator.phone.people import Manner
from frontdesk.simulator.phone.transfers import INVALID_SESSION, Transfers
from frontdesk.simulator.records.record import Record
from frontdesk.simulator.rooms.room import Room

if TYPE_CHECKING:
    from frontdesk.simulator.world import World

__all__ = ["Caller", "PhoneNetwork", "PinlessRejected"]

TONES = re.compile(r"[0-9A-D*#]{1,20}")


class PhoneNetwork:
    """Places calls between people and rooms."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._incoming = IncomingCalls(world)
        self._outgoing = OutgoingCalls(world)
        self._transfers = Transfers(world)

    async def call_in(self, from_: str | None, to: str, manner: Manner, **more: Any) -> Record:
        """Somebody dials `to`; returns at once, `record.done` is set when the call is over.

        `from_` is None for a withheld number. `more` are further fields of `Caller`.
        """
        return self._incoming.place(to, Caller(from_, manner, **more))

    def pinless_update(self, call_id: str, call_domain: str, sip_uri: str) -> None:
        """Bridge a held caller to a room. Raises `PinlessRejected`."""
        self._incoming.pinless_update(call_id, call_domain, sip_uri)

    def repeat_dialin_ready(self, room: Room) -> None:
        """Say a second time that a room takes calls."""
        self._incoming.tell_ready(room)

    async def start_dialout(
        self, room: Room, settings: dict[str, Any], *, owner: bool, by_client: bool = False
    ) -> tuple[str | None, str | None]:
        """Call somebody from a room. Returns (session id, None) or (None, error text)."""
        return await self._outgoing.start(room, settings, owner=owner, by_client=by_client)

    async def stop_dialout(self, room: Room, session_id: str) -> str | None:
        """Hang up on a called person, or stop ringing. Returns an error text or None."""
        leg = room.legs.get(session_id)
        if leg is None or self._world.switchboard.get(session_id) is None:
            return await self._outgoing.stop(room, session_id)
        self._world.spawn(leg.end("bot_hung_up"))
        return None

    async def send_dtmf(self, room: Room, settings: dict[str, Any]) -> str | None:
        """Press keys towards a leg. Returns an error text or None."""
        leg = room.legs.get(str(settings.get("sessionId")))
        if leg is None:
            return INVALID_SESSION
        if not TONES.fullmatch(str(settings.get("tones") or "")):
            return "tones must be 1 to 20 of 0-9, A-D, * and #"
        leg.record.mark("dtmf_received", settings["tones"])
        return None

    async def sip_call_transfer(self, room: Room, settings: dict[str, Any]) -> str | None:
        """Send a leg to another number. Returns an error text or None."""
        return await self._transfers.start(room, settings, refer=False)

    async def sip_refer(self, room: Room, settings: dict[str, Any]) -> str | None:
        """Send a SIP leg outside. Returns an error text or None."""
        return await self._transfers.start(room, settings, refer=True)

    def hang_up(self, call_id: str) -> bool:
        """The person of a call hangs up, declines or gives up; False if there is nothing to end."""
        leg = self._world.switchboard.of_call(call_id)
        if leg is not None:
            leg.hang_up("person_hung_up")
            return True
        return self._incoming.hang_up(call_id) or self._outgoing.hang_up(call_id)

    async def close(self) -> None:
        """End every call that is held, rings or is up, and write its record."""
        self._incoming.close()
        await self._outgoing.close()
        await self._world.switchboard.close()

    @property
    def rang(self) -> dict[str, int]:
        """How often the phone at each number rang."""
        return dict(self._outgoing.rang)

    def count_ring(self, number: str) -> None:
        """A phone rings."""
        self._outgoing.rang[number] = self._outgoing.rang.get(number, 0) + 1
