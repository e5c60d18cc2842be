"""A phone leg: the line between a room and a person, in frames of 20 ms over G.711."""

import asyncio
from typing import TYPE_CHECKING, Any, Literal

from frontdesk.simulator.phone.playout import FRAME_S, SILENCE, Playout, mixed
from frontdesk.simulator.rooms.client import participant_object
from frontdesk.simulator.rooms.room import Room
from frontdesk.simulator.speech.line import PHONE_RATE, g711, rms
from frontdesk.simulator.speech.listener import BackgroundListener, Heard, Listener
from frontdesk.simulator.speech.voice import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from frontdesk.simulator.phone.conduct import Conduct
    from frontdesk.simulator.records.record import Record
    from frontdesk.simulator.speech.phrasebook import Phrase
    from frontdesk.simulator.world import World

VOICE_RMS = 100.0
"""Loudness above which a person notices that somebody speaks."""
TURN_GAP_S = 0.6
"""Silence after which the next sound counts as a new turn on the timeline."""
LATE_S = 0.2
LOST_S = 2.0
"""A line this far behind gives up the lost time instead of catching up."""

Kind = Literal["dialin", "dialout"]


class Leg:
    """One person's end of the line, in a room as a participant.

    `conduct` decides what the person does; it is asked once every frame. Times are seconds since the pick-up,
    counted in frames, so that they never drift from the sound.
    """

    def __init__(  # noqa: PLR0913 (what a leg is made of)
        self,
        world: "World",
        room: Room,
        record: "Record",
        conduct: "Conduct",
        *,
        session_id: str,
        kind: Kind,
        number: str,
        name: str | None = None,
        user_id: str | None = None,
        client_data: dict[str, Any] | None = None,
        domain_data: dict[str, Any] | None = None,
    ) -> None:
        self.id = session_id
        self.kind = kind
        self.number = number
        self.name = name or number
        self.user_id = user_id or session_id
        self.client_data = client_data or {"sessionId": session_id}
        self.domain_data = domain_data or {"session_id": session_id}
        self.room = room
        self.record = record
        self.joined_at = world.clock.wall()
        self.can_receive: dict[str, Any] = {"base": True}
        self.ended_because: str | None = None
        self.ended = asyncio.Event()
        self._clock = world.clock
        self._phrasebook = world.phrasebook
        self._runner: asyncio.Task[Any] | None = None
        self._keys_reach_bots = world.switches.dtmf_in
        self._begun_ms = record.now_ms
        self._frames = 0
        self._from: dict[str, Playout] = {}
        self._mouth = Playout()
        self._spoken_to_end = True
        self.heard: list[tuple[float, str]] = []
        self.other_began_at: float | None = None
        self.other_spoke_at: float | None = None
        self._ear = BackgroundListener(
            Listener(PHONE_RATE, self._phrases, unclear="(unclear)"), self._understood
        )
        self._conduct: Iterator[None] = conduct(self)
        record.sound.begin_at(self._begun_ms)

    def _phrases(self) -> "Sequence[Phrase]":
        """What may be heard: bots, and other people when there are any on the line."""
        others = self._phrasebook.person_phrases() if len(self.room.legs) > 1 else ()
        return (*self._phrasebook.bot_phrases(), *others)

    # What the person can do and perceive.

    @property
    def time(self) -> float:
        """Seconds since the pick-up."""
        return self._frames * FRAME_S

    @property
    def speaking(self) -> bool:
        """Whether the person's own words are still on their way."""
        return len(self._mouth) > 0

    def say(self, text: str, voice: str, wpm: int) -> None:
        """Speak a line over the line."""
        self.record.line("said", text, self._ms(self.time))
        self.record.mark("person_speaks")
        self.play(say(text, PHONE_RATE, voice, wpm))
        self._spoken_to_end = False

    def play(self, pcm: bytes) -> None:
        """Send a sound that is not the person's voice; 8 kHz PCM."""
        self._mouth.push(PHONE_RATE, pcm)

    def press(self, key: str) -> None:
        """Press one key."""
        self.record.mark("key_pressed", key)
        if self._keys_reach_bots:
            data = {"sessionId": self.id, "tone": key, "volume": -10, "method": "telephone-event"}
            self.room.emit("dtmf_event", data)

    def hang_up(self, reason: str) -> None:
        """Put the phone down."""
        if self.ended_because is None:
            self.ended_because = reason

    # What happens to the leg from outside.

    def begin(self) -> None:
        """The person picks up now: what was said before is lost."""
        self._begun_ms = self.record.now_ms
        self.record.sound.begin_at(self._begun_ms)
        self._from.clear()

    def hear(self, speaker_id: str, rate: int, pcm: bytes) -> None:
        """Somebody in the room says something; PCM of any rate."""
        if not may_receive(self.can_receive, speaker_id):
            return
        if not self.record.marked_first_sound and rms(pcm) > VOICE_RMS:
            self.record.marked_first_sound = True
            self.record.mark("first_bot_audio")
        self._from.setdefault(speaker_id, Playout()).push(rate, pcm)

    def forget(self, speaker_id: str) -> None:
        """Somebody has left the room."""
        self._from.pop(speaker_id, None)

    async def end(self, reason: str) -> None:
        """End the leg from outside and wait until it is off the room."""
        self.hang_up(reason)
        if self._runner is not None:
            self._runner.cancel()
            await self.ended.wait()

    def participant(self) -> dict[str, Any]:
        """The participant object of Daily's client libraries."""
        return participant_object(
            self.id, self.name, user_id=self.user_id, owner=False, joined_at=self.joined_at
        )

    # The line itself.

    async def run(self) -> str:
        """Carry sound until somebody hangs up; returns the reason. The caller takes the leg off the room."""
        self._runner = asyncio.current_task()
        try:
            await self._carry()
        except asyncio.CancelledError:
            if self.ended_because is None or self._runner is None:
                raise
            self._runner.uncancel()
        self._runner = None
        await self._ear.finalize()
        return self.ended_because or "person_hung_up"

    async def _carry(self) -> None:
        due = self._clock.monotonic()
        while self.ended_because is None:
            self._frame()
            due = await self._wait_until(due + FRAME_S)

    async def _wait_until(self, due: float) -> float:
        ahead = due - self._clock.monotonic()
        if ahead < -LATE_S:
            self.record.late_frames += 1
        if ahead < -FRAME_S:
            await self._let_arrive()
        await self._clock.sleep(ahead)
        return due if ahead > -LOST_S else due - ahead

    async def _let_arrive(self) -> None:
        """Behind time: take in what has arrived meanwhile before going on, or it would be heard as a gap."""
        for _ in range(4):
            await asyncio.sleep(0)

    def _frame(self) -> None:
        heard = mixed([voice.frame() for voice in self._from.values()])
        if heard is not SILENCE:
            heard = g711(heard)
        self._notice(heard)
        self._ear.feed(heard)
        if next(self._conduct, self) is self:
            self.hang_up("person_hung_up")
        self._send(heard)
        self._frames += 1

    def _notice(self, heard: bytes) -> None:
        now = self.time
        if heard is not SILENCE and rms(heard) > VOICE_RMS:
            if self.other_spoke_at is None or now - self.other_spoke_at > TURN_GAP_S:
                self.other_began_at = now
                self.record.mark("bot_speaks")
            self.other_spoke_at = now

    def _send(self, heard: bytes) -> None:
        said = self._mouth.frame()
        if said is not SILENCE:
            said = g711(said)
        if not self._spoken_to_end and not self.speaking:
            self._spoken_to_end = True
            self.record.mark("person_silent")
        self.record.sound.add(said, heard)
        for client in self.room.clients.values():
            client.hear(self.id, said)
        if len(self.room.legs) > 1:
            for other in self.room.legs.values():
                if other is not self:
                    other.hear(self.id, PHONE_RATE, said)

    def _understood(self, heard: Heard) -> None:
        if heard.text:
            self.heard.append((heard.start_s + heard.duration_s, heard.text))
            self.record.line("heard", heard.text, self._ms(heard.start_s))

    def _ms(self, seconds: float) -> float:
        return self._begun_ms + seconds * 1000


def may_receive(permission: Any, speaker_id: str) -> bool:
    """Daily's `canReceive`: a base, and exceptions by participant (Daily docs, permissions)."""
    if not isinstance(permission, dict):
        return bool(permission)
    by_participant = permission.get("byParticipantId") or {}
    allowed = by_participant.get(speaker_id, permission.get("base", True))
    return bool(allowed.get("audio", True)) if isinstance(allowed, dict) else bool(allowed)
