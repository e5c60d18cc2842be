"""Sending a leg on to another number (Daily docs, transfers): it leaves the room, and two people talk."""

import uuid
from typing import TYPE_CHECKING, Any

from frontdesk.simulator.phone.attempt import REASONS, conduct_of
from frontdesk.simulator.phone.conduct import converse
from frontdesk.simulator.phone.dialout_checks import E164
from frontdesk.simulator.phone.leg import Leg
from frontdesk.simulator.phone.people import Manner, Person
from frontdesk.simulator.records.record import Record
from frontdesk.simulator.rooms.room import Room

if TYPE_CHECKING:
    from frontdesk.simulator.world import World

INVALID_SESSION = "invalid sessionId"
INVALID_TARGET = "toEndPoint must be a sip: URI or a phone number in E.164 format"
REFER_NEEDS_SIP = "sipRefer is only supported for SIP calls"


class Transfers:
    """Transfers of one domain."""

    def __init__(self, world: "World") -> None:
        self._world = world

    async def start(self, room: Room, settings: dict[str, Any], *, refer: bool) -> str | None:
        """Begin a transfer; an error text when Daily would refuse it."""
        leg = room.legs.get(str(settings.get("sessionId")))
        target = str(settings.get("toEndPoint") or "")
        if leg is None:
            return INVALID_SESSION
        if not (target.startswith("sip:") or E164.fullmatch(target)):
            return INVALID_TARGET
        if refer and not (target.startswith("sip:") and leg.number.startswith("sip:")):
            return REFER_NEEDS_SIP
        self._world.spawn(self._transfer(leg, target, refer=refer))
        return None

    async def _transfer(self, leg: Leg, target: str, *, refer: bool) -> None:
        room, record = leg.room, leg.record
        payload = {
            "session_id": leg.id,
            "mtg_session_id": room.meeting_id,
            "to_endpoint": target,
            "from_endpoint": leg.number,
        }
        for event in ("triggered", "initiated"):
            self._world.tell(f"calltransfer.{event}", room, {**payload, "is_sip_refer": refer})
        record.mark("transfer_started", target)
        record.state = "transferred"
        await leg.end("transferred")
        if refer:
            await self._world.records.finish(record, "transferred")
            return
        await self._connect(record, room, target, payload)

    async def _connect(self, record: Record, room: Room, target: str, payload: dict[str, Any]) -> None:
        """Ring the other number and let the two people talk, Daily staying in the media path."""
        world = self._world
        person, outcome = world.people.called(target)
        world.phrasebook.add_person_lines(person.spoken(), person.voice, person.wpm)
        theirs = world.records.open("out", record.from_number, target)
        world.network.count_ring(target)
        theirs.state = "ringing"
        theirs.mark("ringing")
        await world.clock.sleep(person.ring_s)
        if outcome in REASONS:
            record.mark("transfer_failed", str(outcome))
            await world.records.finish(theirs, str(outcome))
            await world.records.finish(record, "transfer_failed")
            return
        theirs.mark("answered", str(outcome))
        record.mark("transfer_answered")
        world.tell("calltransfer.answered", room, payload)
        await self._talk(record, theirs, person, conduct=conduct_of(person, outcome))
        world.tell("calltransfer.completed", room, payload)

    async def _talk(self, record: Record, theirs: Record, person: Person, *, conduct: Any) -> None:
        """A line between two people: a room that no bot knows."""
        world = self._world
        between = Room("transfer", "", {}, "private", world.clock.wall())
        listening = Manner(stays=True, patience_s=person.patience_s)
        first = _leg(world, between, record, converse(listening))
        second = _leg(world, between, theirs, conduct)
        between.legs = {first.id: first, second.id: second}
        other = world.spawn(self._until_end(first, record, second))
        await self._until_end(second, theirs, first)
        await other

    async def _until_end(self, leg: Leg, record: Record, other: Leg) -> None:
        reason = await leg.run()
        leg.ended.set()
        other.hang_up("other_hung_up")
        await self._world.records.finish(
            record, "transferred" if record.marked("transfer_started") else reason
        )


def _leg(world: "World", room: Room, record: Record, conduct: Any) -> Leg:
    return Leg(
        world,
        room,
        record,
        conduct,
        session_id=str(uuid.uuid4()),
        kind="dialout",
        number=record.to_number,
    )
