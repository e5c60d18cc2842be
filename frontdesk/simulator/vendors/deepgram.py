"""Deepgram's stand-in: the streaming API `/v1/listen` over the listener that understands from samples alone.

Messages, parameters and errors follow Deepgram's docs, "Live audio" and "Errors".
"""

from uuid import uuid4

from fastapi import APIRouter, WebSocket
from pydantic import ValidationError
from starlette.responses import JSONResponse

from frontdesk.simulator.vendors.access import may_use, token_of
from frontdesk.simulator.vendors.behavior import Behavior
from frontdesk.simulator.vendors.deepgram_messages import ListenOptions
from frontdesk.simulator.vendors.deepgram_stream import Stream
from frontdesk.simulator.world import World

__all__ = ["router"]

router = APIRouter(prefix="/deepgram", include_in_schema=False)


@router.websocket("/v1/listen")
async def listen(socket: WebSocket) -> None:
    """Transcribe a stream of audio."""
    world: World = socket.app.state.world
    behavior = world.vendors.used("deepgram")
    request_id = str(uuid4())
    refusal = _refusal(world, behavior, socket, request_id)
    if refusal:
        await socket.send_denial_response(refusal)
        return
    options = ListenOptions.model_validate(dict(socket.query_params))
    await socket.accept(headers=[(b"dg-request-id", request_id.encode())])
    written = world.vendors.transcripts.append
    await Stream(socket, options, behavior, world.phrasebook.person_phrases, request_id, written).run()


def _refusal(world: World, behavior: Behavior, socket: WebSocket, request_id: str) -> JSONResponse | None:
    if behavior.trouble == "refuse":
        return _error(behavior.refuse_status, "UNAVAILABLE", "Refused on command.", request_id)
    if not may_use(world, token_of(socket.headers)):
        return _error(401, "INVALID_AUTH", "Invalid credentials.", request_id)
    try:
        ListenOptions.model_validate(dict(socket.query_params))
    except ValidationError as error:
        first = error.errors()[0]
        reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        return _error(400, "Bad Request", f"Bad Request: {reason}", request_id)
    return None


def _error(status: int, code: str, message: str, request_id: str) -> JSONResponse:
    body = {"err_code": code, "err_msg": message, "request_id": request_id}
    return JSONResponse(body, status, headers={"dg-error": message, "dg-request-id": request_id})
