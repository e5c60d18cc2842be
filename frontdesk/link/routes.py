"""The link over HTTP: for bots of this installation, each with the token of its own call."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from frontdesk.doors.bodies import parse_object, read_body, require_json, validate
from frontdesk.doors.problems import json_response
from frontdesk.errors import LinkTokenInvalidError
from frontdesk.link.models import Batch, Claim
from frontdesk.link.service import LONGEST_CONTEXT_WAIT_S, LinkService
from frontdesk.link.tokens import LinkTokens, Reporter

LIMIT_BYTES = 512 * 1024

router = APIRouter(prefix="/link/calls/{call_id}", include_in_schema=False)


@router.post("/events")
async def report(request: Request, call_id: str) -> Response:
    """Take a batch of reports; without events it is a heartbeat."""
    reporter = _reporter(request, call_id)
    require_json(request)
    batch = validate(Batch, parse_object(await read_body(request, LIMIT_BYTES)))
    service: LinkService = request.app.state.link
    return json_response(await service.take(reporter, batch))


@router.post("/claim")
async def claim(request: Request, call_id: str) -> Response:
    """Whether the bot that asks may dial; safe to repeat."""
    reporter = _reporter(request, call_id)
    require_json(request)
    asked = validate(Claim, parse_object(await read_body(request, LIMIT_BYTES)))
    service: LinkService = request.app.state.link
    return json_response(await service.claim(reporter, asked))


@router.get("/context")
async def context(
    request: Request, call_id: str, wait_s: Annotated[float, Query(ge=0, le=LONGEST_CONTEXT_WAIT_S)] = 0
) -> Response:
    """What the CRM said of the caller, as soon as it is known."""
    reporter = _reporter(request, call_id)
    service: LinkService = request.app.state.link
    return json_response(await service.context(reporter, wait_s))


def _reporter(request: Request, call_id: str) -> Reporter:
    """Check the token, before the body is read."""
    tokens: LinkTokens = request.app.state.link_tokens
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise LinkTokenInvalidError
    return tokens.check(token.strip(), call_id)
