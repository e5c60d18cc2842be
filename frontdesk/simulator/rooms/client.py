"""A bot in a room, and what participants look like to it."""

import asyncio
import json
import struct
import uuid
from typing import Any

from frontdesk.simulator.speech.line import PHONE_RATE, Resampler

OUTBOX_LIMIT = 1000
"""Messages a bot may lag behind (20 s of audio) before audio is dropped for it."""
_AUDIO_HEAD = struct.Struct("<I36s")


class RoomClient:
    """A bot in a room, as its call client in the stand-in `daily` module sees it.

    Messages to it are queued and never block the sender; `outbox` yields `None` once the bot has to go.
    Times are Unix seconds.
    """

    def __init__(
        self,
        name: str,
        *,
        owner: bool,
        user_id: str | None = None,
        joined_at: float = 0.0,
        leaves_at: float | None = None,
    ) -> None:
        self.id = str(uuid.uuid4())
        self.leaves_at = leaves_at
        self.name = name
        self.owner = owner
        self.user_id = user_id or self.id
        self.joined_at = joined_at
        self._rates: dict[str, int] = {}
        self._resamplers: dict[str, tuple[int, Resampler]] = {}
        self.dropped_frames = 0
        self.outbox: asyncio.Queue[str | bytes | None] = asyncio.Queue()

    def emit(self, event: str, *args: Any) -> None:
        """Tell the bot of an event, named as the handler method without `on_`."""
        self.outbox.put_nowait(json.dumps({"event": event, "args": args}))

    def reply(self, request: int, data: Any = None, error: str | None = None) -> None:
        """Answer one request of the bot."""
        self.outbox.put_nowait(json.dumps({"reply": request, "data": data, "error": error}))

    def subscribe(self, participant_id: str, rate: int) -> None:
        """Send a participant's sound from now on, at a rate in Hz; `*` stands for everybody."""
        self._rates[participant_id] = rate

    def hear(self, participant_id: str, pcm: bytes) -> None:
        """Send 8 kHz PCM of a participant, at the rate the bot asked for, unless the bot is far behind."""
        rate = self._rates.get(participant_id) or self._rates.get("*")
        if rate is None:
            return
        if self.outbox.qsize() > OUTBOX_LIMIT:
            self.dropped_frames += 1
            return
        sound = self._resampled(participant_id, rate, pcm)
        if sound:
            self.outbox.put_nowait(_AUDIO_HEAD.pack(rate, participant_id.encode()) + sound)

    def _resampled(self, participant_id: str, rate: int, pcm: bytes) -> bytes:
        if rate == PHONE_RATE:
            return pcm
        known = self._resamplers.get(participant_id)
        if known is None or known[0] != rate:
            known = self._resamplers[participant_id] = (rate, Resampler(PHONE_RATE, rate))
        return known[1].feed(pcm)

    def close(self) -> None:
        """Throw the bot out: its call state becomes "left"."""
        self.outbox.put_nowait(None)

    def participant(self, *, local: bool = False) -> dict[str, Any]:
        """The participant object of Daily's client libraries."""
        return participant_object(
            self.id, self.name, user_id=self.user_id, owner=self.owner, joined_at=self.joined_at, local=local
        )


def participant_object(
    participant_id: str, name: str, *, user_id: str, owner: bool, joined_at: float, local: bool = False
) -> dict[str, Any]:
    """A participant as daily-python reports one (daily-python reference, types, Participant)."""
    off = {"state": "off", "subscribed": "unsubscribed"}
    return {
        "id": participant_id,
        "info": {
            "isLocal": local,
            "isOwner": owner,
            "userId": user_id,
            "userName": name,
            "joinedAt": int(joined_at),
            "permissions": {
                "hasPresence": True,
                "canSend": True,
                "canReceive": {"base": True},
                "canAdmin": owner,
            },
        },
        "media": {
            "camera": off,
            "microphone": {"state": "playable", "subscribed": "subscribed"},
            "screenAudio": off,
            "screenVideo": off,
            "customAudio": {},
            "customVideo": {},
        },
    }
