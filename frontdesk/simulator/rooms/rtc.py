"""The room's end of a call client: the WebSocket that the stand-in `daily` module speaks.

The protocol is written down in `standin/daily/link.py`.
"""

import contextlib
import json
import struct
from typing import Any

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from frontdesk.simulator.rooms.room import Room, RoomClient
from frontdesk.simulator.rooms.tokens import InvalidTokenError
from frontdesk.simulator.world import World

router = APIRouter(include_in_schema=False)
_RATE = struct.Struct("<I")
OWNERS_ONLY = "not allowed: this needs an owner token"


class JoinRefused(Exception):  # noqa: N818
    """The room does not let this client in; the message begins with Daily's error type."""


@router.websocket("/_room/rtc")
async def room_socket(socket: WebSocket) -> None:
    """One call client, from join to leave."""
    await socket.accept()
    world: World = socket.app.state.world
    with contextlib.suppress(WebSocketDisconnect):
        join = json.loads(await socket.receive_text())
        try:
            room, client = admit(world, join)
        except JoinRefused as refused:
            await socket.send_text(json.dumps({"reply": join["id"], "data": None, "error": str(refused)}))
            await socket.close()
            return
        await Session(world, socket, room, client).run(join["id"])


def admit(world: World, join: dict[str, Any]) -> tuple[Room, RoomClient]:
    """Check room, token and times as Daily does. Raises `JoinRefused`."""
    now = world.clock.wall()
    room = world.rooms.get(join.get("room") or "")
    if room is None:
        raise JoinRefused("no-room: The meeting you're trying to join does not exist.")
    if room.expired(now):
        raise JoinRefused("exp-room: The meeting you're trying to join is no longer available.")
    if now < float(room.properties.get("nbf") or 0):
        raise JoinRefused("nbf-room: The meeting you're trying to join is not yet available.")
    claims = _claims(world, room, join.get("token"), now)
    if len(room.participants()) >= int(room.properties.get("max_participants") or 200):
        raise JoinRefused("meeting-full: Meeting is full.")
    return room, RoomClient(
        claims.get("user_name") or join.get("name") or "",
        owner=bool(claims.get("is_owner")),
        user_id=claims.get("user_id"),
        joined_at=now,
        leaves_at=_leaves_at(claims, room, now),
    )


def _claims(world: World, room: Room, token: str | None, now: float) -> dict[str, Any]:
    if not token:
        if room.privacy == "private":
            raise JoinRefused("not-allowed: You are not allowed to join this meeting.")
        return {}
    try:
        claims = world.tokens.read(token, now=now)
    except InvalidTokenError as error:
        raise JoinRefused(f"not-allowed: {error}") from error
    if claims.get("room_name") not in {None, room.name}:
        raise JoinRefused("not-allowed: token is for another room")
    return claims


def _leaves_at(claims: dict[str, Any], room: Room, now: float) -> float | None:
    """When the client is thrown out by its token or the room's time per participant (Unix seconds)."""
    limits = []
    if claims.get("eject_at_token_exp") and claims.get("exp"):
        limits.append(float(claims["exp"]))
    limits += [
        now + float(after)
        for after in (claims.get("eject_after_elapsed"), room.properties.get("eject_after_elapsed"))
        if after
    ]
    return min(limits, default=None)


class Session:
    """A client that is in the room."""

    def __init__(self, world: World, socket: WebSocket, room: Room, client: RoomClient) -> None:
        self._world = world
        self._socket = socket
        self._room = room
        self._client = client

    async def run(self, request: int) -> None:
        """Serve the client until it leaves or is thrown out."""
        self._welcome(request)
        ejection = self._world.spawn(self._eject_in_time()) if self._client.leaves_at else None
        writer = self._world.spawn(self._write())
        try:
            await self._read()
        finally:
            self._world.rooms.leave(self._room, self._client)
            for task in (writer, ejection):
                if task is not None:
                    task.cancel()
            for leg in self._room.legs.values():
                leg.forget(self._client.id)

    def _welcome(self, request: int) -> None:
        room, client = self._room, self._client
        others = room.participants()
        self._world.rooms.join(room, client)
        inside = {"local": client.participant(local=True)} | {one["id"]: one for one in others}
        client.reply(request, {"participants": inside, "meetingSession": {"id": room.meeting_id}})
        for one in others:
            client.emit("participant_joined", one)

    async def _eject_in_time(self) -> None:
        leaves_at = self._client.leaves_at or 0.0
        await self._world.clock.sleep(leaves_at - self._world.clock.wall())
        self._client.close()

    async def _write(self) -> None:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            while (message := await self._client.outbox.get()) is not None:
                if isinstance(message, str):
                    await self._socket.send_text(message)
                else:
                    await self._socket.send_bytes(message)
            if self._socket.application_state is WebSocketState.CONNECTED:
                await self._socket.close()

    async def _read(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if message.get("bytes") is not None:
                self._hear(message["bytes"])
            elif not await self._ask(json.loads(message["text"])):
                return

    def _hear(self, frame: bytes) -> None:
        (rate,) = _RATE.unpack_from(frame)
        for leg in self._room.legs.values():
            leg.hear(self._client.id, rate, frame[_RATE.size :])

    async def _ask(self, request: dict[str, Any]) -> bool:
        """Do what the client asks; False once it wants to leave."""
        if request["op"] == "leave":
            self._client.close()
            return True
        data, error = await Operations(self._world, self._room, self._client).do(request)
        self._client.reply(request["id"], data, error)
        return True


class Operations:
    """What a client may ask for in a room. Each answers (data, error)."""

    def __init__(self, world: World, room: Room, client: RoomClient) -> None:
        self._network = world.network
        self._room = room
        self._client = client

    async def do(self, request: dict[str, Any]) -> tuple[Any, str | None]:
        """Dispatch one request."""
        op = getattr(self, f"op_{request['op']}", None)
        if op is None:
            return None, f"{request['op'].replace('_', ' ')} is not simulated"
        answer: tuple[Any, str | None] = await op(request)
        return answer

    async def op_subscribe(self, request: dict[str, Any]) -> tuple[Any, str | None]:
        """Send a participant's sound."""
        self._client.subscribe(request["participant"], int(request["rate"]))
        return None, None

    async def op_start_dialout(self, request: dict[str, Any]) -> tuple[Any, str | None]:
        """Call somebody."""
        return await self._network.start_dialout(
            self._room, request.get("settings") or {}, owner=self._client.owner, by_client=True
        )

    async def op_stop_dialout(self, request: dict[str, Any]) -> tuple[Any, str | None]:
        """Hang up on somebody."""
        return None, await self._network.stop_dialout(self._room, str(request.get("session_id")))

    async def op_send_dtmf(self, request: dict[str, Any]) -> tuple[Any, str | None]:
        """Press keys."""
        return None, await self._network.send_dtmf(self._room, request.get("settings") or {})

    async def op_sip_call_transfer(self, request: dict[str, Any]) -> tuple[Any, str | None]:
        """Send a leg to another number; owners only."""
        if not self._client.owner:
            return None, OWNERS_ONLY
        return None, await self._network.sip_call_transfer(self._room, request.get("settings") or {})

    async def op_sip_refer(self, request: dict[str, Any]) -> tuple[Any, str | None]:
        """Send a SIP leg outside; owners only."""
        if not self._client.owner:
            return None, OWNERS_ONLY
        return None, await self._network.sip_refer(self._room, request.get("settings") or {})

    async def op_app_message(self, request: dict[str, Any]) -> tuple[Any, str | None]:
        """Tell the other bots something."""
        to = request.get("to")
        for client in list(self._room.clients.values()):
            if client is not self._client and to in {None, "*", client.id}:
                client.emit("app_message", request.get("message"), self._client.id)
        return None, None

    async def op_chat_message(self, _request: dict[str, Any]) -> tuple[Any, str | None]:
        """Accepted: phones show no chat."""
        return None, None

    async def op_eject(self, request: dict[str, Any]) -> tuple[Any, str | None]:
        """Throw others out; owners only."""
        if not self._client.owner:
            return None, OWNERS_ONLY
        await self._room.eject(request.get("ids") or [])
        return None, None

    async def op_update_participants(self, request: dict[str, Any]) -> tuple[Any, str | None]:
        """Change what a phone leg may hear; owners only."""
        if not self._client.owner:
            return None, OWNERS_ONLY
        for participant_id, update in (request.get("participants") or {}).items():
            leg = self._room.legs.get(participant_id)
            permission = (update.get("permissions") or {}).get("canReceive")
            if leg is not None and permission is not None:
                leg.can_receive = permission
        return None, None
