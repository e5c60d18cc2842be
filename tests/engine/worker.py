"""A process with a queue, to be killed: `python -m tests.engine.worker URL DIARY [TASK...]`.

Each placement is a line of the diary: its name, the call, the attempt and the turn. A call whose id begins
with `held` is never finished by a process whose HOLD is set; one that begins with `twice` asks for another
turn.
"""

import asyncio
import os
import sys
import time
from pathlib import Path

from frontdesk.engine.dbos_queue import DbosQueue
from frontdesk.engine.queue import Again, Task
from tests.engine.diary import Diary


def task(text: str) -> Task:
    """A task from `call`, or `call@seconds`, which is due so much later."""
    call_id, _, later_s = text.partition("@")
    at = time.time() + float(later_s) if later_s else 0.0
    return Task(call_id=call_id, partition="organization", at=at)


async def work(url: str, diary: Diary, tasks: list[str]) -> None:
    """Run the queue until killed."""

    async def place(call_id: str, attempt: int, turn: int) -> Again | None:
        diary.write(call_id, attempt, turn)
        if call_id.startswith("held") and os.environ.get("HOLD"):
            await asyncio.Event().wait()
        return Again(0.0) if call_id.startswith("twice") and turn == 0 else None

    queue = DbosQueue(url)
    async with queue.running(place, stop_s=lambda: 0.0):
        for text in tasks:
            await queue.put(task(text))
        diary.write("ready")
        await asyncio.Event().wait()


if __name__ == "__main__":
    address, path, *rest = sys.argv[1:]
    asyncio.run(work(address, Diary(Path(path), os.environ["NAME"]), rest))
