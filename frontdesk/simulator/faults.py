"""Faults on command: endpoints that are slow, broken, silent or gone, and domain webhooks that go astray.

The middleware is plain ASGI and costs one dictionary update a request while no fault is set.
"""

import asyncio
import json
import random
import re
from collections import Counter
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BROKEN_JSON = b'{"broken": '
CONTROL_PREFIX = "/sim"


class _Counted(BaseModel):
    """A fault that may hold for some requests only."""

    model_config = ConfigDict(extra="forbid")

    times: int | None = Field(None, ge=1, description="Only the next N matches; unset: until removed.")
    probability: float = Field(1.0, gt=0, le=1, description="Share of the matches that are hit.")
    seed: int = Field(0, description="Seed of that choice, so that a run can be repeated.")
    _random: random.Random = PrivateAttr(default_factory=random.Random)

    def model_post_init(self, _context: Any, /) -> None:
        """Seed the choice."""
        self._random = random.Random(self.seed)

    @property
    def spent(self) -> bool:
        """Whether it has hit all the requests that it was meant for."""
        return self.times == 0

    def strikes(self) -> bool:
        """Decide about one match, and count it."""
        if self.spent or self._random.random() >= self.probability:
            return False
        if self.times is not None:
            self.times -= 1
        return True


class EndpointFault(_Counted):
    """What goes wrong at one endpoint of the simulator. At most one of status, hang, reset and bad_json.

    Only `latency_ms`: the endpoint answers as usual, later.
    """

    method: str = Field("*", description="HTTP method, `WS` for a WebSocket, `*` for any.")
    route: str = Field(
        description="Path or its template, such as `/v1/rooms/{name}`; `{…}` is one segment, `*` anything."
    )
    latency_ms: float = Field(0, ge=0, description="Wait before anything else.")
    status: int | None = Field(None, ge=200, le=599, description="Answer this instead.")
    body: Any = Field(None, description="JSON body (or a string sent as it is) of that answer.")
    headers: dict[str, str] = Field(default_factory=dict, description="Headers of that answer.")
    hang: bool = Field(default=False, description="Never answer.")
    reset: bool = Field(default=False, description="Drop the connection in the middle of the answer.")
    bad_json: bool = Field(default=False, description="Answer 200 with broken JSON.")
    runs: bool = Field(
        default=False,
        description="The endpoint does its work, but its answer is lost or replaced by the fault.",
    )
    _pattern: re.Pattern[str] = PrivateAttr(default=re.compile(""))

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum((self.status is not None, self.hang, self.reset, self.bad_json)) > 1:
            raise ValueError("give at most one of status, hang, reset and bad_json")
        if self.runs and not self.answers_itself:
            raise ValueError("runs needs one of status, hang, reset and bad_json")
        return self

    def model_post_init(self, context: Any, /) -> None:
        """Compile the route."""
        super().model_post_init(context)
        text = re.escape(self.route).replace(r"\*", ".*")
        self._pattern = re.compile(re.sub(r"\\\{[^/]*?\\\}", "[^/]+", text))

    @property
    def answers_itself(self) -> bool:
        """Whether the fault takes the endpoint's place, and does not only delay it."""
        return self.status is not None or self.hang or self.reset or self.bad_json

    def matches(self, method: str, path: str) -> bool:
        """Whether it concerns this request."""
        return self.method.upper() in {"*", method} and self._pattern.fullmatch(path) is not None


class EventFault(_Counted):
    """What goes wrong with Daily's domain webhooks on their way."""

    types: list[str] = Field(default_factory=list, description="Event types concerned; empty: all.")
    withhold: bool = Field(default=False, description="Never send the event.")
    copies: int = Field(1, ge=1, le=100, description="Send it this often (same id).")
    delay_s: float = Field(0, ge=0, description="Send it this much later.")
    hold_back: int = Field(0, ge=0, description="Collect this many events, then send them in reverse order.")

    def concerns(self, event_type: str) -> bool:
        """Whether it concerns events of this type."""
        return not self.types or event_type in self.types


class FaultPlan(BaseModel):
    """Everything that is to go wrong; the first matching fault of a list decides."""

    model_config = ConfigDict(extra="forbid")

    endpoints: list[EndpointFault] = Field(default_factory=list)
    events: list[EventFault] = Field(default_factory=list)


class Faults:
    """The faults in force, and how often each endpoint was asked (`counts`, by `METHOD template`)."""

    def __init__(self) -> None:
        self.plan = FaultPlan()
        self.counts: Counter[str] = Counter()

    def set(self, plan: FaultPlan) -> None:
        """Replace all faults."""
        self.plan = plan

    def add(self, fault: EndpointFault | EventFault) -> None:
        """Put one more fault in force, before the others."""
        if isinstance(fault, EndpointFault):
            self.plan.endpoints.insert(0, fault)
        else:
            self.plan.events.insert(0, fault)

    def clear(self) -> None:
        """Heal everything. Requests that hang already go on hanging."""
        self.plan = FaultPlan()

    def endpoint(self, method: str, path: str) -> EndpointFault | None:
        """The fault that strikes this request, if any."""
        for fault in self.plan.endpoints:
            if fault.matches(method, path) and fault.strikes():
                return fault
        return None

    def event(self, event_type: str) -> EventFault | None:
        """The fault that strikes this domain event, if any."""
        for fault in self.plan.events:
            if fault.concerns(event_type) and fault.strikes():
                return fault
        return None


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
        # Leaving an announced body unfinished is how an ASGI application makes its server drop the connection.
        await _answer(send, 200, b'{"id": "', {"content-length": "1000"}, more=True)
    elif fault.bad_json:
        await _answer(send, 200, BROKEN_JSON, {})
    else:
        body = fault.body if isinstance(fault.body, str) else json.dumps(fault.body)
        await _answer(send, fault.status or 500, b"" if fault.body is None else body.encode(), fault.headers)


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
