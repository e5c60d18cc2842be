"""Calls to the clinic's numbers: webhook, hold, bridge into a room (Daily docs, pinless dial-in)."""

import uuid
from typing import TYPE_CHECKING

from frontdesk.simulator.phone.conduct import Frames, converse
from frontdesk.simulator.phone.held import Caller, HeldCall, PinlessRejected
from frontdesk.simulator.phone.leg import Leg
from frontdesk.simulator.records.record import Record
from frontdesk.simulator.rooms.room import Room, RoomClient
from frontdesk.simulator.speech.line import PHONE_RATE
from frontdesk.simulator.speech.voice import say
from frontdesk.simulator.webhooks.dialin import IncomingCall

if TYPE_CHECKING:
    from frontdesk.simulator.world import World

NETWORK_VOICE = "en-us+f3"
NETWORK_WPM = 170
ANONYMOUS = "anonymous"


class IncomingCalls:
    """All calls that came in and are not over."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._held: dict[str, HeldCall] = {}
        world.rooms.on_client_joined.append(self._bot_joined)
        world.rooms.on_client_left.append(self._bot_left)

    def place(self, to: str, caller: Caller) -> Record:
        """Somebody dials a number; returns at once."""
        world = self._world
        config = world.dialin_configs.for_call(to)
        record = world.records.open("in", caller.number, to)
        manner = caller.manner
        world.phrasebook.add_person_lines(manner.lines(), manner.voice, manner.wpm)
        held = HeldCall(record, caller, config, world.settings.domain_id)
        self._held[record.id] = held
        world.spawn(self._live(held))
        return record

    def close(self) -> None:
        """Nobody will be put through any more."""
        for held in self._held.values():
            held.decide("network_closed")

    def hang_up(self, call_id: str) -> bool:
        """The caller gives up while on hold; False if that call is not on hold."""
        held = self._held.get(call_id)
        if held is None or held.decision.done():
            return False
        held.decide("person_hung_up")
        return True

    def pinless_update(self, call_id: str, call_domain: str, sip_uri: str) -> None:
        """Bridge a held call. Raises `PinlessRejected`."""
        switches = self._world.switches
        held = self._held.get(call_id)
        if held is None or held.domain != call_domain:
            raise PinlessRejected(switches.pinless_unknown_call_info)
        if held.decision.done():
            held.record.mark("pinless_update_repeated")
            if switches.pinless_update_repeated == "ok":
                return
            raise PinlessRejected(switches.pinless_unknown_call_info)
        endpoint = sip_uri.removeprefix("sip:")
        room = self._world.rooms.by_sip(endpoint)
        ready = room is not None and endpoint in room.ready_endpoints
        if room is None or (switches.pinless_update_needs_ready and not ready):
            raise PinlessRejected(switches.pinless_not_ready_info)
        held.record.mark("pinless_update")
        held.decide((room, endpoint))

    async def _live(self, held: HeldCall) -> None:
        record = held.record
        record.state = "held"
        record.mark("on_hold", {"seconds": held.config.hold_s})
        try:
            decision = await self._hold(held)
            if isinstance(decision, tuple):
                reason = await self._bridge(held, *decision)
            else:
                reason = decision
                record.mark(decision)
                if decision == "hold_timeout":
                    await self._apologize(held)
        finally:
            self._held.pop(record.id, None)
        if reason != "transferred":
            await self._world.records.finish(record, reason)

    async def _hold(self, held: HeldCall) -> tuple[Room, str] | str:
        world, caller = self._world, held.caller
        waits = [
            world.spawn(self._announce(held)),
            world.spawn(self._decide_after(held, held.config.hold_s, "hold_timeout")),
        ]
        if caller.hold_patience_s is not None:
            waits.append(world.spawn(self._decide_after(held, caller.hold_patience_s, "gave_up_on_hold")))
        try:
            return await held.decision
        finally:
            for wait in waits[1:]:
                wait.cancel()

    async def _decide_after(self, held: HeldCall, seconds: float, reason: str) -> None:
        await self._world.clock.sleep(seconds)
        held.decide(reason)

    async def _announce(self, held: HeldCall) -> None:
        caller, record = held.caller, held.record
        call = IncomingCall(
            record.id, held.domain, record.to_number, caller.number, caller.sip_headers, caller.webhook_extra
        )
        record.mark("webhook_sent")
        deliveries = await self._world.dialin_webhooks.send(held.config, call, copies=caller.webhook_copies)
        for one in deliveries:
            detail = {"status": one.status, "ms": round(one.took_s * 1000, 1), "error": one.error}
            record.mark("webhook_answered", detail)
        failed = not any(one.ok for one in deliveries)
        if failed and self._world.switches.dialin_failure_hangs_up:
            held.decide("webhook_failed")

    async def _bridge(self, held: HeldCall, room: Room, endpoint: str) -> str:
        record = held.record
        session_id = str(uuid.uuid4())
        record.state, record.room, record.session_id = "connected", room.name, session_id
        sip_from = self._sip_from(held)
        headers = held.caller.sip_headers or {}
        leg = Leg(
            self._world,
            room,
            record,
            converse(held.caller.manner),
            session_id=session_id,
            kind="dialin",
            number=record.from_number or ANONYMOUS,
            client_data={
                "sessionId": session_id,
                "actionTraceId": str(uuid.uuid4()),
                "userId": session_id,
                "displayName": record.from_number or ANONYMOUS,
                "provider": "signalwire",
                "sipCallId": record.id,
                "sipFrom": sip_from,
                "sipEndpoint": f"sip:{endpoint}",
                "sipHeaders": headers,
            },
            domain_data={
                "session_id": session_id,
                "sip_from": sip_from,
                "sip_headers": headers,
                "display_name": record.from_number or ANONYMOUS,
            },
        )
        record.mark("connected")
        room.emit("dialin_connected", leg.client_data)
        self._world.tell("dialin.connected", room, leg.domain_data)
        self._world.switchboard.join(leg)
        return await self._world.switchboard.carry(leg)

    def _sip_from(self, held: HeldCall) -> str:
        number = held.record.from_number or ANONYMOUS
        if self._world.switches.sip_from_form == "number":
            return number
        return f"sip:{number}@{held.config.sip_uri.partition('@')[2]}"

    async def _apologize(self, held: HeldCall) -> None:
        """Play the time-out message to the caller, in sound, and put the phone down."""
        message = held.config.timeout_message
        self._world.phrasebook.add_bot_line(message, NETWORK_VOICE, NETWORK_WPM)
        pcm = say(message, PHONE_RATE, NETWORK_VOICE, NETWORK_WPM)

        def listen(leg: Leg) -> Frames:
            leg.hear("network", PHONE_RATE, pcm)
            while leg.time < len(pcm) / 2 / PHONE_RATE + 1.0:
                yield
            leg.hang_up("hold_timeout")
            yield

        nowhere = Room("hold", "", {}, "private", self._world.clock.wall())
        leg = Leg(
            self._world,
            nowhere,
            held.record,
            listen,
            session_id=held.record.id,
            kind="dialin",
            number=held.record.from_number or ANONYMOUS,
        )
        await leg.run()

    def _bot_joined(self, room: Room, _client: RoomClient) -> None:
        if room.sip_endpoints and not room.ready_endpoints:
            self._world.spawn(self._make_ready(room))

    def _bot_left(self, room: Room, _client: RoomClient) -> None:
        if not room.clients:
            room.ready_endpoints.clear()

    async def _make_ready(self, room: Room) -> None:
        await self._world.clock.sleep(self._world.switches.sip_ready_s)
        if room.clients and not room.ready_endpoints:
            room.ready_endpoints.update(room.sip_endpoints)
            self.tell_ready(room)

    def tell_ready(self, room: Room) -> None:
        """Say that the room takes calls, once per endpoint; on command also a second time."""
        for endpoint in room.sip_endpoints:
            room.emit("dialin_ready", f"sip:{endpoint}")
            self._world.tell("dialin.ready", room, {"sip_endpoint": f"sip:{endpoint}"})
