"""Whole calls out of bots that must be granted their attempt before they dial."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from frontdesk.calls.models import BotFact, Fact, Source
from frontdesk.calls.plan import Plan
from frontdesk.ended import EndedReason
from frontdesk.simulator.phone.people import Outcome, Person
from tests.agent.linked import LinkedStage, linked_stage
from tests.agent.stage import DEADLINE_S

pytestmark = [pytest.mark.system, pytest.mark.asyncio(loop_scope="module")]

SHORT = Person(ring_s=0.3, script=[{"hang_up": True}])
LATE = Person(outcomes=[Outcome.CARRIER_ERROR, Outcome.ANSWER], ring_s=0.3, script=[{"hang_up": True}])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LinkedStage]:
    async with linked_stage(tmp_path_factory.mktemp("calls"), {}) as stage:
        yield stage


@pytest_asyncio.fixture(loop_scope="module")
async def stage(opened: LinkedStage) -> AsyncIterator[LinkedStage]:
    """The module's stage, with nothing broken."""
    yield opened
    opened.reset()


def kinds(stage: LinkedStage, call_id: str) -> list[str]:
    """What was reported of a call, without claims and heartbeats."""
    return [fact.type for fact in stage.facts(call_id) if fact.type not in ("claimed", "heartbeat")]


async def rings(stage: LinkedStage, number: str) -> int:
    """How often a number was dialed."""
    return len(await stage.outgoing(number, 0))


async def test_of_two_bots_with_one_attempt_one_dials(stage: LinkedStage) -> None:
    """One start request taken twice: one phone rings once, and the other bot leaves without a report."""
    number = "+14155550161"
    stage.world.people.put(number, SHORT)
    call_id = uuid.uuid4().hex
    body = await stage.request(call_id, {"enable_dialout": True})
    body |= {"workflow": "outreach", "dialout_settings": {"phone_number": number}}
    await asyncio.gather(stage.start(body), stage.start(body))
    await stage.bot.line(rf"{call_id} .*step ended .*not_granted")
    assert (await stage.fact(call_id, "ended")).data["reason"] == "caller_hangup"
    assert await rings(stage, number) == 1
    reported = kinds(stage, call_id)
    assert [reported.count(kind) for kind in ("joined", "dialing", "answered", "ended")] == [1, 1, 1, 1]
    assert [fact.type for fact in stage.facts(call_id)].count("claimed") == 2


async def test_a_bot_that_is_refused_leaves_without_a_word(stage: LinkedStage) -> None:
    """Another bot has the attempt: nobody is dialed, the room is left, and nothing is reported."""
    number, call_id = "+14155550162", uuid.uuid4().hex
    await stage.desk.books.record(
        Fact(call_id, "claimed:other", Source.BOT, BotFact.CLAIMED, 1.0, 1, {"session_id": "other"})
    )
    stage.world.people.put(number, SHORT)
    body = await stage.request(call_id, {"enable_dialout": True})
    await stage.start(body | {"workflow": "outreach", "dialout_settings": {"phone_number": number}})
    assert await stage.bot.ended(call_id) == "canceled not_granted"
    assert await rings(stage, number) == 0
    assert kinds(stage, call_id) == []
    room = stage.world.rooms.get(f"room-{call_id[:8]}")
    async with asyncio.timeout(DEADLINE_S):
        while room is not None and room.clients:
            await asyncio.sleep(0.02)


async def test_a_call_that_was_called_off_is_not_dialed(stage: LinkedStage) -> None:
    """A hang-up that was decided before the bot came refuses its claim."""
    stage.desk.books.hang_up = EndedReason.CANCELED
    number = "+14155550163"
    call_id = await stage.call_out(SHORT, number)
    assert await stage.bot.ended(call_id) == "canceled not_granted"
    assert await rings(stage, number) == 0
    assert kinds(stage, call_id) == []


@pytest.mark.parametrize(
    ("number", "plan"),
    [("+14155550164", [503, "garbage", 500]), ("+14155550165", ["lost", 502]), ("+14155550166", ["hang"])],
    ids=["errors", "lost answer", "silence"],
)
async def test_a_gateway_that_is_away_for_a_while_is_waited_for(
    stage: LinkedStage, number: str, plan: list[Any]
) -> None:
    """The bot asks until it is answered, then dials once; nothing that happened meanwhile is lost."""
    stage.desk.mishaps.plan = plan
    call_id = await stage.call_out(SHORT, number)
    assert (await stage.fact(call_id, "ended")).data["reason"] == "caller_hangup"
    assert await rings(stage, number) == 1
    assert kinds(stage, call_id)[:4] == ["joined", "dialing", "ringing", "answered"]


async def test_nobody_is_dialed_while_the_database_is_away(stage: LinkedStage) -> None:
    """A claim in the spool rings no phone; once the database is back, it does."""
    number = "+14155550167"
    stage.desk.books.spools = True
    call_id = await stage.call_out(SHORT, number)
    await stage.fact(call_id, "claimed")
    await stage.bot.line(rf"{call_id} .*step joined")
    assert await rings(stage, number) == 0
    stage.desk.books.spools = False
    assert (await stage.fact(call_id, "ended")).data["reason"] == "caller_hangup"
    assert await rings(stage, number) == 1


async def test_a_bot_that_cannot_take_a_granted_call_says_so(stage: LinkedStage) -> None:
    """A request that this bot cannot use is told once its claim is granted."""
    stage.overrides = {"organization_slug": "nobody"}
    call_id = await stage.call_out(SHORT, "+14155550168")
    assert (await stage.fact(call_id, "ended")).data == {"reason": "bot_start_failed", "detail": "refused"}


async def test_what_never_rang_is_dialed_again_if_the_gateway_says_so(stage: LinkedStage) -> None:
    """A carrier error is followed by another dial of the session, which is asked for and granted."""
    number = "+14155550169"
    call_id = await stage.call_out(LATE, number)
    assert (await stage.fact(call_id, "ended")).data["reason"] == "caller_hangup"
    assert await rings(stage, number) == 2
    assert kinds(stage, call_id)[:4] == ["joined", "dialing", "dial_ended", "dialing"]


async def test_what_never_rang_is_not_dialed_again_when_its_time_is_over(stage: LinkedStage) -> None:
    """Past the call's latest time the gateway grants no further dial, and hears what the last one came to."""
    number = "+14155550170"
    stage.desk.books.plan = Plan(earliest_at=0.0, latest_at=10.0)
    call_id = await stage.call_out(LATE, number)
    assert (await stage.fact(call_id, "ended")).data["reason"] == "carrier_unavailable"
    assert await rings(stage, number) == 1
    assert kinds(stage, call_id).count("dialing") == 1
