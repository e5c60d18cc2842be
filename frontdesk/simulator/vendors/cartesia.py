"""Cartesia's stand-in: `/tts/websocket`, with espeak-ng voices behind it.

Messages and errors follow Cartesia's docs, "TTS (WebSocket)" and "API errors", version 2026-03-01.
"""

import asyncio
import json
from uuid import uuid4

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import ValidationError
from starlette.responses import JSONResponse

from frontdesk.simulator.vendors.access import may_use, token_of
from frontdesk.simulator.vendors.behavior import Behavior
from frontdesk.simulator.vendors.cartesia_context import Context
from frontdesk.simulator.vendors.cartesia_messages import Cancel, Generation, Message, error
from frontdesk.simulator.world import World

__all__ = ["router"]

router = APIRouter(prefix="/cartesia", include_in_schema=False)


@router.websocket("/tts/websocket")
async def speak(socket: WebSocket) -> None:
    """Speak texts in contexts, several at a time."""
    world: World = socket.app.state.world
    behavior = world.vendors.used("cartesia")
    refusal = _refusal(world, behavior, socket)
    if refusal:
        await socket.send_denial_response(refusal)
        return
    await socket.accept()
    await _Connection(socket, world, behavior).run()


class _Connection:
    """One WebSocket and its contexts."""

    def __init__(self, socket: WebSocket, world: World, behavior: Behavior) -> None:
        self._socket, self._world, self._behavior = socket, world, behavior
        self._contexts: dict[str, Context] = {}
        self._lock = asyncio.Lock()

    async def run(self) -> None:
        try:
            while True:
                await self._take(await self._socket.receive_text())
        except (WebSocketDisconnect, RuntimeError):
            return
        finally:
            for context in self._contexts.values():
                context.cancel()

    async def _take(self, text: str) -> None:
        try:
            message = json.loads(text)
            if isinstance(message, dict) and message.get("cancel"):
                self._cancel(Cancel.model_validate(message))
            else:
                self._generate(Generation.model_validate(message))
        except ValidationError as invalid:
            await self._send(_invalid(text, invalid))
        except ValueError:
            await self._send(error(400, "invalid_json", "Invalid JSON", "The message is not JSON.", None))

    def _cancel(self, request: Cancel) -> None:
        context = self._contexts.pop(request.context_id, None)
        if context:
            context.cancel()

    def _generate(self, request: Generation) -> None:
        key = request.context_id
        context = self._contexts.get(key)
        if context is None or context.closed:
            context = Context(key, self._behavior, self._world.phrasebook, self._send)
            self._contexts[key] = context
        context.take(request)

    async def _send(self, message: Message) -> None:
        if self._behavior.trouble == "silence":
            return
        async with self._lock:
            if self._behavior.trouble == "disconnect" and message["type"] == "chunk":
                await self._socket.close(1011, "Disconnected on command.")
                raise WebSocketDisconnect(1011)
            await self._socket.send_json(message)


def _invalid(text: str, invalid: ValidationError) -> Message:
    first = invalid.errors()[0]
    place = ".".join(map(str, first["loc"])) or "message"
    context = json.loads(text).get("context_id") if text.startswith("{") else None
    return error(
        400, f"invalid_{place.split('.')[0]}", "Invalid request", f"{place}: {first['msg']}", context
    )


def _refusal(world: World, behavior: Behavior, socket: WebSocket) -> JSONResponse | None:
    query, headers = socket.query_params, socket.headers
    key = headers.get("x-api-key") or query.get("api_key") or token_of(headers)
    if behavior.trouble == "refuse":
        return _http_error(behavior.refuse_status, "refused", "Refused on command")
    if not may_use(world, key):
        return _http_error(401, "unauthorized", "Unauthorized")
    if not (headers.get("cartesia-version") or query.get("cartesia_version")):
        return _http_error(400, "version_required", "The header Cartesia-Version is required")
    return None


def _http_error(status: int, code: str, title: str) -> JSONResponse:
    body = {"error_code": code, "title": title, "message": f"{title}.", "request_id": str(uuid4())}
    return JSONResponse(body, status)
