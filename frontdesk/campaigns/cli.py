"""`frontdesk campaign run|watch|show|start|pause|resume|cancel|result`: asks a running gateway."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

import aiohttp
import typer
from rich.console import Console

from frontdesk.calls.client import ApiError
from frontdesk.campaigns.client import CampaignsClient
from frontdesk.campaigns.watching import Watching, in_words

app = typer.Typer(no_args_is_help=True, help="Many calls from one file, by a running gateway.")
Url = Annotated[str, typer.Option(envvar="FRONTDESK_URL", help="Of the gateway.")]
Key = Annotated[str | None, typer.Option(envvar="FRONTDESK_API_KEY", help="An API key, if one is needed.")]
CampaignId = Annotated[str, typer.Argument(help="The campaign_id.")]
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV with a header, or JSON lines.")]
_HERE = "http://127.0.0.1:8080"
_PAUSED = 3
Result = TypeVar("Result")
_CHOICES = {"p": "pause", "c": "cancel"}


@app.command()
def run(
    file: File,
    name: Annotated[
        str | None, typer.Option(help="Of the campaign; by default that of the settings, or of the file.")
    ] = None,
    settings: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="JSON: what holds for all rows, as in POST /campaigns."
        ),
    ] = None,
    timezone: Annotated[str | None, typer.Option(help="IANA; of callees whose row says none.")] = None,
    concurrency: Annotated[int | None, typer.Option(help="Most calls of the campaign at once.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Leave out rows with a problem without asking.")] = False,
    url: Url = _HERE,
    key: Key = None,
) -> None:
    """Send a file, show what is wrong with it, start it and watch it. Ctrl-C asks what is to be done."""
    wanted = {"name": file.stem} | _settings(settings)
    given = {"name": name, "timezone": timezone, "concurrency": concurrency}
    wanted |= {option: value for option, value in given.items() if value is not None}
    campaign = _with_gateway(url, key, lambda client: _sent(client, file, wanted))
    campaign_id = campaign["campaign_id"]
    if campaign["state"] == "failed":
        _stop(f"The file {campaign['report']['error']}.")
    if campaign["state"] == "draft":
        _look_at_problems(url, key, campaign, yes=yes)
        _with_gateway(url, key, lambda client: client.drive(campaign_id, "start"))
    _watch(url, key, campaign_id)


@app.command()
def watch(campaign_id: CampaignId, url: Url = _HERE, key: Key = None) -> None:
    """Watch a campaign until it stands still. Ctrl-C asks what is to be done."""
    _watch(url, key, quote(campaign_id, ""))


@app.command()
def show(campaign_id: CampaignId, url: Url = _HERE, key: Key = None) -> None:
    """Print a campaign as JSON."""
    _print(_with_gateway(url, key, lambda client: client.find(quote(campaign_id, ""))))


@app.command()
def start(campaign_id: CampaignId, url: Url = _HERE, key: Key = None) -> None:
    """Start a draft; rows with a problem are left out."""
    _drive(url, key, campaign_id, "start")


@app.command()
def pause(campaign_id: CampaignId, url: Url = _HERE, key: Key = None) -> None:
    """Dial no more until it is resumed."""
    _drive(url, key, campaign_id, "pause")


@app.command()
def resume(campaign_id: CampaignId, url: Url = _HERE, key: Key = None) -> None:
    """Go on dialing."""
    _drive(url, key, campaign_id, "resume")


@app.command()
def cancel(
    campaign_id: CampaignId,
    hang_up: Annotated[bool, typer.Option("--hang-up", help="End the calls that go on, too.")] = False,
    url: Url = _HERE,
    key: Key = None,
) -> None:
    """Dial no more, for good."""
    _drive(url, key, campaign_id, f"cancel?hang_up={str(hang_up).lower()}")


@app.command()
def result(
    campaign_id: CampaignId,
    to: Annotated[Path | None, typer.Argument(help="campaign-<id>.csv when absent.")] = None,
    url: Url = _HERE,
    key: Key = None,
) -> None:
    """Save what became of each row as CSV."""
    path = to or Path(f"campaign-{Path(campaign_id).name}.csv")
    _with_gateway(url, key, lambda client: client.result(quote(campaign_id, ""), path))
    typer.echo(path)


async def _sent(client: CampaignsClient, file: Path, settings: dict[str, Any]) -> dict[str, Any]:
    campaign = await client.send(file, settings, uuid.uuid4().hex)
    return await Watching(client, Console()).until_read(campaign["campaign_id"])


def _look_at_problems(url: str, key: str | None, campaign: dict[str, Any], *, yes: bool) -> None:
    """Tell what is wrong, and go on only with somebody's consent."""
    report, campaign_id = campaign["report"], campaign["campaign_id"]
    wrong = report["rows"] - report["callable"]
    for row, told in _with_gateway(url, key, lambda client: client.problems(campaign_id)):
        typer.echo(f"row {row}: {told}")
    typer.echo(
        f"{wrong} of {report['rows']} rows cannot be called: {report['invalid']} with wrong values, "
        f"{report['duplicates']} duplicates, {report['do_not_call']} on the do-not-call list."
    )
    if not report["callable"]:
        _stop(f"No row can be called; {campaign_id} stays a draft.")
    if yes:
        return
    if not Console().is_terminal or not typer.confirm(f"Call the other {report['callable']}?"):
        _stop(f"Not started: `frontdesk campaign start {campaign_id}` starts it without those rows.")


def _watch(url: str, key: str | None, campaign_id: str) -> None:
    try:
        campaign = _with_gateway(
            url, key, lambda client: Watching(client, Console()).until_still(campaign_id)
        )
    except KeyboardInterrupt:
        _interrupted(url, key, campaign_id)
        return
    if campaign["state"] == "paused":
        why = _with_gateway(url, key, lambda client: client.why_paused(campaign_id))
        _stop(f"Paused: {why}. `frontdesk campaign resume {campaign_id}` goes on.", _PAUSED)
    typer.echo(f"{campaign['state']}: {in_words(campaign['progress']) or 'no call was made'}")
    if campaign["state"] != "completed":
        raise typer.Exit(1)


def _interrupted(url: str, key: str | None, campaign_id: str) -> None:
    """Somebody pressed Ctrl-C: that ends the watching; what else, they say."""
    choice = "l"
    if Console().is_terminal:
        typer.echo()
        choice = typer.prompt("[p]ause it, [c]ancel it, or [l]eave it running?", default="l")
    what = _CHOICES.get(choice.strip().lower()[:1])
    if what is None:
        typer.echo(f"It goes on: `frontdesk campaign watch {campaign_id}` shows it again.")
        return
    done = _with_gateway(url, key, lambda client: client.drive(campaign_id, what))
    typer.echo(f"{campaign_id} is {done['state']}.")


def _drive(url: str, key: str | None, campaign_id: str, what: str) -> None:
    done = _with_gateway(url, key, lambda client: client.drive(quote(campaign_id, ""), what))
    typer.echo(f"{done['campaign_id']} is {done['state']}.")


def _settings(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        _stop(f"{path} holds no JSON object.")
        raise


def _stop(text: str, status: int = 1) -> None:
    typer.echo(text, err=True)
    raise typer.Exit(status)


def _print(body: Any) -> None:
    typer.echo(json.dumps(body, indent=2, ensure_ascii=False))


def _with_gateway(url: str, key: str | None, work: Callable[[CampaignsClient], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        async with aiohttp.ClientSession() as http:
            return await work(CampaignsClient(http, url, key))

    try:
        return asyncio.run(run())
    except ApiError as error:
        typer.echo(error, err=True)
        raise typer.Exit(1) from None
    except OSError as error:
        _stop(f"{error.filename}: {error.strerror}.")
        raise
