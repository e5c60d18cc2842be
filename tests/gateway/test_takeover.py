"""Copies of a webhook at another gateway, and callers on hold whose gateway died: one bot for each."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from frontdesk.calls.models import State
from frontdesk.daily.presence import BOT_USER_ID
from frontdesk.engine.memory_queue import MemoryQueue
from frontdesk.tuning import Tuning
from tests.databases import address
from tests.gateway.conftest import Configure
from tests.gateway.far import Answer, Far
from tests.gateway.gate import Gateway, Reply, incoming, serving
from tests.gateway.linked_bot import LinkedBot
from tests.gateway.process import GatewayProcess
from tests.gateway.test_books import known, stalled, state_of

SOON = Tuning(
    gateway_every_s=0.2,
    gateway_dead_after_s=0.5,
    takeover_grace_s=0.2,
    reaper_every_s=0.2,
    queue=MemoryQueue,
)


async def test_copies_at_two_gateways_are_one_call(configure: Configure, far: Far, tmp_path: Path) -> None:
    """Copies of a webhook at two gateways at the same moment make one call with one bot."""
    async with address("postgresql", tmp_path) as url:
        settings = configure(database_url=url)
        async with serving(settings) as one, serving(settings) as two:
            calls_in = [incoming() for _ in range(10)]
            copies = [gateway.ring(call) for call in calls_in for gateway in (one, two)]
            replies = await asyncio.gather(*copies)
            assert {reply.status for reply in replies} == {200}
            await one.app.state.dialin.drain(60)
            await two.app.state.dialin.drain(60)
            late = await two.ring(calls_in[0])
    assert len({reply.body["call_id"] for reply in replies}) == 10
    assert len(far.of("/start")) == 10
    assert late.body["call_id"] == replies[0].body["call_id"]


async def launching(process: GatewayProcess, far: Far) -> Reply:
    """A call whose bot is asked for and hangs, and which the books know."""
    reply = await process.ring(incoming())
    await far.until(lambda: len(far.of("/start")) == 1)
    await process.keeps(reply.body["call_id"])
    return reply


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_a_caller_on_hold_outlives_the_gateway(
    configure: Configure, far: Far, tmp_path: Path, kind: str
) -> None:
    """After a kill during a launch, another gateway deletes the first room and starts a bot in a second."""
    async with address(kind, tmp_path) as url:
        settings = configure(database_url=url, webhook_budget_s=0.3, hold_budget_s=120)
        far.always_start = Answer(hang=True)
        async with GatewayProcess(settings, tmp_path) as process:
            reply = await launching(process, far)
            await process.kill()
        assert reply.body["status"] == "launching"
        far.always_start = None
        async with serving(settings, tuning=SOON) as gateway:
            await far.until(lambda: len(far.of("/start")) == 2)
            found = await known(gateway, reply.body["call_id"])
        far.release()
    first, second = (start.body["body"] for start in far.of("/start"))
    assert (first["attempt"], second["attempt"]) == (1, 2)
    assert far.deleted[0] == first["room_url"].rpartition("/")[2]
    assert [attempt.number for attempt in found.state.attempts] == [1, 2]


async def test_a_bot_that_was_sent_away_is_replaced(configure: Configure, far: Far, tmp_path: Path) -> None:
    """A bot whose start seemed to fail found its room deleted; after a kill, the caller gets another bot."""
    settings = configure(webhook_budget_s=0.3, hold_budget_s=120)
    far.always_start = Answer(hang=True)
    async with GatewayProcess(settings, tmp_path) as process:
        reply = await launching(process, far)
        await LinkedBot(process, far).say(("joined", {"session_id": "leg-1"}), ("ended", {"reason": "lost"}))
        await process.kill()
    far.always_start = None
    async with serving(settings, tuning=SOON) as gateway:
        await far.until(lambda: len(far.of("/start")) == 2)
        state = (await known(gateway, reply.body["call_id"])).state
        await LinkedBot(gateway, far).say(("joined", {}), ("connected", {"session_id": "leg-2"}))
        talking = (await known(gateway, reply.body["call_id"])).state
    assert [attempt.number for attempt in state.attempts] == [1, 2]
    assert (state.ended, talking.state) == (False, State.IN_PROGRESS)
    far.release()


async def test_a_bot_that_is_there_is_left_alone(configure: Configure, far: Far, tmp_path: Path) -> None:
    """A call whose bot Daily sees in its room is not launched again, whatever the books know."""
    settings = configure(webhook_budget_s=0.3, hold_budget_s=120)
    far.always_start = Answer(hang=True)
    async with GatewayProcess(settings, tmp_path) as process:
        await launching(process, far)
        await process.kill()
    far.always_start = None
    room = far.of("/rooms")[0].body["name"]
    far.present[room] = [{"id": "p-1", "userId": BOT_USER_ID}]
    asked = len(far.asked)
    async with serving(settings, tuning=SOON):
        await far.until(lambda: len(far.asked) > asked + 2)
    assert len(far.of("/start")) == 1
    assert far.deleted == []
    far.release()


async def test_nobody_is_launched_beside_a_room_that_may_be_there(
    configure: Configure, far: Far, tmp_path: Path
) -> None:
    """The first attempt is written off, and the second begun, only after Daily has deleted the first room."""
    settings = configure(webhook_budget_s=0.3, hold_budget_s=120)
    far.always_start = Answer(hang=True)
    async with GatewayProcess(settings, tmp_path) as process:
        reply = await launching(process, far)
        await process.kill()
    far.always_start = None
    far.deletes.extend([Answer(status=500)] * 100)
    async with serving(settings, tuning=SOON) as gateway:
        await far.until(lambda: len(far.asked) > 2)
        (attempt,) = (await known(gateway, reply.body["call_id"])).state.attempts
        assert (attempt.launch_failed, attempt.closed_at, far.deleted) == (None, None, [])
        assert len(far.of("/start")) == 1
        far.deletes.clear()
        await far.until(lambda: len(far.of("/start")) == 2)
        first, second = (await known(gateway, reply.body["call_id"])).state.attempts
    assert far.deleted[0] == first.room
    assert first.closed_at is not None
    assert second.closed_at is None
    far.release()


async def test_a_room_that_is_taken_while_the_books_are_slow_gets_no_second_bot(
    configure: Configure, far: Far, tmp_path: Path
) -> None:
    """Who finds the call's room taken leaves the call to the other gateway, also before its books answer."""
    async with address("postgresql", tmp_path) as url:
        settings = configure(database_url=url)
        async with serving(settings) as one, serving(settings) as two:
            hasty(one, two)
            call = incoming()
            async with stalled(url):
                first = await one.ring(call)
                second = await two.ring(call)
            await two.app.state.dialin.drain(60)
            late = await one.ring(call)
    assert [reply.body["status"] for reply in (first, second, late)] == ["started", "launching", "started"]
    assert len(far.of("/start")) == 1


async def test_a_call_that_two_gateways_left_to_each_other_gets_a_bot(
    configure: Configure, far: Far, tmp_path: Path
) -> None:
    """When the books say that it is this gateway's, and nobody launches it, this gateway does."""
    async with address("postgresql", tmp_path) as url:
        settings = configure(database_url=url, hold_budget_s=120)
        far.rooms.append(Answer(status=400, body={"info": "a room with this name already exists"}))
        async with serving(settings, tuning=SOON) as gateway:
            hasty(gateway)
            async with stalled(url):
                reply = await gateway.ring(incoming())
            assert (reply.body["status"], far.of("/start")) == ("launching", [])
            await far.until(lambda: len(far.of("/start")) == 1)
            found = await known(gateway, reply.body["call_id"])
    assert far.of("/start")[0].body["body"]["attempt"] == 2
    assert [attempt.number for attempt in found.state.attempts] == [1, 2]


async def test_a_launch_under_way_is_not_taken_over_by_its_own_gateway(
    configure: Configure, far: Far, tmp_path: Path
) -> None:
    """However long a bot takes to start, the gateway that waits for it launches no other one."""
    async with address("postgresql", tmp_path) as url:
        far.always_start = Answer(hang=True)
        settings = configure(database_url=url, webhook_budget_s=0.3, hold_budget_s=120)
        async with serving(settings, tuning=SOON, last_launches_s=1) as gateway:
            reply = await gateway.ring(incoming())
            await far.until(lambda: len(far.of("/start")) == 1)
            await state_of(gateway, reply.body["call_id"], State.LAUNCHING)
            takeover = gateway.app.state.dialin.orphan.__self__
            takeover.look(reply.body["call_id"])
            await takeover.drain(60)
            assert (len(far.of("/start")), far.asked, far.deleted) == (1, [], [])
    far.release()


def hasty(*gateways: Gateway) -> None:
    """A bot's start does not wait for the books."""
    for gateway in gateways:
        dialin = gateway.app.state.dialin
        dialin._budget = replace(dialin._budget, record_s=0.2, answer_s=3.0)
