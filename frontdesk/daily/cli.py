"""`frontdesk daily webhooks register|show|remove`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import aiohttp
import typer
from rich.console import Console
from rich.table import Column, Table

from frontdesk.daily.api import DailyApi
from frontdesk.daily.webhooks import EVENT_TYPES, EVENTS_PATH, DomainWebhooks, Webhook
from frontdesk.errors import DailyError, WebhookRefusedError
from frontdesk.settings import GatewaySettings, SettingsError, url_text

Result = TypeVar("Result")
_TEST_WITHIN_S = 10
_WRONG_SETTINGS, _FAILED = 2, 1
_OUTCOMES = {
    "created": "registered: Daily sends its events to {}",
    "updated": "corrected: Daily sends its events to {}",
    "unchanged": "nothing to do: Daily sends its events to {}",
}
PublicUrl = Annotated[
    str | None, typer.Option("--url", help="The gateway's address as Daily reaches it, if not PUBLIC_URL.")
]

app = typer.Typer(no_args_is_help=True, help="What the gateway needs from the Daily account.")
webhooks_app = typer.Typer(no_args_is_help=True, help="Daily's events: the second source of truth on calls.")
app.add_typer(webhooks_app, name="webhooks")


@webhooks_app.command()
def register(url: PublicUrl = None) -> None:
    """Have Daily send its events to the gateway, or correct what is registered; safe to repeat."""
    outcome, endpoint = _run(_register, url)
    typer.echo(_OUTCOMES[outcome].format(endpoint))


@webhooks_app.command()
def show(url: PublicUrl = None) -> None:
    """Show every webhook of the Daily domain, and how it fares."""
    found, endpoint = _run(_list_all, url)
    if found:
        Console().print(_table(found, endpoint))
    ours = [webhook for webhook in found if webhook.url == endpoint]
    if not any(webhook.active for webhook in ours):
        state = "has been given up by Daily" if ours else "is not registered"
        typer.echo(f"{endpoint} {state}: run `frontdesk daily webhooks register`")
        raise typer.Exit(_FAILED)


@webhooks_app.command()
def remove(url: PublicUrl = None) -> None:
    """Have Daily send its events to the gateway no more."""
    count, endpoint = _run(_remove, url)
    typer.echo(f"removed: {endpoint}" if count else f"nothing to do: {endpoint} is not registered")


async def _register(webhooks: DomainWebhooks, http: aiohttp.ClientSession) -> str:
    try:
        return await webhooks.register()
    except WebhookRefusedError:
        typer.echo(await _own_test(webhooks.url, http), err=True)
        raise


async def _list_all(webhooks: DomainWebhooks, _http: aiohttp.ClientSession) -> list[Webhook]:
    return await webhooks.list_all()


async def _remove(webhooks: DomainWebhooks, _http: aiohttp.ClientSession) -> int:
    return await webhooks.remove()


async def _own_test(url: str, http: aiohttp.ClientSession) -> str:
    """What our endpoint answers when we ask it as Daily does, in a sentence."""
    timeout = aiohttp.ClientTimeout(total=_TEST_WITHIN_S)
    try:
        async with http.post(url, json={"test": "test"}, timeout=timeout) as answer:
            return f"Asked from here, {url} answers Daily's test with {answer.status}."
    except (aiohttp.ClientError, TimeoutError) as error:
        return f"Asked from here, {url} does not answer Daily's test ({type(error).__name__})."


Action = Callable[[DomainWebhooks, aiohttp.ClientSession], Awaitable[Result]]


def _run(action: Action[Result], url: str | None) -> tuple[Result, str]:
    """Do it, and tell in a sentence why it cannot be done."""
    try:
        settings = GatewaySettings.load(**({"public_url": url} if url else {}))
        endpoint, secret = _endpoint(settings)
        return asyncio.run(_with_daily(action, settings, endpoint, secret)), endpoint
    except SettingsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(_WRONG_SETTINGS) from None
    except DailyError as error:
        said = f" Daily says: {error.info}." if error.info else ""
        typer.echo(f"{error.title}. {error.detail}{said}", err=True)
        raise typer.Exit(_FAILED) from None


def _endpoint(settings: GatewaySettings) -> tuple[str, str]:
    if settings.public_url is None or settings.daily_events_secret is None:
        raise SettingsError(
            "PUBLIC_URL and DAILY_EVENTS_SECRET must be set. A secret is made by "
            "`openssl rand -base64 32`; the gateway and this command need the same one."
        )
    return url_text(settings.public_url) + EVENTS_PATH, settings.daily_events_secret.get_secret_value()


async def _with_daily(
    action: Action[Result], settings: GatewaySettings, endpoint: str, secret: str
) -> Result:
    async with aiohttp.ClientSession() as http:
        api = DailyApi(
            http,
            api_url=url_text(settings.daily_api_url),
            api_key=settings.daily_api_key.get_secret_value(),
            timeout_s=settings.upstream_timeout_s,
        )
        return await action(DomainWebhooks(api, url=endpoint, secret=secret), http)


def _table(found: list[Webhook], endpoint: str) -> Table:
    table = Table(
        Column("webhook", overflow="fold"),
        "state",
        "failed",
        "last delivery",
        "retries",
        "events",
        title="Daily's webhooks",
    )
    for webhook in found:
        ours = webhook.url == endpoint
        state = webhook.state if webhook.active else f"[bold red]{webhook.state}"
        table.add_row(
            f"[bold]{webhook.url}" if ours else webhook.url,
            state,
            str(webhook.failed_count),
            webhook.last_pushed or "never",
            webhook.retry_type,
            _events(webhook) if ours else str(len(webhook.event_types)),
        )
    return table


def _events(webhook: Webhook) -> str:
    missing = set(EVENT_TYPES) - webhook.event_types
    return f"[bold red]{len(missing)} missing" if missing else f"all {len(EVENT_TYPES)}"
