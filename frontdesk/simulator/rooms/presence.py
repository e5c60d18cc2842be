"""Who comes and goes in the rooms, told to the other bots inside and to the domain's webhooks."""

import uuid
from typing import TYPE_CHECKING, Any

from frontdesk.simulator.rooms.room import Room, RoomClient

if TYPE_CHECKING:
    from frontdesk.simulator.phone.leg import Leg
    from frontdesk.simulator.world import World


class Presence:
    """Emits participant.* and meeting.* (Daily docs, webhook events) and the same news inside the room."""

    def __init__(self, world: "World") -> None:
        self._world = world
        world.rooms.on_client_joined.append(self.joined)
        world.rooms.on_client_left.append(self.left)

    def joined(self, room: Room, who: "RoomClient | Leg") -> None:
        """Somebody has come in; they are already among the participants."""
        now = self._world.clock.wall()
        if room.meeting_id is None:
            room.meeting_id, room.meeting_started_at = str(uuid.uuid4()), now
            self._world.tell("meeting.started", room, {"start_ts": now, "meeting_id": room.meeting_id})
        _tell_others(room, who, "participant_joined", who.participant())
        self._world.tell("participant.joined", room, _payload(who))

    def left(self, room: Room, who: "RoomClient | Leg") -> None:
        """Somebody has gone; they are no longer among the participants."""
        now = self._world.clock.wall()
        _tell_others(room, who, "participant_left", who.participant(), "leftCall")
        self._world.tell(
            "participant.left", room, {**_payload(who), "duration": round(now - who.joined_at, 3)}
        )
        if not room.occupied and room.meeting_id is not None:
            ended = {"start_ts": room.meeting_started_at, "end_ts": now, "meeting_id": room.meeting_id}
            room.meeting_id = None
            self._world.tell("meeting.ended", room, ended)


def _tell_others(room: Room, who: "RoomClient | Leg", event: str, *args: Any) -> None:
    for client in list(room.clients.values()):
        if client is not who:
            client.emit(event, *args)


def _payload(who: "RoomClient | Leg") -> dict[str, Any]:
    info = who.participant()["info"]
    return {
        "joined_at": who.joined_at,
        "session_id": who.id,
        "user_id": info["userId"],
        "user_name": info["userName"],
        "owner": info["isOwner"],
        "networkQualityState": "unknown",
        "will_eject_at": 0,
        "permissions": {"hasPresence": True, "canSend": True, "canAdmin": info["isOwner"]},
    }
