"""`make chaos`: the long trials and the long leak audit; exit code 1 when a promise is broken.

`python -m tests.chaos --seed 7 --database sqlite` repeats one.
"""

import argparse
import asyncio
import secrets
import sys

from tests.chaos import leaks
from tests.chaos.trial import Trial, run
from tests.databases import administrator

LONG = {"calls": 200, "kills": 20, "gap_s": 0.5, "up_s": (1.0, 6.0), "real_bots": 2, "settle_s": 150.0}


def main() -> int:
    """Try each database; the seed is printed first."""
    arguments = _arguments()
    _say(f"seed {arguments.seed}")
    healthy = True
    for trial in _trials(arguments):
        outcome = asyncio.run(run(trial))
        _say(f"{outcome}\n{'held' if not outcome.wrong else 'BROKEN'}\n")
        healthy &= not outcome.wrong
    if arguments.database in {None, "leaks"}:
        audit = asyncio.run(leaks.audit(1000))
        _say(str(audit))
        healthy &= not audit.wrong
    return 0 if healthy else 1


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _trials(arguments: argparse.Namespace) -> list[Trial]:
    given = {name: value for name, value in vars(arguments).items() if name in {"calls", "kills"} and value}
    more = {**LONG, **given}
    trials = [
        Trial(arguments.seed, "sqlite", **more),
        Trial(arguments.seed, "postgres", **more),
        Trial(arguments.seed, "postgres", **more, gateways=2),
    ]
    wanted = [one for one in trials if arguments.database in {None, one.database}]
    if any(one.database == "postgres" for one in wanted):
        asyncio.run(_find_postgres())
    return wanted


async def _find_postgres() -> None:
    """Fail early, and not after the trial on SQLite, when there is no server."""
    async with administrator():
        pass


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--database", choices=["sqlite", "postgres", "leaks"])
    parser.add_argument("--calls", type=int)
    parser.add_argument("--kills", type=int)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
