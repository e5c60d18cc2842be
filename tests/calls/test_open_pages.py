"""What the ledger remembers of calls that go on, and when it must not believe it."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from frontdesk.calls.ledger import Ledger, NoOutbox
from frontdesk.calls.models import BotFact
from frontdesk.calls.orders import Patience
from frontdesk.errors import DatabaseUnavailableError
from frontdesk.storage.database import Database
from frontdesk.storage.spool import Spool
from tests.calls.samples import fact, new_call, opening
from tests.databases import opened


@pytest.mark.parametrize("broken", [False, True])
async def test_what_others_wrote_is_seen(tmp_path: Path, *, broken: bool) -> None:
    """Another program's commit empties the memory, also when our connection was replaced meanwhile."""
    path, call = tmp_path / "frontdesk.db", new_call()
    async with opened(f"sqlite:///{path}", exclusive=True) as database:
        ledger = Ledger(
            database, Spool(tmp_path / "spool"), NoOutbox(), patience=Patience(), spool_after_s=60
        )
        async with ledger.running():
            await ledger.open(call, opening(call))
            assert (await ledger.record(fact(call, BotFact.JOINED))).states
            if broken:
                await _break_connection(database)
            with closing(sqlite3.connect(path)) as other, other:
                other.execute("PRAGMA foreign_keys=ON")
                other.execute("DELETE FROM calls")
            recorded = await ledger.record(fact(call, BotFact.CONNECTED))
    assert recorded.unknown == {call.id}


async def _break_connection(database: Database) -> None:
    with suppress(DatabaseUnavailableError):
        async with database.writer() as connection:
            await connection.invalidate()
            raise OSError
