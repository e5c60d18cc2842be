"""The bot's end of the link, the gateway's routes and the real ledger, on both databases."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import select

from frontdesk.agent.claim import ClaimPost, Verdict
from frontdesk.agent.link import Link
from frontdesk.agent.link_post import LinkPost
from frontdesk.agent.link_queue import LinkQueue
from frontdesk.agent.report import LinkedReport, Step, ToolCall, Turn
from frontdesk.calls.ledger import Ledger, NoOutbox
from frontdesk.calls.models import Fact, GatewayFact, NewCall, Source, State
from frontdesk.calls.orders import Patience
from frontdesk.calls.state import Attempt
from frontdesk.calls.tables import call_events, tool_calls, turns
from frontdesk.contract import Limits
from frontdesk.ended import EndedReason
from frontdesk.storage.database import Database
from frontdesk.storage.spool import Spool
from tests.calls.samples import new_call, opening, planned_call
from tests.link.desk import LinkDesk, link_desk


@pytest.fixture
async def ledger(database: Database, tmp_path: Path) -> AsyncIterator[Ledger]:
    made = Ledger(database, Spool(tmp_path / "spool"), NoOutbox(), patience=Patience(), spool_after_s=60)
    async with made.running():
        yield made


@pytest.fixture
async def desk(ledger: Ledger) -> AsyncIterator[LinkDesk]:
    async with link_desk(ledger=ledger) as desk:
        yield desk


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as http:
        yield http


async def quickly(seconds: float) -> None:
    """Pauses are over soon, a minute's patience is not."""
    await asyncio.sleep(seconds / 50)


def linked(desk: LinkDesk, http: aiohttp.ClientSession, call: NewCall) -> Link:
    """A bot's link for the first attempt of a call."""
    callback = desk.callbacks.callback_for(call.id, 1, Limits())
    link = Link(LinkPost(http, callback, call.id, "s"), LinkQueue("s"), heartbeat_s=1, sleep=quickly)
    link.start()
    return link


async def test_what_a_bot_reports_is_in_the_books(
    desk: LinkDesk, ledger: Ledger, database: Database, http: aiohttp.ClientSession
) -> None:
    """A call that is opened only after the bot began ends with its reason, its turns and its tools."""
    call = new_call()
    link = linked(desk, http, call)
    desk.mishaps.plan = ["lost", 503, "garbage"]
    report = LinkedReport(link)
    report.step(Step.JOINED, session_id="bot-leg")
    report.step(Step.CONNECTED, session_id="leg")
    await asyncio.sleep(0.05)
    await ledger.open(call, opening(call))
    report.step(Step.GREETING)
    report.step(Step.FIRST_WORD)
    report.turn(Turn("bot", "Hello.", 1.0, 2.0))
    report.tool(ToolCall("look_up", {"day": "today"}, {"open": True}, ok=True, duration_ms=1.5))
    report.ending(EndedReason.BOT_HANGUP, "")
    report.ended(EndedReason.BOT_HANGUP, "")
    await link.close(3000)
    found = await ledger.load(call.id)
    assert found is not None
    assert (found.state.state, found.state.ended_reason) == (State.ENDED, EndedReason.BOT_HANGUP)
    async with database.reader() as connection:
        said = (await connection.execute(select(turns))).one()
        used = (await connection.execute(select(tool_calls))).one()
        kinds = (await connection.execute(select(call_events.c.type))).scalars().all()
    assert (said.role, said.text, said.started_at, said.attempt) == ("bot", "Hello.", 1.0, 1)
    assert (used.name, used.result, used.ok, used.duration_ms) == ("look_up", {"open": True}, True, 1.5)
    assert sorted(kind for kind in kinds if kind in set(Step)) == sorted(
        ["joined", "connected", "greeting", "first_word", "turn", "tool", "ending", "ended"]
    )


async def test_a_heartbeat_renews_the_lease_and_is_no_event(
    desk: LinkDesk, ledger: Ledger, database: Database, http: aiohttp.ClientSession
) -> None:
    """A bot that only lives is heard of, and the timeline does not fill with it."""
    call = new_call()
    await ledger.open(call, opening(call))
    link = linked(desk, http, call)
    async with asyncio.timeout(60):
        while True:
            found = await ledger.load(call.id)
            assert found is not None
            attempt = found.state.find(1)
            if attempt is not None and attempt.heard_at is not None:
                break
            await asyncio.sleep(0.01)
    await link.close(50)
    async with database.reader() as connection:
        kinds = (await connection.execute(select(call_events.c.type))).scalars().all()
    assert "heartbeat" not in kinds


async def test_a_hang_up_in_the_books_reaches_the_bot(
    desk: LinkDesk, ledger: Ledger, http: aiohttp.ClientSession
) -> None:
    """Whoever decided to hang up, at whichever gateway: the bot's next word is answered with the order."""
    call = new_call()
    await ledger.open(call, opening(call))
    link = linked(desk, http, call)
    LinkedReport(link).step(Step.JOINED)
    why = {"why": "canceled", "by": "key"}
    await ledger.record(Fact(call.id, "h", Source.GATEWAY, GatewayFact.HANG_UP, call.created_at, 1, {**why}))
    async with asyncio.timeout(60):
        assert await link.ordered() is EndedReason.CANCELED
    await link.close(50)


async def claims(desk: LinkDesk, http: aiohttp.ClientSession, call: NewCall, *names: str) -> list[Verdict]:
    """Bots of the first attempt ask at the same time whether they may dial."""
    callback = desk.callbacks.callback_for(call.id, 1, Limits())
    bots = [ClaimPost(http, callback, call.id, name) for name in names]
    return await asyncio.gather(*(bot() for bot in bots))


async def test_of_many_bots_that_claim_at_once_one_may_dial(
    desk: LinkDesk, ledger: Ledger, http: aiohttp.ClientSession
) -> None:
    """Twenty claims of one attempt in the same moment: one yes, and the ledger knows whose."""
    call = planned_call()
    await ledger.open(call, opening(call))
    verdicts = await claims(desk, http, call, *(f"bot{number}" for number in range(20)))
    assert verdicts.count(Verdict.GRANTED) == 1
    assert verdicts.count(Verdict.REFUSED) == 19
    granted = (await first_attempt(ledger, call)).claimed_by
    assert granted.startswith(f"bot{verdicts.index(Verdict.GRANTED)}-")


async def test_an_answer_that_was_lost_is_the_same_the_second_time(
    desk: LinkDesk, ledger: Ledger, http: aiohttp.ClientSession
) -> None:
    """A bot that never heard that it may dial asks again and may; once the call is canceled it may not."""
    call = planned_call()
    await ledger.open(call, opening(call))
    bot = ClaimPost(http, desk.callbacks.callback_for(call.id, 1, Limits()), call.id, "bot")
    desk.mishaps.plan = ["lost"]
    assert [await bot(), await bot()] == [Verdict.UNKNOWN, Verdict.GRANTED]
    cancel = Fact(
        call.id, "hang_up:x", Source.GATEWAY, GatewayFact.HANG_UP, call.created_at, data={"why": "canceled"}
    )
    await ledger.record(cancel)
    assert await bot() is Verdict.REFUSED


async def gives_up(desk: LinkDesk, http: aiohttp.ClientSession, call: NewCall, bot: ClaimPost) -> None:
    """The answer to the bot's claim is lost, so it leaves and says so."""
    desk.mishaps.plan = ["lost"]
    assert await bot() is Verdict.UNKNOWN
    post = LinkPost(http, desk.callbacks.callback_for(call.id, 1, Limits()), call.id, "s", bot.name)
    left = Link(post, LinkQueue(bot.name), heartbeat_s=1, sleep=quickly)
    left.start()
    LinkedReport(left).ended(EndedReason.BOT_START_FAILED, "claim")
    await left.close(1000)


async def first_attempt(ledger: Ledger, call: NewCall) -> Attempt:
    """How it stands in the books."""
    found = await ledger.load(call.id)
    assert found is not None
    return found.state.attempts[0]


async def test_a_copy_that_gave_up_does_not_end_the_call_of_the_bot_that_talks(
    desk: LinkDesk, ledger: Ledger, http: aiohttp.ClientSession
) -> None:
    """Its claim was never answered, so it leaves and says so: the attempt of the other one goes on."""
    call = planned_call()
    await ledger.open(call, opening(call))
    callback = desk.callbacks.callback_for(call.id, 1, Limits())
    talks, copy = (ClaimPost(http, callback, call.id, "s") for _ in range(2))
    assert await talks() is Verdict.GRANTED
    await gives_up(desk, http, call, copy)
    attempt = await first_attempt(ledger, call)
    assert (attempt.claimed_by, attempt.bot_end, attempt.over) == (talks.name, None, None)


async def test_a_bot_that_never_heard_of_its_grant_is_believed(
    desk: LinkDesk, ledger: Ledger, http: aiohttp.ClientSession
) -> None:
    """Its claim was recorded and all answers got lost: that it could not begin ends its attempt."""
    call = planned_call()
    await ledger.open(call, opening(call))
    bot = ClaimPost(http, desk.callbacks.callback_for(call.id, 1, Limits()), call.id, "s")
    await gives_up(desk, http, call, bot)
    over = (await first_attempt(ledger, call)).over
    assert over is not None
    assert (over.reason, over.detail) == (EndedReason.BOT_START_FAILED, "claim")


async def test_a_claim_may_come_before_the_call(
    desk: LinkDesk, ledger: Ledger, http: aiohttp.ClientSession
) -> None:
    """A bot that is faster than the record of its call is not refused; it is to ask again."""
    call = planned_call()
    assert await claims(desk, http, call, "bot") == [Verdict.UNKNOWN]
    await ledger.open(call, opening(call))
    assert await claims(desk, http, call, "bot") == [Verdict.GRANTED]
