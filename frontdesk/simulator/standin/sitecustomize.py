"""Python loads this file at start in programs on the simulator, for its folder is on their PYTHONPATH.

It acts only when SIM_STANDIN is set. Two libraries do not read the proxy from the environment: aiohttp unless
told so, and the old client of websockets (which Deepgram's SDK prefers). Both are told here, as soon as the
program imports them, and nothing else is touched. Another sitecustomize further down the path is loaded too.
"""

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import socket
import sys
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent


def _aiohttp(module: Any) -> None:
    """Make client sessions read the proxy from the environment, as other clients do."""
    init = module.ClientSession.__init__

    def init_trusting(self: Any, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("trust_env", True)
        init(self, *args, **kwargs)

    module.ClientSession.__init__ = init_trusting


def _websockets_legacy(module: Any) -> None:
    """Give connections to other hosts a socket that already goes through the proxy."""
    init = module.Connect.__init__

    def init_tunneled(self: Any, uri: str, *args: Any, **kwargs: Any) -> None:
        tunnel = None if "sock" in kwargs or "host" in kwargs else _tunnel(uri)
        if tunnel is not None:
            kwargs["sock"] = tunnel
        init(self, uri, *args, **kwargs)

    module.Connect.__init__ = init_tunneled


def _tunnel(uri: str) -> socket.socket | None:
    """A connected socket to the URI's host through HTTPS_PROXY; None when the host is reached directly."""
    target = urllib.parse.urlsplit(uri)
    proxy = urllib.parse.urlsplit(urllib.request.getproxies().get("https", ""))
    if target.scheme != "wss" or not proxy.hostname or urllib.request.proxy_bypass(target.hostname or ""):
        return None
    where = f"{target.hostname}:{target.port or 443}"
    connection = socket.create_connection((proxy.hostname, proxy.port), timeout=10)
    connection.sendall(f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer and (byte := connection.recv(1)):
        answer += byte
    if b" 200 " not in answer.split(b"\r\n", 1)[0]:
        connection.close()
        raise OSError(f"the simulator's proxy refused {where}")
    return connection


_AFTER_IMPORT = {"aiohttp.client": _aiohttp, "websockets.legacy.client": _websockets_legacy}


class _AfterImport(importlib.abc.MetaPathFinder):
    """Calls a function on a module right after its import."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:  # noqa: ARG002
        act = _AFTER_IMPORT.pop(name, None)
        spec = importlib.util.find_spec(name) if act else None
        if act is None or spec is None or spec.loader is None:
            return None
        loader: Any = spec.loader
        execute = loader.exec_module

        def execute_and_act(module: Any) -> None:
            execute(module)
            act(module)

        loader.exec_module = execute_and_act
        return spec


def _load_next() -> None:
    """Load the sitecustomize that this one hides."""
    others = [entry for entry in sys.path if Path(entry or ".").resolve() != _HERE]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if spec and spec.loader:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


if os.environ.get("SIM_STANDIN"):
    sys.meta_path.insert(0, _AfterImport())
with contextlib.suppress(ImportError):
    _load_next()
