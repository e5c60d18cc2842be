"""`frontdesk calls tail|show|cancel`: asks a running gateway."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from urllib.parse import quote

import aiohttp
import typer
from rich.console import Console

from frontdesk.calls.board import Board
from frontdesk.calls.client import ApiError, CallsClient
from frontdesk.calls.tail import Tail

app = typer.Typer(no_args_is_help=True, help="Calls of a running gateway.")
Url = Annotated[str, typer.Option(envvar="FRONTDESK_URL", help="Of the gateway.")]
Key = Annotated[str | None, typer.Option(envvar="FRONTDESK_API_KEY", help="An API key, if one is needed.")]
CallId = Annotated[str, typer.Argument(help="The call_id.")]
_HERE = "http://127.0.0.1:8080"


@app.command()
def tail(
    url: Url = _HERE,
    key: Key = None,
    numbers: Annotated[bool, typer.Option("--numbers", help="Show phone numbers whole.")] = False,
) -> None:
    """Watch calls live until Ctrl-C; all but the last digits of numbers are hidden."""

    async def watch(client: CallsClient) -> None:
        await Tail(client, Console(), Board(numbers=numbers)).run()

    _with_gateway(url, key, watch)


@app.command()
def show(call_id: CallId, url: Url = _HERE, key: Key = None) -> None:
    """Print the record of a call as JSON."""
    _print(_with_gateway(url, key, lambda client: client.ask("GET", f"/calls/{quote(call_id, '')}")))


@app.command()
def cancel(call_id: CallId, url: Url = _HERE, key: Key = None) -> None:
    """Call a call off, or hang up; `show` tells when the line is closed."""
    _print(_with_gateway(url, key, lambda client: client.ask("DELETE", f"/calls/{quote(call_id, '')}")))


def _print(body: Any) -> None:
    typer.echo(json.dumps(body, indent=2, ensure_ascii=False))


def _with_gateway(url: str, key: str | None, work: Callable[[CallsClient], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with aiohttp.ClientSession() as http:
            return await work(CallsClient(http, url, key))

    try:
        return asyncio.run(run())
    except ApiError as error:
        typer.echo(error, err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
