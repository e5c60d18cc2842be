"""Where attempts wait for a slot, without a database, with a clock that the test holds."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from frontdesk.engine.limits import Limit
from frontdesk.engine.line import OWN_PATIENCE_S, POLL_S, Line
from frontdesk.engine.wanted import Full, Gone, Granted, NotYet, Refusal, Wanted
from frontdesk.errors import DatabaseUnavailableError
from tests.engine.waiting import NOW, Clock, call_out, wanted

Answer = Granted | Refusal | Exception


class Desk:
    """Answers as the test says, and notes who asked when."""

    def __init__(self, answers: Callable[[Wanted], Answer]) -> None:
        self.clock = Clock()
        self.answers = answers
        self.asked: list[tuple[str, float]] = []
        self.returned: list[str] = []
        self.held: set[str] = set()
        self.line = Line(
            self.take, self.give_back, holds=self.holds, clock=self.clock, sleep=self.clock.sleep
        )

    async def take(self, asked: Wanted) -> Granted | Refusal:
        self.asked.append((asked.call_id, round(self.clock.now - NOW, 3)))
        await asyncio.sleep(0)
        answer = self.answers(asked)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def give_back(self, call_id: str, attempt: int) -> None:
        self.returned.append(call_id)

    async def holds(self, call_id: str, attempt: int) -> bool:
        return call_id in self.held

    async def wait(self, name: str, patience_s: float = 20, **changes: Any) -> Granted | Refusal:
        return await self.line.wait(wanted(call_out(name), **changes), patience_s)


def paced(every_s: float) -> Callable[[Desk], Callable[[Wanted], Answer]]:
    """Grants at a pace, as the database does."""
    state = {"next": NOW}

    def bind(desk: Desk) -> Callable[[Wanted], Answer]:
        def answer(_: Wanted) -> Answer:
            if desk.clock.now < state["next"]:
                return NotYet(state["next"])
            state["next"] = desk.clock.now + every_s
            return Granted(state["next"])

        return answer

    return bind


async def test_at_each_start_one_asks_and_the_urgent_are_first() -> None:
    """Each start is one question, and the urgent one, who came last of six, is second at worst."""
    desk = Desk(lambda _: Gone())
    desk.answers = paced(1.0)(desk)
    waiting = [asyncio.create_task(desk.wait(f"c{number}", urgent=False)) for number in range(5)]
    await asyncio.sleep(0)
    waiting.append(asyncio.create_task(desk.wait("urgent")))
    answers = await asyncio.gather(*waiting)
    assert all(isinstance(answer, Granted) for answer in answers)
    names = [name for name, _ in desk.asked]
    assert names.index("urgent") <= 1
    assert [at for _, at in desk.asked] == [0, 1, 2, 3, 4, 5]


async def test_while_all_is_full_one_asks_for_all_and_rarely() -> None:
    """Thirty who wait for the same ask the database twice a second together, and leave at the end."""
    desk = Desk(lambda _: Full(Limit.CAPACITY))
    answers = await asyncio.gather(*(desk.wait(f"c{number}", 10) for number in range(30)))
    assert set(answers) == {Full(Limit.CAPACITY)}
    assert len(desk.asked) <= 10 / POLL_S + 1
    assert desk.clock.now - NOW == pytest.approx(10, abs=2 * POLL_S)


async def test_who_waits_is_told_at_once_that_a_slot_is_free() -> None:
    """A release in this process is asked for without waiting for the next look."""
    desk = Desk(lambda _: Full(Limit.CAPACITY))
    never = asyncio.Event()

    async def stand_still(_: float) -> None:
        await never.wait()

    desk.line = Line(desk.take, desk.give_back, clock=desk.clock, sleep=stand_still)
    waiting = asyncio.create_task(desk.wait("a"))
    while len(desk.asked) < 1:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    desk.answers = lambda _: Granted(NOW)
    desk.line.wake()
    assert await waiting == Granted(NOW)
    assert len(desk.asked) == 2


async def test_a_full_organization_holds_up_nobody_else() -> None:
    """Calls of one organization wait for its limit a short while; another one is dialed meanwhile."""
    desk = Desk(lambda asked: Full(Limit.ORGANIZATION) if asked.organization_id == "busy" else Granted(NOW))
    busy = [asyncio.create_task(desk.wait(f"b{n}", organization_id="busy")) for n in range(3)]
    await asyncio.sleep(0)
    assert await desk.wait("free", organization_id="free") == Granted(NOW)
    assert desk.clock.now - NOW <= POLL_S
    assert set(await asyncio.gather(*busy)) == {Full(Limit.ORGANIZATION)}
    assert desk.clock.now - NOW == pytest.approx(OWN_PATIENCE_S, abs=2 * POLL_S)


async def test_the_share_of_single_calls_holds_up_campaigns_only() -> None:
    """A campaign that must leave the last places waits; a single call gets one."""
    desk = Desk(lambda asked: Full(Limit.SINGLE_RESERVE) if asked.campaign_id else Granted(NOW))
    campaign = asyncio.create_task(desk.wait("c", 3, campaign_id="c"))
    await asyncio.sleep(0)
    assert await desk.wait("single") == Granted(NOW)
    assert await campaign == Full(Limit.SINGLE_RESERVE)


async def test_nobody_waits_for_what_comes_too_late() -> None:
    """With the other side full for a minute, everybody is sent back into the queue after one question."""
    desk = Desk(lambda _: NotYet(NOW + 60))
    answers = await asyncio.gather(*(desk.wait(f"c{number}") for number in range(10)))
    assert set(answers) == {NotYet(NOW + 60)}
    assert len(desk.asked) == 1
    assert desk.clock.now == NOW


@pytest.mark.parametrize("answer", [Gone(), DatabaseUnavailableError()])
async def test_what_is_final_is_told_at_once(answer: Answer) -> None:
    """Neither a call that is gone nor a database that is away is waited for."""
    desk = Desk(lambda _: answer)
    if isinstance(answer, Exception):
        with pytest.raises(DatabaseUnavailableError):
            await desk.wait("a")
    else:
        assert await desk.wait("a") == answer
    assert desk.clock.now == NOW


async def test_a_slot_that_nobody_waits_for_any_more_is_given_back() -> None:
    """Stopped while its question is under way, an attempt leaves no slot behind, and the others go on."""
    desk = Desk(lambda _: Granted(NOW))
    stopped = asyncio.create_task(desk.wait("stopped"))
    other = asyncio.create_task(desk.wait("other"))
    while not desk.asked:
        await asyncio.sleep(0)
    stopped.cancel()
    assert await other == Granted(NOW)
    assert desk.returned == ["stopped"]


async def test_who_has_a_slot_already_waits_behind_nobody_whom_it_is_full_for() -> None:
    """After a crash all slots may belong to attempts that come again: they go on, though all is full."""
    desk = Desk(lambda asked: Granted(NOW) if asked.call_id in desk.held else Full(Limit.CAPACITY))
    desk.held = {"again"}
    others = [asyncio.create_task(desk.wait(f"c{number}")) for number in range(3)]
    await asyncio.sleep(0)
    assert isinstance(await desk.wait("again", patience_s=1), Granted)
    assert desk.clock.now < NOW + POLL_S
    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def test_who_has_a_slot_and_is_refused_all_the_same_waits_as_everybody_does() -> None:
    """More calls came in since: it is not asked again and again, and goes when its patience is over."""
    full = Full(Limit.CAPACITY)
    desk = Desk(lambda _: full)
    desk.held = {"holds"}
    async with asyncio.timeout(60):
        answers = await asyncio.gather(desk.wait("holds"), desk.wait("other"))
    assert set(answers) == {full}
    assert len(desk.asked) <= 2 + 20 / POLL_S
