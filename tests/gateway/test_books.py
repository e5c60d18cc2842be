"""The way of a call through the ledger: nothing accepted is lost, and no caller waits for a database."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg
import pytest
from sqlalchemy import select

from frontdesk.calls.entries import LedgerCall
from frontdesk.calls.models import State
from frontdesk.calls.tables import calls
from frontdesk.daily.presence import BOT_USER_ID
from frontdesk.daily.room_names import parse_room
from frontdesk.storage.database import Database
from tests.databases import database_url
from tests.gateway.conftest import Configure
from tests.gateway.far import Answer, Far
from tests.gateway.gate import KEY, Gateway, incoming, serving
from tests.gateway.process import GatewayProcess

__all__ = ["database_url"]
OFFICIAL = {"dialout_settings": {"phone_number": "+12025550123"}}


async def known(gateway: Gateway, call_id: str) -> LedgerCall:
    """The call as the gateway's ledger has it."""
    found: LedgerCall | None = await gateway.app.state.link._books.load(call_id)
    assert found is not None
    return found


async def state_of(gateway: Gateway, call_id: str, wanted: State) -> LedgerCall:
    """The call, once it stands there."""
    async with asyncio.timeout(60):
        while (found := await known(gateway, call_id)).state.state is not wanted:
            await asyncio.sleep(0.02)
    return found


@asynccontextmanager
async def stalled(url: str) -> AsyncIterator[None]:
    """Nothing can be written into the database meanwhile."""
    if url.startswith("sqlite"):
        other = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=0, isolation_level=None)
        while not other.in_transaction:
            with contextlib.suppress(sqlite3.OperationalError):
                other.execute("BEGIN IMMEDIATE")
            await asyncio.sleep(0)  # the gateway's own transaction ends in this event loop
        try:
            yield
        finally:
            other.execute("ROLLBACK")
            other.close()
        return
    plain, _, schema = url.partition("?search_path=")
    connection = await asyncpg.connect(plain)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(f"LOCK TABLE {schema}.calls IN ACCESS EXCLUSIVE MODE")
    try:
        yield
    finally:
        await transaction.rollback()
        await connection.close()


async def ids_in(url: str) -> set[str]:
    database = Database.open(url)
    database.ready.set()
    try:
        async with database.reader() as connection:
            return set(await connection.scalars(select(calls.c.id)))
    finally:
        await database.close()


async def test_the_record_tells_of_the_launch(gateway: Gateway, far: Far) -> None:
    """An incoming call is in the books with its numbers, its room, its bot and where that runs."""
    call = incoming()
    reply = await gateway.ring(call)
    async with asyncio.timeout(60):
        while not (await known(gateway, reply.body["call_id"])).state.attempts[-1].session_id:
            await asyncio.sleep(0.01)
    found = await known(gateway, reply.body["call_id"])
    (attempt,) = found.state.attempts
    assert (found.call.from_number, found.call.to_number) == (call["From"], call["To"])
    assert attempt.room == far.of("/rooms")[0].body["name"]
    assert (attempt.session_id, attempt.host) == (reply.body["session_id"], "local")
    name = parse_room(attempt.room)
    assert name is not None
    assert (name.call_id, name.attempt) == (found.call.id, 1)
    assert far.of("/meeting-tokens")[0].body["properties"]["user_id"] == BOT_USER_ID


async def test_the_bot_gets_a_link_of_its_own(gateway: Gateway, far: Far) -> None:
    """The start request tells the bot where to report, with a token that opens this call and no other."""
    first, second = [(await gateway.ring(incoming())).body["call_id"] for _ in range(2)]
    callback = far.of("/start")[0].body["body"]["callback"]
    assert callback["ask_context"] is False
    headers = {"Authorization": f"Bearer {callback['token']}"}
    batch = {"session_id": "s", "events": []}
    answers = [
        await gateway.send("POST", f"/link/calls/{call_id}/events", json=batch, headers=headers)
        for call_id in (first, second)
    ]
    assert [answer.status for answer in answers] == [200, 401]


async def test_killed_right_after_the_answer(
    configure: Configure, far: Far, database_url: str, tmp_path: Path
) -> None:
    """A gateway that is killed with its last answer has lost none of the calls that it answered."""
    settings = configure(database_url=database_url, spool_after_s=0.5)
    async with GatewayProcess(settings, tmp_path) as process:
        replies = await asyncio.gather(*(process.ring(incoming()) for _ in range(20)))
        await process.kill()
    assert {reply.status for reply in replies} == {200}
    accepted = {reply.body["call_id"] for reply in replies}
    async with serving(settings):  # replays what the spool took
        async with asyncio.timeout(60):
            while not accepted <= await ids_in(database_url):
                await asyncio.sleep(0.05)


async def test_a_stalled_database_costs_the_caller_nothing(
    configure: Configure, far: Far, database_url: str
) -> None:
    """While nothing can be written, webhooks are answered as fast as ever, and all calls are kept."""
    far.room_delay_s = 1.5
    async with serving(configure(database_url=database_url, spool_after_s=0.9)) as gateway:
        await gateway.ring(incoming())
        quiet = [await gateway.ring(incoming()) for _ in range(3)]
        async with stalled(database_url):
            busy = [await gateway.ring(incoming()) for _ in range(3)]
        accepted = {reply.body["call_id"] for reply in quiet + busy}
        async with asyncio.timeout(60):
            while not accepted <= await ids_in(database_url):
                await asyncio.sleep(0.05)
    assert {reply.body["status"] for reply in busy} == {"started"}
    assert median(r.took_s for r in busy) < 1.5 * median(r.took_s for r in quiet)


def broken(tmp_path: Path) -> dict[str, Any]:
    """Books that nobody can write: no server, and a file where the spool's folder should be."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    return {"database_url": "postgresql://nobody@127.0.0.1:9/none", "spool_dir": tmp_path / "file" / "spool"}


async def test_what_cannot_be_written_down_is_not_dialed(
    configure: Configure, far: Far, tmp_path: Path
) -> None:
    """A call that neither the database nor the spool takes is refused for now, and nothing was begun."""
    async with serving(configure(**broken(tmp_path)), with_books=False) as gateway:
        reply = await gateway.dial(OFFICIAL)
    assert (reply.status, reply.body["code"], reply.body["retryable"]) == (503, "outcome_unknown", True)
    assert far.of("/rooms") == []


async def test_a_caller_gets_a_bot_without_any_books(configure: Configure, far: Far, tmp_path: Path) -> None:
    """Incoming calls are served although nothing can be written down, and probes say what is wrong."""
    settings = configure(**broken(tmp_path), webhook_budget_s=8)
    async with serving(settings, last_launches_s=1, with_books=False) as gateway:
        reply = await gateway.ring(incoming())
        ready = await gateway.send("GET", "/readyz")
    assert (reply.status, reply.body["status"]) == (200, "started")
    assert (ready.status, ready.body["status"]) == (200, "degraded")
    assert ready.body["checks"]["database"] == "unreachable"


async def test_a_cancel_closes_the_line(gateway: Gateway, far: Far) -> None:
    """A call that is called off ends when its room is gone, and not before."""
    call_id = (await gateway.dial(OFFICIAL)).body["call_id"]
    room = far.of("/rooms")[0].body["name"]
    headers = {"Authorization": f"Bearer {KEY}"}
    answer = await gateway.send("DELETE", f"/calls/{call_id}", headers=headers)
    assert answer.status in {200, 202}
    await far.until(lambda: set(far.deleted) == {room})
    found = await state_of(gateway, call_id, State.ENDED)
    assert found.state.ended_reason == "canceled"


async def test_a_launch_that_failed_ends_its_call(gateway: Gateway, far: Far) -> None:
    """A call out whose bot will never be started ends with the reason, and its room is deleted."""
    far.starts.append(Answer(status=401))
    reply = await gateway.dial(OFFICIAL)
    found = await state_of(gateway, reply.body["call_id"], State.ENDED)
    assert (found.state.ended_reason, found.state.ended_detail) == ("bot_start_failed", "launch_unauthorized")
    await far.until(lambda: set(far.deleted) == {far.of("/rooms")[0].body["name"]})


@pytest.mark.parametrize("field", ["metadata", "variables", "patient_data"])
async def test_too_much_baggage_is_refused(gateway: Gateway, far: Far, field: str) -> None:
    """What travels with a call is limited in size, and the answer names the field."""
    reply = await gateway.dial(OFFICIAL | {field: {"note": "x" * 40_000}})
    assert (reply.status, reply.body["errors"][0]["field"]) == (422, field)
    assert far.seen == []
