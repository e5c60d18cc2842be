"""Books of the version before calls out were queued: what was open goes on as it was."""

from dataclasses import replace
from pathlib import Path

from alembic import command

from frontdesk.calls.models import BotFact, Fact, GatewayFact, NewCall, Source
from frontdesk.engine.memory_queue import MemoryQueue
from frontdesk.engine.service import Engine
from frontdesk.migrations import configuration, upgrade
from frontdesk.storage.database import Database
from tests.engine.waiting import NOW, books, call_in, call_out

FIRST = "0001"


async def test_calls_that_were_open_before_the_upgrade_come_to_their_end(
    database: Database, tmp_path: Path
) -> None:
    """A call in and a call out of the first version go on after the upgrade; the queue leaves them alone."""
    calls = [call_in(), replace(call_out(), plan={}, brief={})]
    async with books(database, tmp_path) as before:
        for call in calls:
            await before.ledger.open(call, _fact(call, Source.GATEWAY, GatewayFact.ATTEMPT_OPENED))
            await before.ledger.record(_fact(call, Source.BOT, BotFact.JOINED))
    async with database.migrating() as connection:
        await connection.run_sync(lambda sync: command.downgrade(configuration(sync), FIRST))
    await upgrade(database)
    async with books(database, tmp_path) as after:
        assert await Engine(MemoryQueue(), after.ledger, database).reconcile() == 0
        for call in calls:
            await after.ledger.record(_fact(call, Source.BOT, BotFact.ENDED, reason="no_answer"))
            found = await after.ledger.load(call.id)
            assert found is not None
            assert (found.state.waiting, found.state.ended_reason) == (None, "no_answer")


def _fact(call: NewCall, source: Source, kind: str, **data: str) -> Fact:
    where = {"room": "a-room", "owner": "one"} if kind == GatewayFact.ATTEMPT_OPENED else {}
    return Fact(call.id, f"{kind}:1", source, kind, NOW, 1, {**where, **data})
