"""Where faults strike: plain ASGI, which costs one dictionary update a request while no fault is set."""

import asyncio
import json
from typing import Literal

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from frontdesk.simulator.faults.plan import EndpointFault, Faults

BROKEN_JSON = b'{"broken": '
CONTROL_PREFIX = "/sim"


class FaultMiddleware:
    """Lets faults strike, and counts requests. The control API under /sim is never hit."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        method = scope.get("method", "WS")
        fault = None
        if self._faults.plan.endpoints and not scope["path"].startswith(CONTROL_PREFIX):
            fault = self._faults.endpoint(method, scope["path"])
        try:
            await self._serve(fault, scope, receive, send)
        finally:
            self._faults.counts[f"{method} {_template(scope, fault)}"] += 1

    async def _serve(self, fault: EndpointFault | None, scope: Scope, receive: Receive, send: Send) -> None:
        if fault is None:
            await self._app(scope, receive, send)
            return
        if fault.latency_ms:
            await asyncio.sleep(fault.latency_ms / 1000)
        if not fault.answers_itself:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await _fail_websocket(fault, scope, receive, send)
        else:
            if fault.runs:
                await self._app(scope, receive, _swallow)
            await _fail_http(fault, receive, send)


def _template(scope: Scope, fault: EndpointFault | None) -> str:
    known = scope.get("route_template") or getattr(scope.get("route"), "path", None)
    if known is None and fault is not None:
        known = fault.route
    return str(known or "(unknown)")


async def _swallow(_message: Message) -> None:
    """Lose an answer."""


async def _fail_http(fault: EndpointFault, receive: Receive, send: Send) -> None:
    if fault.hang:
        await _until_gone(receive, "http.disconnect")
    elif fault.reset:
        # An ASGI server drops the connection when an announced body is left unfinished.
        await _answer(send, 200, b'{"id": "', {"content-length": "1000"}, more=True)
    elif fault.bad_json:
        await _answer(send, 200, BROKEN_JSON, {})
    else:
        body = fault.body if isinstance(fault.body, str) else json.dumps(fault.body)
        raw = b"" if fault.body is None else body.encode()
        await _answer(send, fault.status or 500, raw, fault.headers)


async def _answer(
    send: Send, status: int, body: bytes, headers: dict[str, str], *, more: bool = False
) -> None:
    fields = {"content-type": "application/json", "content-length": str(len(body))}
    fields |= {name.lower(): value for name, value in headers.items()}
    raw = [(name.encode(), value.encode()) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def _fail_websocket(fault: EndpointFault, scope: Scope, receive: Receive, send: Send) -> None:
    """Hang: never accept. Status: refuse the upgrade. Bad JSON and reset: accept, then break."""
    if fault.hang:
        await _until_gone(receive, "websocket.disconnect")
        return
    await receive()
    if fault.status is not None:
        await _refuse_upgrade(fault.status, scope, send)
        return
    await send({"type": "websocket.accept"})
    if fault.bad_json:
        await send({"type": "websocket.send", "text": BROKEN_JSON.decode()})
    await send({"type": "websocket.close", "code": 1011})


async def _refuse_upgrade(status: int, scope: Scope, send: Send) -> None:
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = [(b"content-length", b"0")]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": b""})


async def _until_gone(receive: Receive, kind: Literal["http.disconnect", "websocket.disconnect"]) -> None:
    while (await receive())["type"] != kind:
        pass
