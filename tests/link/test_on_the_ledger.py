"""The bot's end of the link, the gateway's routes and the real ledger, on both databases."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import select

from frontdesk.agent.link import Link
from frontdesk.agent.link_post import LinkPost
from frontdesk.agent.link_queue import LinkQueue
from frontdesk.agent.report import LinkedReport, Step, ToolCall, Turn
from frontdesk.calls.ledger import Ledger, NoOutbox
from frontdesk.calls.models import Fact, GatewayFact, NewCall, Source, State
from frontdesk.calls.orders import Patience
from frontdesk.calls.tables import call_events, tool_calls, turns
from frontdesk.contract import Limits
from frontdesk.ended import EndedReason
from frontdesk.storage.database import Database
from frontdesk.storage.spool import Spool
from tests.calls.samples import new_call, opening
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
    async with asyncio.timeout(20):
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
    async with asyncio.timeout(20):
        assert await link.ordered() is EndedReason.CANCELED
    await link.close(50)
