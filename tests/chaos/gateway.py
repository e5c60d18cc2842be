"""The gateway as `python server.py` runs it, with less patience, and with moments at which it dies.

`python -m tests.chaos.gateway '{"patience": {"join_s": 8}}' [--crash-at=NAME:PASSAGES]`. SIGUSR1 makes it
write what it holds (open files, tasks, memory) to `audit` as one JSON line.
"""

import asyncio
import gc
import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import server
from frontdesk.calls.orders import Patience
from frontdesk.crm.service import Pace
from frontdesk.daily import removal
from frontdesk.services import Tuning
from tests.chaos.crash_points import install

UNLIMITED = 1_000_000


def main(arguments: list[str]) -> int:
    """Run the gateway."""
    wanted = json.loads(arguments[0])
    for argument in arguments[1:]:
        name, _, passages = argument.removeprefix("--crash-at=").partition(":")
        install(name, int(passages or 1))
    removal._DELETIONS = UNLIMITED
    if "audit" in wanted:
        signal.signal(signal.SIGUSR1, lambda *_: _audit(Path(wanted["audit"])))
    return server.main(tuning(wanted))


def tuning(wanted: dict[str, Any]) -> Tuning:
    """The product's values, but for those that are wanted otherwise."""
    parts: dict[str, Any] = dict(wanted.get("services", {}))
    if "patience" in wanted:
        parts["patience"] = Patience(**wanted["patience"])
    if "pace" in wanted:
        parts["crm"] = Pace(**wanted["pace"])
    return Tuning(**parts)


def _audit(path: Path) -> None:
    """Write down what this process holds."""
    gc.collect()
    held = {
        "files": len(list(Path("/proc/self/fd").iterdir())),
        "tasks": len(asyncio.all_tasks(_loop())),
        "rss_kib": int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024,
        "objects": Counter(type(thing).__name__ for thing in gc.get_objects()).most_common(40),
        "task_names": Counter(task.get_coro().__qualname__ for task in asyncio.all_tasks(_loop())),  # type: ignore[union-attr]
    }
    with path.open("a") as book:
        book.write(json.dumps(held) + "\n")


def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
