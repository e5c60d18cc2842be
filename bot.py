"""The bot: takes the call that the runner hands over. Run it with `python bot.py`."""

import sys

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
    from pipecat.runner.run import main as run  # noqa: PLC0415

    run()


if __name__ == "__main__":
    main()
