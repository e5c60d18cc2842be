"""The command line."""

import typer

from frontdesk.calls.cli import app as calls_app
from frontdesk.campaigns.cli import app as campaign_app
from frontdesk.daily.cli import app as daily_app
from frontdesk.gate.cli import app as do_not_call_app
from frontdesk.keys.cli import app as keys_app
from frontdesk.retention.cli import erase

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="A telephony gateway for Pipecat voice bots."
)
app.add_typer(calls_app, name="calls")
app.add_typer(campaign_app, name="campaign")
app.add_typer(do_not_call_app, name="do-not-call")
app.add_typer(daily_app, name="daily")
app.add_typer(keys_app, name="keys")
app.command()(erase)


@app.command()
def demo() -> None:
    """Watch a patient call in and a CRM call out; needs no account."""
    from frontdesk.demo.show import run_demo  # noqa: PLC0415 (the images do without the demo)

    raise typer.Exit(run_demo())


@app.command()
def dev() -> None:
    """Leave the same parts running on fixed ports, restarted when code changes."""
    from frontdesk.demo.loop import run_dev  # noqa: PLC0415 (the images do without the demo)

    raise typer.Exit(run_dev())
