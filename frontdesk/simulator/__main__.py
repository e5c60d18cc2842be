"""`python -m frontdesk.simulator`: `serve` runs the simulator, `env` prints how to run programs on it."""

import os
import shlex
from typing import Annotated

import typer

from frontdesk.simulator.foreign.environment import environment_of
from frontdesk.simulator.server import NotLoopbackError, PortTakenError
from frontdesk.simulator.server import serve as serve_forever
from frontdesk.simulator.settings import SimulatorSettings

app = typer.Typer(add_completion=False, no_args_is_help=True, help="The simulated phone world, on loopback.")


@app.callback()
def main() -> None:
    """The simulated phone world, on loopback."""


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="Port on loopback; 0 takes a free one.", min=0, max=65535)] = 9099,
    host: Annotated[str, typer.Option(help="A loopback address.")] = "127.0.0.1",
) -> None:
    """Run until interrupted. Settings come from SIM_… variables; these options win."""
    try:
        serve_forever(SimulatorSettings(host=host, port=port))
    except (NotLoopbackError, PortTakenError, ValueError) as error:
        typer.echo(f"simulator: {error}", err=True)
        raise typer.Exit(2) from None


@app.command()
def env(
    url: Annotated[str, typer.Option(help="Where the simulator runs.")] = "http://127.0.0.1:9099",
) -> None:
    """Print the environment for programs written for Daily: eval "$(python -m frontdesk.simulator env)"."""
    try:
        variables = environment_of(url, os.environ.get("PYTHONPATH", ""))
    except (OSError, ValueError) as error:
        typer.echo(f"simulator: no answer from {url}: {error}", err=True)
        raise typer.Exit(2) from None
    for name, value in variables.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


if __name__ == "__main__":
    app()
