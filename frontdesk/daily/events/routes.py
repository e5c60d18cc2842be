"""Daily's domain events over HTTP (Daily docs, webhooks)."""

from typing import Any, Protocol

from fastapi import FastAPI, Request
from starlette.responses import Response

from frontdesk.daily.webhooks import EVENTS_PATH
from frontdesk.doors.bodies import parse_object, read_body
from frontdesk.doors.direct import DirectRoute
from frontdesk.doors.keys import require_local
from frontdesk.doors.problems import json_response
from frontdesk.doors.signature import SignatureCheck
from frontdesk.errors import DoorError, InvalidJsonError, SignatureInvalidError

_LIMIT_BYTES = 1024 * 1024


class Receiver(Protocol):
    """What stands behind the door."""

    async def receive(self, content: bytes) -> None:
        """Take a body that Daily signed."""


class EventsDoor:
    """Who may tell us of events: Daily, by its signature.

    Args:
        inbox: Takes what comes in.
        signature: Checks it; None when there is no secret.
        open_locally: Whether programs on this machine are believed when there is no secret.
    """

    def __init__(self, inbox: Receiver, signature: SignatureCheck | None, *, open_locally: bool) -> None:
        self.inbox = inbox
        self._signature = signature
        self._open_locally = open_locally

    def check(self, request: Request, content: bytes) -> None:
        """Let a request in, or not.

        Raises:
            DoorError: It is not Daily's.
        """
        if self._signature is not None:
            headers = request.headers
            self._signature.check(
                headers.get("x-webhook-signature"), headers.get("x-webhook-timestamp"), content
            )
        elif self._open_locally:
            require_local(request)
        else:
            raise SignatureInvalidError("Set DAILY_EVENTS_SECRET: without it no event is believed.")


def install(app: FastAPI) -> None:
    """Add the route to the app."""
    app.router.add_api_route(
        EVENTS_PATH,
        receive,
        methods=["POST"],
        tags=["Daily's events"],
        responses={401: {"description": "Not signed by Daily"}},
        route_class_override=DirectRoute,
    )


async def receive(request: Request) -> Response:
    """Daily tells what happens in the domain's rooms. Kept, then acknowledged, whatever it is."""
    content = await read_body(request, _LIMIT_BYTES)
    door: EventsDoor = request.app.state.daily_events
    try:
        door.check(request, content)
    except DoorError:
        if _is_test(content):
            return _OK
        raise
    await door.inbox.receive(content)
    return _OK


def _is_test(content: bytes) -> bool:
    """Daily's request at registering; whether it is signed is not documented, and it starts nothing."""
    try:
        body: dict[str, Any] = parse_object(content)
    except InvalidJsonError:
        return False
    return {name.lower() for name in body} == {"test"}


_OK = json_response({"status": "OK"})
