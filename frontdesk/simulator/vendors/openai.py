"""OpenAI's stand-in: chat completions by rules, streamed or whole, as OpenAI's API reference has them."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import JSONResponse, Response, StreamingResponse

from frontdesk.simulator.vendors.access import may_use, token_of
from frontdesk.simulator.vendors.behavior import Behavior
from frontdesk.simulator.vendors.brain import Answer, answer, text_of
from frontdesk.simulator.vendors.judgments import judgment
from frontdesk.simulator.vendors.openai_messages import Completion, error_body
from frontdesk.simulator.world import World

__all__ = ["router"]

router = APIRouter(prefix="/openai/v1", include_in_schema=False)

_MODELS = ("gpt-4.1", "gpt-4.1-mini", "gpt-4o", "gpt-4o-mini", "gpt-5-mini")
_CREATED = 1_744_316_542


class _StreamOptions(BaseModel):
    include_usage: bool = False


class _ChatRequest(BaseModel):
    """The part of a request that the stand-in looks at; everything else is taken and ignored."""

    model_config = ConfigDict(extra="ignore")

    model: str = Field(min_length=1)
    messages: list[dict[str, Any]] = Field(min_length=1)
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    stream: bool = False
    stream_options: _StreamOptions | None = None
    response_format: dict[str, Any] | None = None


@router.post("/chat/completions")
async def complete(request: Request) -> Response:
    """Answer a conversation."""
    world: World = request.app.state.world
    behavior = world.vendors.used("openai")
    if refusal := _refusal(request, behavior):
        return refusal
    try:
        chat = _ChatRequest.model_validate_json(await request.body())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or None
        return _error(400, f"{place or 'body'}: {first['msg']}", param=place)
    await asyncio.sleep(behavior.first_byte_ms / 1000)
    if behavior.trouble == "silence":
        await _until_disconnected(request)
    completion = Completion(chat.model, chat.messages, _thought(world, chat))
    if not chat.stream:
        return JSONResponse(completion.whole())
    usage = bool(chat.stream_options and chat.stream_options.include_usage)
    cut = behavior.trouble == "disconnect"
    return StreamingResponse(_events(completion, usage=usage, cut=cut), media_type="text/event-stream")


def _thought(world: World, chat: _ChatRequest) -> Answer:
    judged = judgment(world.vendors.rules, text_of(chat.messages[-1]), chat.response_format)
    if judged is not None:
        return Answer(judged)
    tools = [] if chat.tool_choice == "none" else chat.tools or []
    return answer(world.vendors.rules, chat.messages, tools)


@router.get("/models")
async def models(request: Request) -> Response:
    """List models."""
    if refusal := _refusal(request, Behavior()):
        return refusal
    return JSONResponse({"object": "list", "data": [_model(name) for name in _MODELS]})


@router.get("/models/{name}")
async def model(request: Request, name: str) -> Response:
    """Describe a model."""
    if refusal := _refusal(request, Behavior()):
        return refusal
    if name not in _MODELS:
        return _error(404, f"The model '{name}' does not exist", code="model_not_found")
    return JSONResponse(_model(name))


def _model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": _CREATED, "owned_by": "openai"}


async def _events(completion: Completion, *, usage: bool, cut: bool) -> AsyncIterator[str]:
    chunks = list(completion.chunks(usage=usage))
    for chunk in chunks[: max(1, len(chunks) // 2)] if cut else chunks:
        yield f"data: {json.dumps(chunk)}\n\n"
        await asyncio.sleep(0)
    if not cut:
        yield "data: [DONE]\n\n"


async def _until_disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _refusal(request: Request, behavior: Behavior) -> Response | None:
    if behavior.trouble == "refuse":
        return _error(behavior.refuse_status, "Refused on command.")
    if not may_use(request.app.state.world, token_of(request.headers)):
        return _error(401, "Incorrect API key provided.", code="invalid_api_key")
    return None


def _error(status: int, message: str, *, code: str | None = None, param: str | None = None) -> JSONResponse:
    return JSONResponse(error_body(status, message, code=code, param=param), status)
