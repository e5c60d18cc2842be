"""Calls out that wait, in real books, with a clock that the test holds."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import func, select

from frontdesk.calls.ledger import Ledger, NoOutbox
from frontdesk.calls.models import NewCall
from frontdesk.calls.orders import Patience
from frontdesk.calls.plan import Plan
from frontdesk.engine.admission import Admission
from frontdesk.engine.limits import Ceilings
from frontdesk.engine.slots import SlotKeeper
from frontdesk.engine.tables import dial_slots
from frontdesk.engine.wanted import Wanted
from frontdesk.storage.database import Database
from frontdesk.storage.spool import Spool

NOW = 1_800_000_000.0
ORGANIZATION = "3b241101-e2bb-4255-8caf-4136c566a962"
NUMBER = "+14155550123"
WIDE = Ceilings(capacity=50, incoming_reserve=10, single_reserve=1, dial_starts_per_s=1000.0)


@dataclass
class Clock:
    """Time that passes when somebody sleeps."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let time pass, and others run."""
        await asyncio.sleep(0)
        self.now += max(0.0, seconds)


def call_out(call_id: str = "", **changes: object) -> NewCall:
    """A call out that was accepted, with a plan."""
    plan = changes.pop("plan", Plan(earliest_at=NOW, latest_at=NOW + 86_400))
    assert isinstance(plan, Plan)
    call = NewCall(
        id=call_id or uuid.uuid4().hex,
        direction="outbound",
        organization_id=ORGANIZATION,
        workflow="outreach",
        created_at=NOW,
        to_number=NUMBER,
        line={"phone_number": NUMBER},
        limits={"max_duration_s": 600, "ring_timeout_s": 30, "dial_attempts": 2},
        plan=plan.to_json(),
        variables={"first_name": "Ada"},
        brief={"voicemail": {"action": "hang_up"}, "patient_data": {"birthday": "1980-01-01"}},
    )
    return replace(call, **changes)  # type: ignore[arg-type]


def call_in(call_id: str = "") -> NewCall:
    """A patient who calls."""
    return NewCall(
        id=call_id or uuid.uuid4().hex,
        direction="inbound",
        organization_id=ORGANIZATION,
        workflow="reception",
        created_at=NOW,
        limits={"max_duration_s": 600},
    )


def wanted(call: NewCall, attempt: int = 1, **changes: object) -> Wanted:
    """The slot of a call's attempt."""
    asked = Wanted(
        call_id=call.id,
        attempt=attempt,
        organization_id=call.organization_id,
        callee=call.id,
        caller_id=call.caller_id,
        campaign_id=call.campaign_id,
    )
    return replace(asked, **changes)  # type: ignore[arg-type]


@dataclass
class Books:
    """The ledger with its slots."""

    ledger: Ledger
    admission: Admission
    keeper: SlotKeeper
    clock: Clock


@asynccontextmanager
async def books(
    database: Database, folder: Path, *, ceilings: Ceilings = WIDE, clock: Clock | None = None
) -> AsyncIterator[Books]:
    """The books of one gateway."""
    clock = clock or Clock()
    admission = Admission(database, ceilings, clock=clock)
    keeper = SlotKeeper(database, admission, clock=clock)
    ledger = Ledger(
        database,
        Spool(folder / "spool"),
        NoOutbox(),
        patience=Patience(),
        slots=keeper,
        clock=clock,
        spool_after_s=60,
    )
    async with ledger.running():
        yield Books(ledger, admission, keeper, clock)


async def live_slots(database: Database) -> int:
    """How many slots are taken."""
    query = select(func.count()).select_from(dial_slots).where(dial_slots.c.released_at.is_(None))
    async with database.reader() as connection:
        return await connection.scalar(query) or 0
