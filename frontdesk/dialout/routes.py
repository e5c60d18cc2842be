"""POST /dialout over HTTP."""

from http import HTTPStatus

from fastapi import APIRouter, Request
from starlette.responses import Response

from frontdesk.dialout.models import DialoutAnswer, DialoutRequest
from frontdesk.dialout.service import DialoutService
from frontdesk.doors.bodies import parse_object, read_body, require_json, validate
from frontdesk.doors.keys import authenticate
from frontdesk.doors.openapi import json_body
from frontdesk.doors.problems import json_response
from frontdesk.keys.models import Scope

_LIMIT_BYTES = 256 * 1024

router = APIRouter(tags=["dial-out"])


@router.post(
    "/dialout",
    status_code=HTTPStatus.CREATED,
    response_model=DialoutAnswer,
    responses={HTTPStatus.ACCEPTED: {"model": DialoutAnswer, "description": "The launch goes on."}},
    openapi_extra=json_body(DialoutRequest) | {"security": [{"bearer": []}, {"header": []}]},
)
async def place(request: Request) -> Response:
    """Place a call.

    Waits a few seconds for the launch of the bot (201); if it takes longer, or with the header
    `Prefer: respond-async` (RFC 7240), it goes on in the background (202).
    """
    principal = await authenticate(request, Scope.CALLS_WRITE)
    require_json(request)
    wanted = validate(DialoutRequest, parse_object(await read_body(request, _LIMIT_BYTES)))
    service: DialoutService = request.app.state.dialout
    no_wait = _prefers_async(request)
    wait_s = 0 if no_wait else request.app.state.settings.dialout_wait_s
    answer = await service.place(wanted, wait_s, principal)
    status = HTTPStatus.CREATED if answer.status == "dialing" else HTTPStatus.ACCEPTED
    return json_response(answer, status, {"Preference-Applied": "respond-async"} if no_wait else None)


def _prefers_async(request: Request) -> bool:
    preferences = ",".join(request.headers.getlist("prefer")).split(",")
    return any(preference.split(";")[0].strip().lower() == "respond-async" for preference in preferences)
