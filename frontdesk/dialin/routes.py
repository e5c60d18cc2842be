"""Daily's dial-in webhook over HTTP."""

from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import Response

from frontdesk.dialin.models import DialinAnswer, DialinWebhook, is_probe
from frontdesk.dialin.service import DialinService
from frontdesk.doors.bodies import parse_object, read_body, validate
from frontdesk.doors.direct import DirectRoute
from frontdesk.doors.keys import require_local
from frontdesk.doors.openapi import json_body
from frontdesk.doors.problems import json_response
from frontdesk.doors.signature import SignatureCheck
from frontdesk.errors import DoorError, InvalidJsonError

_LIMIT_BYTES = 64 * 1024
_PATHS = ("/daily-dialin-webhook", "/daily-webhook")
_ROUTE: dict[str, Any] = {
    "methods": ["POST"],
    "tags": ["dial-in"],
    "response_model": DialinAnswer,
    "openapi_extra": json_body(DialinWebhook),
    "route_class_override": DirectRoute,
}


def install(app: FastAPI) -> None:
    """Add the webhook's routes to the app."""
    for path in _PATHS:
        app.router.add_api_route(path, receive, **_ROUTE)
        app.router.add_api_route(path + "/{organization}/{workflow}", receive_pinned, **_ROUTE)


async def receive(request: Request) -> Response:
    """Daily tells of a call on hold; the called number says whose it is."""
    return await _receive(request)


async def receive_pinned(request: Request, organization: str, workflow: str) -> Response:
    """Daily tells of a call on hold; the path says whose it is and which conversation it gets."""
    return await _receive(request, organization, workflow)


async def _receive(
    request: Request, organization: str | None = None, workflow: str | None = None
) -> Response:
    content = await read_body(request, _LIMIT_BYTES)
    try:
        _check_sender(request, content)
    except DoorError:
        if _is_probe(content):
            return _OK
        raise
    body = parse_object(content)
    if is_probe(body):
        return _OK
    service: DialinService = request.app.state.dialin
    answer = await service.receive(validate(DialinWebhook, body), organization, workflow)
    return json_response(answer)


def _check_sender(request: Request, content: bytes) -> None:
    signature: SignatureCheck | None = request.app.state.signature
    if signature is None:
        require_local(request)
        return
    headers = request.headers
    signature.check(headers.get("x-pinless-signature"), headers.get("x-pinless-timestamp"), content)


def _is_probe(content: bytes) -> bool:
    """Whether Daily signs its probe is not documented; it starts nothing, so it need not be signed."""
    try:
        return is_probe(parse_object(content))
    except InvalidJsonError:
        return False


_OK = json_response({"status": "OK"})
