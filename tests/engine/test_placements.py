"""Placements of one process, without a queue."""

import time

from frontdesk.engine.placements import Placements
from frontdesk.engine.queue import Again, Task


async def test_what_failed_for_days_is_tried_again_every_minute() -> None:
    """However often a placement has failed, it comes again soon."""

    async def place(_call_id: str, _attempt: int, _turn: int) -> Again | None:
        raise RuntimeError

    following = await Placements(place).run(Task(call_id="a", failures=5000))
    assert following is not None
    assert following.failures == 5001
    assert following.at <= time.time() + 60
