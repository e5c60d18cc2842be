"""A CRM that is told: calls, endpoints, a clock that a test moves, and the gateway's side of it."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import RowMapping

from frontdesk.calls.life import opened
from frontdesk.calls.models import NewCall
from frontdesk.calls.orders import Patience, Told
from frontdesk.calls.state import CallState
from frontdesk.crm.endpoints import Endpoint, Endpoints, endpoint_id
from frontdesk.crm.service import Crm, Pace
from frontdesk.crm.signing import Signer
from frontdesk.crm.tables import crm_deliveries, crm_endpoints, crm_tries
from frontdesk.storage.database import Database
from tests.crm.receiver import DEADLINE_S

ORGANIZATION = "0d6bb1a4-2f0e-4b51-9a53-6f1c2c5a7e10"
SECRET = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5"
OLD_SECRET = "whsec_" + "b2xkLW9sZC1vbGQtb2xkLW9sZC1vbGQtb2xkLW9sZA=="
TYPES = (
    "call.started",
    "call.ringing",
    "call.answered",
    "call.attempt.ended",
    "call.rescheduled",
    "call.ended",
)
QUICK = Pace(schedule_s=(0.05,) * 8, timeout_s=30, claim_s=60, poll_s=0.2, gather_s=0.002, drain_s=0.3)
"""Tries again at once; no answer is too late because the machine is slow."""


class Clock:
    """UTC seconds that stand still until a test moves them."""

    def __init__(self) -> None:
        self.now = float(int(time.time()))

    def __call__(self) -> float:
        return self.now


def endpoint(url: str, organization_id: str = ORGANIZATION, *secrets: str, **more: Any) -> Endpoint:
    """An endpoint on loopback."""
    more.setdefault("allow_private", True)
    signer = Signer(secrets or (SECRET,))
    return Endpoint(endpoint_id(organization_id, url), organization_id, url, signer, **more)


def endpoints(*every: Endpoint) -> Endpoints:
    """Endpoints of one or more organizations."""
    return Endpoints(every, slugs={ORGANIZATION: "bright-smile"})


def new_call(**changes: Any) -> NewCall:
    """A call that came in."""
    call = NewCall(
        id=uuid.uuid4().hex,
        direction="inbound",
        organization_id=ORGANIZATION,
        workflow="reception",
        created_at=1_000_000.0,
        from_number="+14155550123",
        to_number="+14155550100",
    )
    return replace(call, **changes)


def state_of(call: NewCall) -> CallState:
    """The state of a call that has just been accepted."""
    return opened(call, Patience()).state


def told(sequence: int, event_type: str = "call.started", **more: Any) -> Told:
    """One event."""
    return Told(event_type, sequence, 1, is_last_attempt=True, at=1_000_001.0, **more)


async def tell(database: Database, crm: Crm, call: NewCall, *sequences: int) -> list[str]:
    """Write events of a call as the ledger does, and return their ids."""
    state = state_of(call)
    items = [(call, state, told(number, TYPES[(number - 1) % len(TYPES)])) for number in sequences]
    async with database.writer() as connection:
        await crm.outbox.write(connection, items)
    crm.outbox.committed()
    return [f"evt_{call.id}_{number}" for number in sequences]


@asynccontextmanager
async def gateway(
    database: Database,
    *every: Endpoint,
    pace: Pace = QUICK,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[Crm]:
    """A gateway that delivers."""
    crm = Crm(database, endpoints(*every), pace=pace, clock=clock)
    async with crm.running():
        yield crm


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something holds in the database."""
    async with asyncio.timeout(DEADLINE_S):
        while not await holds():
            await asyncio.sleep(0.01)


async def deliveries(database: Database) -> Sequence[RowMapping]:
    """All deliveries, in the order of their events."""
    async with database.reader() as connection:
        found = await connection.execute(select(crm_deliveries).order_by(crm_deliveries.c.sequence))
    return found.mappings().all()


async def tries(database: Database) -> Sequence[RowMapping]:
    """The log of tries."""
    async with database.reader() as connection:
        found = await connection.execute(select(crm_tries).order_by(crm_tries.c.at, crm_tries.c.number))
    return found.mappings().all()


async def standing(database: Database) -> RowMapping:
    """What the database remembers of the only endpoint."""
    async with database.reader() as connection:
        return (await connection.execute(select(crm_endpoints))).mappings().one()


async def reached(database: Database, *states: str) -> Sequence[RowMapping]:
    """Wait until the deliveries are in these states, and return them."""

    async def holds() -> bool:
        return tuple(row["state"] for row in await deliveries(database)) == states

    await eventually(holds)
    return await deliveries(database)


@dataclass
class Tried:
    """Waits for the number of tries that are settled."""

    database: Database

    async def __call__(self, count: int) -> RowMapping:
        async def holds() -> bool:
            return bool((await deliveries(self.database))[0]["tries"] == count)

        await eventually(holds)
        return (await deliveries(self.database))[0]
