"""Runs one `bot()` as Pipecat Cloud's image does, and cancels it when told to; for the tests of that.

The body comes on standard input; the next line cancels. What became of the task is printed at the end.
"""

import asyncio
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from pipecat.runner.types import RunnerArguments

from bot import bot


async def main() -> None:
    body = json.loads(await asyncio.to_thread(sys.stdin.readline))
    task = asyncio.create_task(bot(RunnerArguments(body=body)))
    await asyncio.to_thread(sys.stdin.readline)
    task.cancel()
    await asyncio.wait([task])
    sys.stdout.write("task canceled\n" if task.cancelled() else "task returned\n")
    sys.stdout.flush()


asyncio.run(main())
