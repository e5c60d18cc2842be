"""A JSON API in plain ASGI: a table of routes, checks in a fixed order, and no weight.

The simulator stands behind the gateway in benchmarks, so its own share of each request must stay small.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from frontdesk.simulator.limits import Kind
from frontdesk.simulator.webhooks.dialin import compact


class Problem(Exception):  # noqa: N818
    """An answer that is not 200, with the JSON body it has on the wire."""

    def __init__(
        self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(str(body.get("error", status)))
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


@dataclass(slots=True)
class Request:
    """One request as a handler sees it. `body` is the parsed JSON object, empty when none was sent."""

    params: dict[str, str]
    query: dict[str, str]
    body: dict[str, Any]
    key: str


Handler = Callable[[Request], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint. `template` has variable segments in braces; `limit` is the rate limit it counts for."""

    method: str
    template: str
    handler: Handler
    limit: Kind = "most"
    segments: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "segments", split(self.template))

    def match(self, segments: Sequence[str]) -> dict[str, str] | None:
        """The values of the variable segments, or None if the path is another's."""
        values = {}
        for expected, given in zip(self.segments, segments, strict=True):
            if expected.startswith("{"):
                values[expected[1:-1]] = given
            elif expected != given:
                return None
        return values


def split(path: str) -> tuple[str, ...]:
    """The segments of a path, without regard to slashes at its ends."""
    return tuple(segment for segment in path.split("/") if segment)


class JsonApi:
    """Serves routes. Subclasses say what the errors look like and who may call."""

    max_body = 2**21
    """Bytes of a request body that are read; more is answered by `too_large`."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes: dict[tuple[str, int], list[Route]] = {}
        for route in routes:
            self._routes.setdefault((route.method, len(route.segments)), []).append(route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (or turn a WebSocket away)."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            request_body, status, answer, headers = await self._serve(scope, receive)
        except Problem as problem:
            request_body, status, answer, headers = b"", problem.status, problem.body, problem.headers
        body = compact(answer)
        self.served(scope, status, request_body, body)
        await _send(send, status, body, headers)

    async def _serve(self, scope: Scope, receive: Receive) -> tuple[bytes, int, Any, dict[str, str]]:
        root = scope.get("root_path", "")
        segments = split(scope["path"].removeprefix(root))
        route, params = self._find(scope["method"], segments)
        scope["route_template"] = root + route.template
        key = self.authorize(route, _authorization(scope))
        self.admit(route)
        raw = await self._read(receive)
        request = Request(params, dict(parse_qsl(scope["query_string"].decode("latin-1"))), {}, key)
        try:
            request.body = self._parse(raw)
            return raw, 200, await route.handler(request), {}
        except Problem as problem:
            return raw, problem.status, problem.body, problem.headers

    def _find(self, method: str, segments: Sequence[str]) -> tuple[Route, dict[str, str]]:
        for route in self._routes.get((method, len(segments)), ()):
            params = route.match(segments)
            if params is not None:
                return route, params
        raise self.no_route()

    async def _read(self, receive: Receive) -> bytes:
        """The whole body; of one that is too large the rest is thrown away, so that the answer arrives."""
        message = await receive()
        if message["type"] == "http.disconnect":
            raise self.bad_request("the client was gone before its request could be read")
        raw: bytes = message.get("body", b"")
        size = len(raw)
        while message.get("more_body"):
            message = await receive()
            size += len(message.get("body", b""))
            if size <= self.max_body:
                raw += message.get("body", b"")
        if size > self.max_body:
            raise self.too_large()
        return raw

    def _parse(self, raw: bytes) -> dict[str, Any]:
        if not raw.strip():
            return {}
        try:
            value = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise self.bad_json(str(error)) from error
        if not isinstance(value, dict):
            raise self.bad_request("body must be an object")
        return value

    def no_route(self) -> Problem:
        """What an unknown path or a wrong method is answered."""
        raise NotImplementedError

    def too_large(self) -> Problem:
        """What a body beyond `max_body` is answered."""
        raise NotImplementedError

    def bad_json(self, info: str) -> Problem:
        """What a body that is not JSON is answered."""
        raise NotImplementedError

    def bad_request(self, info: str) -> Problem:
        """What a body of the wrong shape is answered."""
        raise NotImplementedError

    def authorize(self, route: Route, header: str | None) -> str:
        """Return the key of the Authorization header, or raise a Problem."""
        raise NotImplementedError

    def admit(self, route: Route) -> None:
        """Raise a Problem if there were too many requests."""

    def served(self, scope: Scope, status: int, request: bytes, response: bytes) -> None:
        """Hear of a finished request."""


def _authorization(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization":
            return str(value, "latin-1")
    return None


async def _send(send: Send, status: int, body: bytes, headers: dict[str, str]) -> None:
    raw = [(b"content-type", b"application/json; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    raw += [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
