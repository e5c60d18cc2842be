"""Calls that bots place: the ringing, the answer, and every way in which a call is not answered."""

import uuid
from typing import TYPE_CHECKING, Any

from frontdesk.simulator.phone.attempt import REASONS, Attempt, channel_of, conduct_of
from frontdesk.simulator.phone.dialout_checks import DialoutChecks
from frontdesk.simulator.phone.leg import Leg
from frontdesk.simulator.phone.people import Channel, Outcome
from frontdesk.simulator.rooms.room import Room, RoomClient

if TYPE_CHECKING:
    from frontdesk.simulator.world import World

BUSY_AFTER_S = 0.3
CARRIER_FAILS_AFTER_S = 0.2


class OutgoingCalls:
    """All calls that bots have placed and that are not over."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._attempts: dict[str, Attempt] = {}
        self._checks = DialoutChecks(world, self._ringing)
        self.rang: dict[str, int] = {}
        world.rooms.on_client_left.append(self._bot_left)

    async def start(
        self, room: Room, settings: dict[str, Any], *, owner: bool, by_client: bool
    ) -> tuple[str | None, str | None]:
        """Dial. Returns (session id, None), or (None, text) for what fails before anything is dialed."""
        refusal = self._checks.refusal(room, settings, owner=owner, by_client=by_client)
        if refusal is not None:
            return self._refuse(room, settings, refusal)
        attempt = self._attempt(room, settings)
        if attempt.outcome in REASONS and channel_of(attempt, self._world.switches) == "completion":
            self._attempts.pop(attempt.session_id)
            await self._world.records.finish(attempt.record, str(attempt.outcome))
            return None, REASONS[attempt.outcome]
        attempt.task = self._world.spawn(self._live(attempt))
        return attempt.session_id, None

    async def stop(self, room: Room, session_id: str) -> str | None:
        """Stop ringing; an error text if nothing rings under that id."""
        attempt = self._attempts.get(session_id)
        if attempt is None or attempt.room is not room or attempt.task is None:
            return "invalid sessionId"
        await self._cancel(attempt, _unanswered(attempt))
        return None

    async def close(self) -> None:
        """Stop all ringing."""
        for attempt in list(self._attempts.values()):
            await self._cancel(attempt, "network_closed")

    def hang_up(self, call_id: str) -> bool:
        """The called person declines while it rings; False if nothing rings."""
        for attempt in self._attempts.values():
            if attempt.record.id == call_id:
                self._world.spawn(self._cancel(attempt, "decline"))
                return True
        return False

    def _ringing(self, room: Room | None) -> int:
        waiting = [one for one in self._attempts.values() if not one.joined]
        return sum(1 for one in waiting if room is None or one.room is room)

    def _attempt(self, room: Room, settings: dict[str, Any]) -> Attempt:
        world = self._world
        number = str(settings.get("phoneNumber") or settings.get("sipUri"))
        person, outcome = world.people.called(number)
        origin = self._origin(settings)
        record = world.records.open("out", origin, number)
        world.phrasebook.add_person_lines(person.spoken(), person.voice, person.wpm)
        attempt = Attempt(room, settings, person, outcome, record, origin)
        self._attempts[attempt.session_id] = attempt
        record.mark("dialed")
        return attempt

    def _origin(self, settings: dict[str, Any]) -> str:
        """The number that the called person sees: the chosen one, or the oldest."""
        numbers = self._world.numbers
        chosen = settings.get("callerId")
        owned = numbers.get(chosen) or numbers.by_number(chosen) if chosen else None
        everything = numbers.all()
        return (owned or everything[0]).number if owned or everything else "anonymous"

    def _refuse(self, room: Room, settings: dict[str, Any], text: str) -> tuple[str | None, str | None]:
        if self._world.switches.refusal_channel == "completion":
            return None, text
        session_id = str(uuid.uuid4())
        data = {"sessionId": session_id, "userId": settings.get("userId") or session_id, "errorMsg": text}
        room.emit("dialout_error", data)
        self._world.tell("dialout.error", room, {"session_id": session_id, "error_msg": text})
        return session_id, None

    # The life of an attempt.

    async def _live(self, attempt: Attempt) -> None:
        try:
            if attempt.outcome in REASONS:
                await self._not_answered(attempt)
            else:
                await self._answered(attempt)
        finally:
            self._attempts.pop(attempt.session_id, None)

    async def _not_answered(self, attempt: Attempt) -> None:
        switches, outcome = self._world.switches, attempt.outcome
        if outcome is Outcome.BUSY:
            await self._ring(attempt, BUSY_AFTER_S, tell=switches.connected_before_busy, rings=False)
        elif outcome is Outcome.DECLINE:
            await self._ring(attempt, attempt.person.ring_s, tell=switches.connected_before_busy)
        elif outcome is Outcome.NO_ANSWER:
            ring_s = switches.carrier_ring_timeout_s
            await self._ring(attempt, ring_s, tell=switches.connected_before_no_answer)
        else:
            await self._world.clock.sleep(CARRIER_FAILS_AFTER_S)
        await self._fail(attempt, str(outcome), channel_of(attempt, self._world.switches))

    async def _ring(self, attempt: Attempt, seconds: float, *, tell: bool, rings: bool = True) -> None:
        if rings:
            number = attempt.destination
            self.rang[number] = self.rang.get(number, 0) + 1
            attempt.record.state = "ringing"
            attempt.record.mark("ringing")
        if tell:
            self._tell(attempt, "connected")
        await self._world.clock.sleep(seconds)

    async def _answered(self, attempt: Attempt) -> None:
        world, switches = self._world, self._world.switches
        leg = self._leg(attempt)
        if switches.joins_while_ringing:
            self._join(attempt, leg)
        await self._ring(attempt, attempt.person.ring_s, tell=True)
        attempt.record.state = "connected"
        attempt.record.mark("answered", str(attempt.outcome))
        leg.begin()
        if switches.answered_before_joined:
            self._tell(attempt, "answered")
            self._join(attempt, leg)
        else:
            self._join(attempt, leg)
            self._tell(attempt, "answered")
        self._attempts.pop(attempt.session_id, None)
        reason = await world.switchboard.carry(leg)
        if reason != "transferred":
            await world.records.finish(attempt.record, reason)

    def _leg(self, attempt: Attempt) -> Leg:
        settings = attempt.settings
        return Leg(
            self._world,
            attempt.room,
            attempt.record,
            conduct_of(attempt.person, attempt.outcome),
            session_id=attempt.session_id,
            kind="dialout",
            number=attempt.destination,
            name=settings.get("displayName"),
            user_id=settings.get("userId"),
            client_data=attempt.client_data(),
            domain_data=attempt.domain_data(),
        )

    def _join(self, attempt: Attempt, leg: Leg) -> None:
        if not attempt.joined:
            attempt.joined = True
            self._world.switchboard.join(leg)

    def _tell(self, attempt: Attempt, event: str) -> None:
        attempt.room.emit(f"dialout_{event}", attempt.client_data())
        self._world.tell(f"dialout.{event}", attempt.room, attempt.domain_data())

    async def _fail(self, attempt: Attempt, outcome: str, channel: Channel) -> None:
        """Tell, over one of Daily's channels, that a call that was begun will not be answered."""
        self._attempts.pop(attempt.session_id, None)
        if channel in {"error", "error_then_stopped"}:
            text = REASONS.get(attempt.outcome, "call failed")
            attempt.room.emit("dialout_error", attempt.client_data(errorMsg=text))
            self._world.tell("dialout.error", attempt.room, attempt.error_data(text))
        if channel in {"stopped", "error_then_stopped"}:
            self._tell(attempt, "stopped")
        await self._world.records.finish(attempt.record, outcome)

    async def _cancel(self, attempt: Attempt, outcome: str) -> None:
        """End an attempt that still rings."""
        if attempt.task is not None:
            attempt.task.cancel()
        leg = attempt.room.legs.pop(attempt.session_id, None)
        if leg is not None:
            self._world.presence.left(attempt.room, leg)
        attempt.outcome = Outcome.DECLINE if outcome == "decline" else attempt.outcome
        declined = channel_of(attempt, self._world.switches) if outcome == "decline" else "stopped"
        await self._fail(attempt, outcome, declined)

    def _bot_left(self, room: Room, _client: RoomClient) -> None:
        if room.clients:
            return
        for attempt in [one for one in self._attempts.values() if one.room is room]:
            self._world.spawn(self._cancel(attempt, _unanswered(attempt)))


def _unanswered(attempt: Attempt) -> str:
    """What a phone came to whose ringing the other side stopped."""
    return "no_answer" if attempt.outcome is Outcome.NO_ANSWER else "canceled"
