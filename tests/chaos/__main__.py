"""`make chaos`: the long trials and the long leak audit; exit code 1 when a promise is broken.

`python -m tests.chaos --seed 7 --database sqlite` repeats one.
"""

import argparse
import asyncio
import secrets
import sys
from pathlib import Path
from typing import Any

from tests.chaos import leaks, outreach
from tests.chaos.outreach import Outreach
from tests.chaos.trial import Trial, run
from tests.databases import administrator

OUT: dict[str, Any] = {
    "singles": 300,
    "rows": 200,
    "kills": 50,
    "gap_s": 0.3,
    "up_s": (2.0, 5.0),
    "capacity": 16,
    "reserve": 5,
    "patient_s": 2.0,
    "settle_s": 240.0,
}
LONG: dict[str, Any] = {
    "calls": 200,
    "kills": 20,
    "gap_s": 0.5,
    "up_s": (1.0, 6.0),
    "real_bots": 2,
    "settle_s": 150.0,
}


def main() -> int:
    """Try each database; the seed is printed first."""
    arguments = _arguments()
    _say(f"seed {arguments.seed}")
    healthy = True
    for trial in _trials(arguments):
        outcome = asyncio.run(outreach.run(trial) if isinstance(trial, Outreach) else run(trial))
        _say(f"{outcome}\n{'held' if not outcome.wrong else 'BROKEN'}\n")
        healthy &= not outcome.wrong
    if arguments.database in {None, "leaks"} and not arguments.only:
        audit = asyncio.run(leaks.audit(1000))
        _say(str(audit))
        healthy &= not audit.wrong
    return 0 if healthy else 1


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _trials(arguments: argparse.Namespace) -> list[Trial | Outreach]:
    calls = {"calls": arguments.calls} if arguments.calls else {}
    kills = {"kills": arguments.kills} if arguments.kills else {}
    both, out = {**LONG, **calls, **kills}, {**OUT, **kills, "keep": arguments.keep}
    trials: list[Trial | Outreach] = [
        Outreach(arguments.seed, "sqlite", **out),
        Outreach(arguments.seed, "postgres", **out, gateways=2),
        Trial(arguments.seed, "sqlite", **both),
        Trial(arguments.seed, "postgres", **both),
        Trial(arguments.seed, "postgres", **both, gateways=2),
    ]
    kinds = {"out": (Outreach,), "both": (Trial,)}.get(arguments.only or "", (Trial, Outreach))
    wanted = [one for one in trials if isinstance(one, kinds) and arguments.database in {None, one.database}]
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
    parser.add_argument("--only", choices=["out", "both"], help="calls out and campaigns, or both directions")
    parser.add_argument("--keep", type=Path, help="folder for the books and logs of calls out")
    parser.add_argument("--calls", type=int)
    parser.add_argument("--kills", type=int)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
