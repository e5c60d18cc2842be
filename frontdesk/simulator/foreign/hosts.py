"""The internet hosts that the simulator stands in for, and where their paths lie in its one application."""

from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["PREFIXES", "VendorHosts"]

PREFIXES = {
    "api.daily.co": "",
    "api.pipecat.daily.co": "/cloud",
    "api.openai.com": "/openai",
    "api.deepgram.com": "/deepgram",
    "api.cartesia.ai": "/cartesia",
}


class VendorHosts:
    """ASGI middleware: a request for one of these hosts finds that host's routes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, its path led to the host's routes."""
        prefix = PREFIXES.get(_host(scope)) if scope["type"] in ("http", "websocket") else None
        if prefix:
            path = prefix + scope["path"]
            scope = {**scope, "path": path, "raw_path": path.encode()}
        await self._app(scope, receive, send)


def _host(scope: Scope) -> str:
    value = next((value for name, value in scope["headers"] if name == b"host"), b"")
    return str(value.decode("latin-1").partition(":")[0])
