"""What wraps every request: its id, and the last resort for an error that nobody foresaw."""

import itertools
import re
import uuid

from loguru import logger
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from frontdesk.doors.problems import problem_response
from frontdesk.errors import FrontdeskError, InvalidParameterError, NotFoundError

_PROCESS = uuid.uuid4().hex[:20]
_COUNT = itertools.count(1)
_SANE_ID = re.compile(rb"[\w.-]{8,64}")


class RequestFrame:
    """Gives each request an id (`X-Request-Id`) and each unforeseen error an answer.

    The sender's own id is kept when it is sane: 8 to 64 letters, digits, dots, dashes.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "websocket":
            await _deny(WebSocket(scope, receive, send))
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope["request_id"] = request_id
        header = (b"x-request-id", request_id.encode())
        started = False

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message["headers"], header]  # the list may be a shared response's own
            await send(message)

        try:
            if _holds_nul(scope):
                await problem_response(_nul(), request_id)(scope, receive, send_with_id)
                return
            await self._app(scope, receive, send_with_id)
        except ClientDisconnect:
            return
        except Exception:  # noqa: BLE001 - the last resort
            logger.exception("request {} failed for a reason that nobody foresaw", request_id)
            if not started:
                answer = problem_response(FrontdeskError(), request_id)
                await answer(scope, receive, send_with_id)


def _holds_nul(scope: Scope) -> bool:
    return "\0" in scope["path"] or b"%00" in scope["query_string"]


def _nul() -> InvalidParameterError:
    """No database holds NUL in texts, and PostgreSQL takes none to compare with."""
    return InvalidParameterError("Remove the NUL characters from the address: no text of a call holds any.")


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _SANE_ID.fullmatch(value):
            return str(value, "ascii")
    return new_request_id()


def new_request_id() -> str:
    """An id that no other request has, of 32 characters."""
    return f"{_PROCESS}{next(_COUNT):012x}"


async def _deny(websocket: WebSocket) -> None:
    """No route takes WebSockets; the answer is a problem where the server lets us write one, else its 403."""
    if "websocket.http.response" not in websocket.scope.get("extensions", {}):
        await websocket.close()
        return
    request_id = _request_id(websocket.scope)
    error = NotFoundError("No route takes WebSockets.")
    await websocket.send_denial_response(problem_response(error, request_id, {"X-Request-Id": request_id}))
