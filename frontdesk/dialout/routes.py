"""POST /dialout over HTTP."""

from http import HTTPStatus

from fastapi import APIRouter, Request
from starlette.responses import Response

from frontdesk.dialout.idempotency import key_of
from frontdesk.dialout.models import DialoutAnswer, DialoutRequest
from frontdesk.dialout.service import DialoutService, Placed
from frontdesk.doors.bodies import parse_object, read_body, require_json, validate
from frontdesk.doors.keys import authenticate
from frontdesk.doors.openapi import json_body
from frontdesk.doors.owner import owner
from frontdesk.doors.problems import json_response
from frontdesk.keys.models import Scope

_LIMIT_BYTES = 256 * 1024
KEY_HEADER = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Makes the request safe to repeat: 1 to 255 visible ASCII characters, such as a UUID.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x21-\x7e]+$"},
}
PREFER_HEADER = {
    "name": "Prefer",
    "in": "header",
    "description": "`respond-async`: do not wait for the bot (RFC 7240).",
    "schema": {"type": "string"},
}

router = APIRouter(tags=["dial-out"])


@router.post(
    "/dialout",
    status_code=HTTPStatus.CREATED,
    response_model=DialoutAnswer,
    responses={
        HTTPStatus.OK: {"model": DialoutAnswer, "description": "A repeated request: the call of then."},
        HTTPStatus.ACCEPTED: {"model": DialoutAnswer, "description": "The call waits, or is being launched."},
    },
    openapi_extra=json_body(DialoutRequest)
    | {"parameters": [KEY_HEADER, PREFER_HEADER], "security": [{"bearer": []}, {"header": []}]},
)
async def place(request: Request) -> Response:
    """Place a call; safe to repeat with an `Idempotency-Key` or an `external_id`.

    A new call is waited for a few seconds: 201 when its bot is on its way or it has ended, such as
    `blocked_do_not_call`; 202 while it waits, and always with the header `Prefer: respond-async` (RFC 7240).
    A repeated request rings no second phone: it is answered at once with the call of then as it stands now,
    200 or 202, and `Idempotent-Replayed: true`. The same key with another request is 409.
    """
    principal = await authenticate(request, Scope.CALLS_WRITE)
    require_json(request)
    wanted = validate(DialoutRequest, parse_object(await read_body(request, _LIMIT_BYTES)))
    key = key_of(request.headers.getlist("idempotency-key"), wanted.external_id)
    service: DialoutService = request.app.state.dialout
    no_wait = _prefers_async(request)
    wait_s = 0 if no_wait else request.app.state.settings.dialout_wait_s
    whose = owner(request, principal, wanted.organization)
    placed = await service.place(wanted, whose, key=key, wait_s=wait_s)
    return json_response(placed.answer, _status(placed), _headers(placed, no_wait=no_wait))


def _status(placed: Placed) -> HTTPStatus:
    if not placed.known:
        return HTTPStatus.ACCEPTED
    return HTTPStatus.OK if placed.replayed else HTTPStatus.CREATED


def _headers(placed: Placed, *, no_wait: bool) -> dict[str, str]:
    replayed = {"Idempotent-Replayed": "true"} if placed.replayed else {}
    return replayed | ({"Preference-Applied": "respond-async"} if no_wait else {})


def _prefers_async(request: Request) -> bool:
    preferences = ",".join(request.headers.getlist("prefer")).split(",")
    return any(preference.split(";")[0].strip().lower() == "respond-async" for preference in preferences)
