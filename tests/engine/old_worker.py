"""An older edition of the product, as far as its queue remembers: other source, fewer arguments.

`python -m tests.engine.old_worker URL DIARY TIME`: leaves one attempt half placed, one waiting for room, one
waiting for TIME; then it is killed.
"""

import asyncio
import os
import sys
import threading
from pathlib import Path
from typing import Any, cast

from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer, EnqueueOptions

from frontdesk.engine.address import Address
from tests.engine.diary import Diary

_diary: list[Diary] = []
_half = threading.Event()


@DBOS.step(name="place")
async def _see_to(call_id: str) -> None:
    _diary[0].write(call_id, 1, 0)
    _half.set()
    await asyncio.Event().wait()


@DBOS.workflow(name="attempt", max_recovery_attempts=None)
async def _old_attempt(call_id: str, attempt: int, turn: int, urgent: bool, partition: str) -> None:
    if attempt > 0 and turn >= 0 and urgent and partition:
        await _see_to(call_id)


def _put(client: DBOSClient, call_id: str, delay_s: float = 0.0) -> None:
    options: dict[str, Any] = {
        "workflow_name": "attempt",
        "queue_name": "singles",
        "workflow_id": f"{call_id}-1-0",
        "app_version": "frontdesk-1",
        "queue_partition_key": "organization",
        "priority": 2,
    }
    if delay_s:
        options["delay_seconds"] = delay_s
    client.enqueue(cast("EnqueueOptions", options), call_id, 1, 0, True, "organization")


def main(url: str, delay_s: float) -> None:
    """Leave work behind."""
    address = Address.of(url)
    engine = address.engine(threading.Event())
    settings: dict[str, Any] = {
        "name": "frontdesk",
        "system_database_url": address.url.render_as_string(hide_password=False),
        "system_database_engine": engine,
        "dbos_system_schema": address.schema,
        "application_version": "frontdesk-1",
        "executor_id": "gateway-0",
        "use_listen_notify": False,
        "serializer": DBOSPortableJSONSerializer(),
    }
    DBOS(config=cast("DBOSConfig", settings))
    DBOS.launch()
    DBOS.register_queue("singles", partition_worker_concurrency=1, polling_interval_sec=0.05)
    client = DBOSClient(
        system_database_engine=engine,
        dbos_system_schema=address.schema,
        serializer=DBOSPortableJSONSerializer(),
        application_name="frontdesk",
    )
    _put(client, "half")
    _half.wait()
    _put(client, "waiting")
    _put(client, "late", delay_s)
    _diary[0].write("ready")
    threading.Event().wait()


if __name__ == "__main__":
    _diary.append(Diary(Path(sys.argv[2]), os.environ["NAME"]))
    main(sys.argv[1], float(sys.argv[3]))
