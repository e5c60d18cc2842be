"""What every queue does: in memory, on SQLite, on PostgreSQL."""

import asyncio
import time

import pytest

from frontdesk.engine import dbos_queue
from frontdesk.engine.queue import Again, Queue
from frontdesk.errors import EngineUnavailableError
from tests.engine.clerk import Clerk, forgotten, single


async def test_a_task_is_placed(queue: Queue) -> None:
    """A task that is put is placed once, with its ids, and then forgotten."""
    clerk = Clerk()
    async with clerk.works(queue):
        await queue.put(single("a", attempt=2, turn=3))
        await clerk.until_done(("a", 2, 3))
        await forgotten(queue, "a")
    assert clerk.begun == [("a", 2, 3)]


async def test_a_task_waits_for_its_time(queue: Queue) -> None:
    """A task is known at once, and not placed before its time."""
    clerk = Clerk()
    async with clerk.works(queue):
        at = time.time() + 5
        await queue.put(single("a", at=at))
        assert await queue.known() == {"a"}
        await clerk.until_done(("a", 1, 0))
    assert clerk.begun_at[0] >= at


async def test_copies_of_a_task_are_one_task(queue: Queue) -> None:
    """A task that is put again, while it waits or when it is done, is not placed again."""
    clerk = Clerk()
    async with clerk.works(queue):
        await asyncio.gather(*(queue.put(single("a")) for _ in range(5)))
        await clerk.until_done(("a", 1, 0))
        await forgotten(queue, "a")
        await queue.put(single("a"))
        await queue.put(single("b"))
        await clerk.until_done(("b", 1, 0))
        assert await queue.known() <= {"b"}
    assert sorted(clerk.begun) == [("a", 1, 0), ("b", 1, 0)]


async def test_a_task_that_is_lost_gets_a_turn_of_its_own(queue: Queue) -> None:
    """What is put anew is placed under the first turn that was never used."""
    clerk = Clerk(answers={"a": lambda _, turn: Again(0.0) if turn < 1 else None})
    async with clerk.works(queue):
        await queue.put(single("a"))
        await clerk.until_done(("a", 1, 1))
        await forgotten(queue, "a")
        await queue.put(single("a"), anew=True)
        await clerk.until_done(("a", 1, 2))
    assert clerk.begun == [("a", 1, 0), ("a", 1, 1), ("a", 1, 2)]


async def test_another_turn_comes_at_its_time(queue: Queue) -> None:
    """`Again` brings the next turn of the same attempt, not before the time that it names."""
    at = time.time() + 2
    clerk = Clerk(answers={"a": lambda _, turn: Again(at) if turn < 1 else None})
    async with clerk.works(queue):
        await queue.put(single("a", attempt=3))
        await clerk.until_done(("a", 3, 1))
        await forgotten(queue, "a")
    assert clerk.begun == [("a", 3, 0), ("a", 3, 1)]
    assert clerk.begun_at[1] >= at


async def test_a_placement_that_fails_is_tried_again(queue: Queue) -> None:
    """When `place` raises, the attempt comes again in a later turn, until it does not."""

    def answer(_attempt: int, turn: int) -> None:
        if turn < 2:
            raise EngineUnavailableError

    clerk = Clerk(answers={"a": answer})
    async with clerk.works(queue):
        await queue.put(single("a"))
        await clerk.until_done(("a", 1, 2))
        await forgotten(queue, "a")
    assert clerk.begun == [("a", 1, 0), ("a", 1, 1), ("a", 1, 2)]
    assert clerk.begun_at[2] - clerk.begun_at[1] >= 1.9


async def test_a_placement_that_is_canceled_from_inside_is_tried_again(queue: Queue) -> None:
    """A cancellation that is not the queue's own does not lose the task."""

    def answer(_attempt: int, turn: int) -> None:
        if turn < 1:
            raise asyncio.CancelledError

    clerk = Clerk(answers={"a": answer})
    async with clerk.works(queue):
        await queue.put(single("a"))
        await clerk.until_done(("a", 1, 1))


async def test_what_is_not_finished_at_the_end_runs_again(queue: Queue) -> None:
    """A placement that outlasts the stop is canceled, and begun again by the next start."""
    clerk = Clerk(held={"a": asyncio.Event()})
    async with clerk.works(queue, stop_s=0.1):
        await queue.put(single("a"))
        await queue.put(single("later", at=time.time() + 3600))
        await clerk.until(lambda: len(clerk.begun) == 1)
    assert clerk.now["a"] == 0
    clerk.held.clear()
    async with clerk.works(queue):
        await clerk.until_done(("a", 1, 0))
        await forgotten(queue, "a")
        assert await queue.known() == {"later"}
    assert clerk.begun == [("a", 1, 0), ("a", 1, 0)]


async def test_what_finishes_within_the_stop_is_done(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stop waits for a placement, and what it says counts: it does not run again."""
    monkeypatch.setattr(dbos_queue, "_SETTLE_S", 30.0)
    clerk = Clerk(
        held={"a": asyncio.Event()}, answers={"a": lambda _, turn: Again(0.0) if turn < 1 else None}
    )
    async with clerk.works(queue, stop_s=60):
        await queue.put(single("a"))
        await clerk.until(lambda: len(clerk.begun) == 1)
        asyncio.get_running_loop().call_later(0.1, clerk.held["a"].set)
    assert clerk.done == [("a", 1, 0)]
    async with clerk.works(queue):
        await clerk.until_done(("a", 1, 1))
    assert clerk.begun == [("a", 1, 0), ("a", 1, 1)]


async def test_an_urgent_task_overtakes_a_campaign(queue: Queue) -> None:
    """An urgent task is placed although a campaign has more due than may run at once."""
    held = asyncio.Event()
    names = [f"row{number}" for number in range(60)]
    clerk = Clerk(held=dict.fromkeys(names, held))
    async with clerk.works(queue):
        for name in names:
            await queue.put(single(name, urgent=False, partition="campaign"))
        await clerk.until(lambda: len(clerk.begun) >= 32)
        await queue.put(single("urgent"))
        await clerk.until_done(("urgent", 1, 0))
        assert len(clerk.begun) == 33
        held.set()
        await clerk.until_done(*((name, 1, 0) for name in names))


async def test_partitions_do_not_hold_up_each_other(queue: Queue) -> None:
    """What one organization has too much of leaves room for another."""
    held = asyncio.Event()
    names = [f"call{number}" for number in range(40)]
    clerk = Clerk(held=dict.fromkeys(names, held))
    async with clerk.works(queue):
        for name in names:
            await queue.put(single(name, partition="busy"))
        await clerk.until(lambda: len(clerk.begun) >= 32)
        await queue.put(single("other", partition="quiet"))
        await clerk.until_done(("other", 1, 0))
        held.set()
        await clerk.until_done(*((name, 1, 0) for name in names))


@pytest.mark.parametrize("earlier", [{"turn": 1}, {"attempt": 2}])
async def test_what_was_begun_comes_before_what_is_new(queue: Queue, earlier: dict[str, int]) -> None:
    """A later turn or attempt keeps its place before newer tasks of its partition."""
    first, rest = asyncio.Event(), asyncio.Event()
    full = [f"call{number}" for number in range(32)]
    clerk = Clerk(held=dict.fromkeys(full, rest) | {"call0": first, "begun": rest, "new": rest})
    async with clerk.works(queue):
        for name in full:
            await queue.put(single(name))
        await clerk.until(lambda: len(clerk.begun) == 32)
        await queue.put(single("new"))
        await queue.put(single("begun", **earlier))
        first.set()
        await clerk.until(lambda: len(clerk.begun) == 33)
        assert clerk.begun[32][0] == "begun"
        rest.set()
        await clerk.until(lambda: len(clerk.done) == 34)


async def test_one_call_is_placed_once_at_a_time(queue: Queue) -> None:
    """Two tasks of one call never run at the same time in one process."""
    held = asyncio.Event()
    clerk = Clerk(held={"a": held})
    async with clerk.works(queue):
        await queue.put(single("a"))
        await queue.put(single("a", attempt=2))
        await clerk.until(lambda: len(clerk.begun) == 1)
        await queue.put(single("b"))
        await clerk.until_done(("b", 1, 0))
        held.set()
        await clerk.until_done(("a", 1, 0), ("a", 2, 0))
    assert clerk.most_at_once["a"] == 1


async def test_a_queue_that_does_not_run_says_so_or_keeps(queue: Queue) -> None:
    """What is put while the queue does not run is refused with a code, or placed at the next start."""
    clerk = Clerk()
    async with clerk.works(queue):
        pass
    try:
        await queue.put(single("a"))
    except EngineUnavailableError:
        return
    async with clerk.works(queue):
        await clerk.until_done(("a", 1, 0))
