"""Routes without FastAPI's machinery for parameters, for doors that read their requests themselves."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send


class DirectRoute(APIRoute):
    """Documented like any other, but calls its endpoint at once: a tenth of a webhook's CPU.

    The endpoint takes the request and the path's parameters as strings, and returns a response. It can
    have no dependencies. Such a route must be added to the app's own router: an included one is rebuilt.
    """

    def __init__(self, path: str, endpoint: Callable[..., Awaitable[Response]], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self.app = _direct(endpoint)


def _direct(endpoint: Callable[..., Awaitable[Response]]) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await endpoint(Request(scope, receive), **scope["path_params"])
        await response(scope, receive, send)

    return app
