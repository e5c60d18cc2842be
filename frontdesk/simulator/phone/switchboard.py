"""Puts phone legs into rooms, carries them, takes them out again, and tells everybody about it."""

import asyncio
from typing import TYPE_CHECKING

from frontdesk.simulator.phone.leg import Leg
from frontdesk.simulator.rooms.room import Room, RoomClient

if TYPE_CHECKING:
    from frontdesk.simulator.world import World


class Switchboard:
    """The legs that are up, in whatever room."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._legs: dict[str, Leg] = {}
        world.rooms.on_client_left.append(self._bot_left)

    def all(self) -> list[Leg]:
        """Every leg that is up."""
        return list(self._legs.values())

    def get(self, session_id: str) -> Leg | None:
        """The leg of that session."""
        return self._legs.get(session_id)

    def of_call(self, call_id: str) -> Leg | None:
        """The leg of that call, wherever it is now."""
        return next((leg for leg in self._legs.values() if leg.record.id == call_id), None)

    async def close(self) -> None:
        """Hang up on everybody."""
        await asyncio.gather(*(leg.end("network_closed") for leg in self.all()))

    def join(self, leg: Leg) -> None:
        """Make the leg a participant of its room."""
        leg.room.legs[leg.id] = leg
        self._world.presence.joined(leg.room, leg)

    async def carry(self, leg: Leg) -> str:
        """Carry the leg's sound until it ends, take it out, and return why it ended."""
        self._legs[leg.id] = leg
        try:
            return await leg.run()
        finally:
            self._take_out(leg)

    def _take_out(self, leg: Leg) -> None:
        del self._legs[leg.id]
        room = leg.room
        room.legs.pop(leg.id, None)
        for other in room.legs.values():
            other.forget(leg.id)
        if self._world.switches.left_before_stopped:
            self._world.presence.left(room, leg)
            self._tell_stopped(leg)
        else:
            self._tell_stopped(leg)
            self._world.presence.left(room, leg)
        leg.ended.set()

    def _tell_stopped(self, leg: Leg) -> None:
        leg.room.emit(f"{leg.kind}_stopped", leg.client_data)
        self._world.tell(f"{leg.kind}.stopped", leg.room, leg.domain_data)

    def _bot_left(self, room: Room, _client: RoomClient) -> None:
        if not room.clients and room.legs:
            self._world.spawn(self._drop_after_idle(room))

    async def _drop_after_idle(self, room: Room) -> None:
        """Without a bot the legs drop, at once or after `max_idle_timeout_sec` (Daily docs)."""
        idle_s = float((room.properties.get("dialout_config") or {}).get("max_idle_timeout_sec") or 0)
        await self._world.clock.sleep(idle_s)
        if not room.clients:
            await asyncio.gather(*(leg.end("bot_hung_up") for leg in list(room.legs.values())))
