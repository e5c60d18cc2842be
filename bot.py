"""The bot: takes the call that the runner hands over. Run it with `python bot.py`."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pipecat.runner.types import RunnerArguments

from frontdesk.agent.host import Host
from frontdesk.organizations import OrganizationsError
from frontdesk.settings import SettingsError

_host = Host()
_host.warm()


async def bot(runner_args: RunnerArguments) -> None:
    """Take one call; Pipecat Cloud and the dev runner call this."""
    await _host.take(runner_args)


def main() -> None:
    """Check the environment, then wait for calls in pipecat's dev runner."""
    try:
        _host.take_over_logs()
    except (SettingsError, OrganizationsError) as error:
        sys.exit(str(error))
    from pipecat.runner import run as runner  # noqa: PLC0415

    runner.app.router.lifespan_context = _with_our_logs
    runner.main()


@asynccontextmanager
async def _with_our_logs(_: object) -> AsyncIterator[None]:
    """The runner sets up a sink of its own right before it serves."""
    _host.take_over_logs()
    yield


if __name__ == "__main__":
    main()
