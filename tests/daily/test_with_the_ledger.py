"""Daily's side and the real ledger together: what the events say is in the record of the call."""

import asyncio
import time
import uuid
from pathlib import Path

from sqlalchemy import select

from frontdesk.calls.ledger import Ledger, NoOutbox
from frontdesk.calls.models import Fact, GatewayFact, NewCall, Source
from frontdesk.calls.orders import CloseLine, Patience
from frontdesk.calls.tables import call_events
from frontdesk.daily.api import DailyApi
from frontdesk.daily.cloud_sessions import CloudSessions
from frontdesk.daily.events.inbox import Inbox
from frontdesk.daily.events.worker import EventWorker
from frontdesk.daily.hangup import HangUp
from frontdesk.daily.removal import RoomRemover
from frontdesk.daily.sweep import RoomSweep
from frontdesk.daily.webhooks import DomainWebhooks
from frontdesk.ended import EndedReason
from frontdesk.simulator.server import SimulatorServer
from frontdesk.storage.database import Database
from frontdesk.storage.spool import Spool
from tests.daily.door import SECRET, door_of
from tests.daily.scene import OURS, at_work, dial, enter, make_room, name_of, until


class Ours:
    """Our installation."""

    id = OURS


def new_call(call_id: str) -> NewCall:
    return NewCall(
        id=call_id,
        direction="outbound",
        organization_id=str(uuid.uuid4()),
        workflow="reminder",
        created_at=time.time(),
    )


async def test_a_call_that_only_daily_tells_of(
    simulator: SimulatorServer, daily: DailyApi, remover: RoomRemover, database: Database, tmp_path: Path
) -> None:
    """Events that come before their call is written down are in its record soon after that it is.

    The call is then closed as the life of the call orders it, and the sweep finds nothing left to do.
    """
    world, call_id = simulator.world, uuid.uuid4().hex
    ledger = Ledger(database, Spool(tmp_path / "ledger"), NoOutbox(), patience=Patience(), spool_after_s=60)
    worker = EventWorker(database, ledger, look_every_s=0.05)
    inbox = Inbox(database, Spool(tmp_path / "events"), worker, Ours(), spool_after_s=60)
    async with ledger.running(), inbox.running(), at_work(worker), door_of(inbox) as door:
        await DomainWebhooks(daily, url=door.url, secret=SECRET).register()
        room = make_room(world, name_of(call_id))
        enter(world, room)
        leg = await dial(world, room, ring_s=0)
        await until(lambda: leg in room.legs and door.seen >= 6)
        opening = Fact(
            call_id, "a1", Source.GATEWAY, GatewayFact.ATTEMPT_OPENED, time.time(), 1, {"room": room.name}
        )
        await ledger.open(new_call(call_id), opening)
        await holds(database, call_id, "daily.dialout.answered")
        order = CloseLine(1, EndedReason.CANCELED, room.name, (leg,), "local", "", stop_bot=True)
        sessions = CloudSessions(daily._http, api_url=simulator.base_url, private_key=None)
        assert await HangUp(daily, remover, sessions).close(order) == "deleted"
        await holds(database, call_id, "daily.dialout.stopped")
        await holds(database, call_id, "daily.meeting.ended")
        sweep = RoomSweep(daily, remover, ledger, Ours(), older_than_s=-1)
        assert await sweep.sweep() == 0
        await world.events.aclose()


async def holds(database: Database, call_id: str, kind: str) -> None:
    """Wait until a call's record has an event of this type."""
    wanted = select(call_events.c.type).where(call_events.c.call_id == call_id, call_events.c.type == kind)
    async with asyncio.timeout(60):
        while True:
            async with database.reader() as connection:
                if (await connection.execute(wanted)).first():
                    return
            await asyncio.sleep(0.02)
