"""Whatever is put in whatever order, and whatever fails: nothing is lost, nothing is done twice."""

import asyncio
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.engine.memory_queue import MemoryQueue
from frontdesk.engine.queue import Again, Task
from frontdesk.errors import EngineUnavailableError
from tests.engine.clerk import Clerk

_calls = st.sampled_from(["a", "b", "c"])
_tasks = st.builds(
    Task,
    call_id=_calls,
    attempt=st.integers(1, 2),
    at=st.floats(0, 50),
    urgent=st.booleans(),
    partition=st.sampled_from(["x", "y"]),
)


class Hurried:
    """A clock that is already there."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


@settings(max_examples=20, deadline=None)
@given(
    puts=st.lists(_tasks, max_size=12), turns=st.integers(0, 2), raises=st.integers(0, 2), stops=st.booleans()
)
def test_every_task_comes_to_its_end_once(puts: list[Task], turns: int, raises: int, stops: bool) -> None:
    """Each task that is put, in copies and in any order, has each of its turns done exactly once."""

    async def run() -> None:
        def answer(_attempt: int, turn: int) -> Again | None:
            if turn < raises:
                raise EngineUnavailableError
            return Again(0.0) if turn < raises + turns else None

        clerk = Clerk(answers=dict.fromkeys("abc", answer))
        queue = MemoryQueue(clock=Hurried())
        for task in puts:
            async with clerk.works(queue) if stops else _Nothing():
                await queue.put(task)
        async with clerk.works(queue):
            async with asyncio.timeout(60):
                while await queue.known():
                    await asyncio.sleep(0)
        ends = Counter(clerk.begun)
        expected = {(task.call_id, task.attempt, turn) for task in puts for turn in range(raises + turns + 1)}
        assert set(ends) == expected
        assert set(Counter(clerk.done).values()) <= {1}
        assert all(most == 1 for most in clerk.most_at_once.values())

    asyncio.run(run())


class _Nothing:
    async def __aenter__(self) -> None:
        """Nothing."""

    async def __aexit__(self, *_: object) -> None:
        """Nothing."""
