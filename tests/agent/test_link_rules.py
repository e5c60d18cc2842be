"""The rules of the bot's end of the link: order, memory, and what answers mean."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frontdesk.agent.link import Link
from frontdesk.agent.link_post import Answer, Verdict, judge
from frontdesk.agent.link_queue import LinkQueue
from frontdesk.ended import EndedReason


async def test_a_heartbeat_that_failed_is_repeated_soon() -> None:
    """A gateway that was away for a moment does not take the bot for dead: no whole silence passes again."""
    slept: list[float] = []
    posts = 0

    async def post(_: Sequence[bytes]) -> Answer:
        nonlocal posts
        posts += 1
        return Answer(Verdict.RETRY, "503") if posts < 3 else Answer(Verdict.STOP, "410")

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(0)

    link = Link(post, LinkQueue("s"), heartbeat_s=10, sleep=sleep)
    link.start()
    async with asyncio.timeout(30):
        while posts < 3:
            await asyncio.sleep(0)
    await link.close(1)
    assert slept.count(10) == 1


def test_memory_is_bounded_and_milestones_stay() -> None:
    """While nobody takes anything, old turns give way and say how many; every milestone stays."""
    queue = LinkQueue("s", most_bytes=100_000)
    queue.offer()
    for number in range(5000):
        queue.put("turn", {"role": "user", "text": f"{number} " + "x" * 200}, droppable=True)
        if number % 500 == 0:
            queue.put("ringing", {"dial": 1})
    queue.put("ended", {"reason": "lost"})
    sent = _drain(queue)
    kinds = [event["type"] for event in sent]
    turns = [event for event in sent if event["type"] == "turn"]
    assert (kinds.count("ringing"), kinds.count("ended")) == (10, 1)
    assert sum(event["data"]["count"] for event in sent if event["type"] == "dropped") == 5000 - len(turns)
    assert sum(len(json.dumps(event)) for event in turns) < 110_000
    assert turns[-1]["data"]["text"].startswith("4999 ")
    assert [event["sequence"] for event in sent] == sorted(event["sequence"] for event in sent)


def _drain(queue: LinkQueue) -> list[dict[str, Any]]:
    sent = []
    while batch := queue.offer():
        sent += [json.loads(body) for body in batch]
        queue.taken(len(batch))
    return sent


MISHAPS = st.sampled_from(["taken", "part", "lost", "retry", "bad"])


class ErringGateway:
    """Takes batches, all or a part, loses answers, fails, misunderstands what is fine; then behaves."""

    def __init__(self, mishaps: Sequence[str]) -> None:
        self._mishaps = list(mishaps)
        self.known: list[str] = []
        self.under_way = 0

    async def __call__(self, events: Sequence[bytes]) -> Answer:
        assert self.under_way == 0, "two posts at once"
        self.under_way += 1
        await asyncio.sleep(0)
        self.under_way -= 1
        mishap = self._mishaps.pop(0) if self._mishaps else "taken"
        if mishap == "retry" or (mishap == "bad" and len(events) < 2):
            return Answer(Verdict.RETRY, "500")
        if mishap == "bad":
            return Answer(Verdict.BAD, "422")
        count = len(events) if mishap != "part" else max(min(1, len(events)), len(events) // 2)
        for event in events[:count]:
            if (name := json.loads(event)["data"]["n"]) not in self.known:
                self.known.append(name)
        return Answer(Verdict.RETRY, "lost") if mishap == "lost" else Answer(Verdict.TAKEN, "200", count)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(MISHAPS, max_size=12), st.lists(st.integers(0, 5), max_size=12))
def test_no_combination_of_mishaps_reorders_or_loses(mishaps: list[str], bursts: list[int]) -> None:
    """Whatever happens to posts and whenever something is told, the gateway learns all of it in order."""

    async def happen() -> list[str]:
        gateway = ErringGateway(mishaps)
        link = Link(gateway, LinkQueue("s"), heartbeat_s=10, sleep=_soon)
        link.start()
        told = 0
        for burst in bursts:
            for _ in range(burst):
                link.tell("turn", {"n": str(told)}, droppable=True)
                told += 1
            await asyncio.sleep(0)
        closing = asyncio.create_task(link.close(100_000))
        async with asyncio.timeout(60):
            await closing
        assert gateway.known == [str(n) for n in range(told)]
        return gateway.known

    asyncio.run(happen())


async def _soon(seconds: float) -> None:
    await asyncio.sleep(0 if seconds <= 30 else seconds)


@pytest.mark.parametrize(
    ("status", "answer", "verdict"),
    [
        (200, {"taken": 2, "orders": {}}, Verdict.TAKEN),
        (200, {"taken": 3}, Verdict.RETRY),
        (200, {"taken": 0}, Verdict.RETRY),
        (200, {"taken": True}, Verdict.RETRY),
        (200, {}, Verdict.RETRY),
        (404, {}, Verdict.RETRY),
        (404, {"retryable": True}, Verdict.RETRY),
        (404, {"retryable": False}, Verdict.STOP),
        (401, {}, Verdict.RETRY),
        (403, {"code": 403}, Verdict.RETRY),
        (410, {}, Verdict.RETRY),
        (401, {"code": "link_token_expired", "retryable": False}, Verdict.STOP),
        (410, {"code": "link_call_gone", "retryable": False}, Verdict.STOP),
        (307, {}, Verdict.RETRY),
        (429, {"retry_after_s": "soon"}, Verdict.RETRY),
        (422, {"code": "invalid_body"}, Verdict.BAD),
        (422, {}, Verdict.RETRY),
        (413, {}, Verdict.BAD),
    ],
)
def test_what_an_answer_means(status: int, answer: dict[str, Any], verdict: Verdict) -> None:
    """Only a good answer counts as taken, only the gateway itself can stop the link."""
    assert judge(status, answer, 2).verdict is verdict


def test_an_unknown_order_to_hang_up_still_hangs_up() -> None:
    """A newer gateway's reason is not known here; the call ends all the same."""
    assert judge(200, {"taken": 0, "orders": {"hang_up": "new"}}, 0).hang_up is EndedReason.CANCELED
    assert judge(200, {"taken": 0, "orders": ["hang_up"]}, 0).hang_up is None
