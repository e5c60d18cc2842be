"""A process with a ledger, to be killed: opens calls, says what it was promised, and waits for its end.

Arguments: URL of the database, folder of the spool, how many calls, after how many seconds the
spool takes over.
"""

import asyncio
import sys
import time
from pathlib import Path

import pytest
from pydantic_core import to_json

from frontdesk.calls.ledger import Ledger, NoOutbox
from frontdesk.calls.orders import Patience
from frontdesk.storage.database import Database
from frontdesk.storage.spool import Spool
from tests.calls.blocked import wait_long_for_locks
from tests.calls.samples import new_call, started
from tests.calls.samples import opening as attempt_opened


async def main(url: str, folder: str, count: int, spool_after_s: float) -> None:
    wait_long_for_locks(pytest.MonkeyPatch())
    database = Database.open(url)
    database.ready.set()
    spool = Spool(Path(folder))
    ledger = Ledger(database, spool, NoOutbox(), patience=Patience(), spool_after_s=spool_after_s)
    async with ledger.running():
        calls = [new_call() for _ in range(count)]
        begun = time.monotonic()
        opened = await asyncio.gather(*(ledger.open(call, attempt_opened(call)) for call in calls))
        opened_s = time.monotonic() - begun
        recorded = await asyncio.gather(*(ledger.record(started(call)) for call in calls))
        promise = {
            "calls": [call.id for call in calls],
            "spooled": [opening.spooled for opening in opened] + [record.spooled for record in recorded],
            "opened_s": opened_s,
        }
        print(to_json(promise).decode(), flush=True)  # noqa: T201 - told to the test
        await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
