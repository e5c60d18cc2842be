"""The REST twins of what a bot does in its room: dial-out, keys, transfer (Daily docs, rooms/dialOut)."""

from typing import TYPE_CHECKING, Any

from frontdesk.simulator.api import Request, Route
from frontdesk.simulator.rest.errors import invalid, missing_field
from frontdesk.simulator.rest.fields import check_types, refuse_unknown, required_text
from frontdesk.simulator.rest.rooms import live_room
from frontdesk.simulator.rooms.room import Room

if TYPE_CHECKING:
    from frontdesk.simulator.world import World

_DIALOUT = {
    "sipUri": "string",
    "phoneNumber": "string",
    "extension": "string",
    "waitBeforeExtensionDialSec": "integer",
    "displayName": "string",
    "userId": "string",
    "callerId": "string",
    "video": "boolean",
    "videoSettings": "object",
    "codecs": "object",
}
_DTMF = {"sessionId": "string", "tones": "string", "digitDurationMs": "integer"}
_LONGEST = {"extension": 20, "userId": 36, "tones": 20}
_RANGES = {"waitBeforeExtensionDialSec": (0, 60), "digitDurationMs": (50, 2000)}


class CallRoutes:
    """Dial-out start and stop, DTMF, transfer and refer."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def routes(self) -> list[Route]:
        """Their table."""
        return [
            Route("POST", "/rooms/{name}/dialOut/start", self.start, limit="pstn"),
            Route("POST", "/rooms/{name}/dialOut/stop", self.stop),
            Route("POST", "/rooms/{name}/dialOut/sendDTMF", self.send_dtmf),
            Route("POST", "/rooms/{name}/sipCallTransfer", self.transfer),
            Route("POST", "/rooms/{name}/sipRefer", self.refer),
        ]

    async def start(self, request: Request) -> dict[str, str]:
        """Call a number or a SIP address into a room, which must not be empty unless it allows that."""
        room, body = self._room(request), request.body
        refuse_unknown(body, _DIALOUT)
        check_types(body, _DIALOUT)
        _check_sizes(body)
        if bool(body.get("phoneNumber")) == bool(body.get("sipUri")):
            raise missing_field()
        if not room.occupied and not (room.properties.get("dialout_config") or {}).get("allow_room_start"):
            raise invalid("dial-out cannot start in an empty room")
        session_id, error = await self._world.network.start_dialout(room, body, owner=True)
        if session_id is None:
            raise invalid(error or "unable to start dialout")
        return {"ok": "true", "sessionId": session_id}

    async def stop(self, request: Request) -> dict[str, str]:
        """Hang up on a called person."""
        room = self._room(request)
        (session_id,) = required_text(request.body, "sessionId")
        _raise_text(await self._world.network.stop_dialout(room, session_id))
        return {"status": "sent"}

    async def send_dtmf(self, request: Request) -> dict[str, str]:
        """Press keys on a leg."""
        room, body = self._room(request), request.body
        session_id, _tones = required_text(body, "sessionId", "tones")
        check_types(body, _DTMF)
        _check_sizes(body)
        _raise_text(await self._world.network.send_dtmf(room, body))
        return {"ok": "true", "sessionId": session_id}

    async def transfer(self, request: Request) -> dict[str, str]:
        """Redirect a leg to a number or SIP address; Daily stays in the media path."""
        room, body = self._room(request), request.body
        _session_id, target = required_text(body, "sessionId", "toEndPoint")
        if not target.startswith(("sip:", "+")):
            raise invalid("toEndPoint must be a sip: URI or a phone number in E.164 format")
        check_types(body, _DIALOUT)
        _check_sizes(body)
        _raise_text(await self._world.network.sip_call_transfer(room, body))
        return {"ok": "true"}

    async def refer(self, request: Request) -> dict[str, str]:
        """Refer a SIP leg to another SIP address."""
        room, body = self._room(request), request.body
        required_text(body, "sessionId", "toEndPoint")
        _raise_text(await self._world.network.sip_refer(room, body))
        return {"ok": "true"}

    def _room(self, request: Request) -> Room:
        return live_room(self._world, request.params["name"])


def _raise_text(error: str | None) -> None:
    if error is not None:
        raise invalid(error)


def _check_sizes(body: dict[str, Any]) -> None:
    for name, longest in _LONGEST.items():
        if len(body.get(name) or "") > longest:
            raise invalid(f"property '{name}' must be at most {longest} characters")
    for name, (low, high) in _RANGES.items():
        if body.get(name) is not None and not low <= body[name] <= high:
            raise invalid(f"property '{name}' must be between {low} and {high}")
