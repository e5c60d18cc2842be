"""Where calls out are accepted: the real acceptance over a real ledger, with a queue that takes notes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from frontdesk.calls.ledger import Ledger, NoOutbox
from frontdesk.calls.models import NewCall
from frontdesk.calls.orders import Enqueue, Patience
from frontdesk.contract import Limits
from frontdesk.dialout.acceptance import Acceptance, Accepted
from frontdesk.dialout.drafting import Drafting
from frontdesk.dialout.idempotency import Digests, Key, KeyKind
from frontdesk.dialout.models import DialoutRequest
from frontdesk.doors.bodies import validate
from frontdesk.organizations import CallerId, Organization, Organizations, load_organizations
from frontdesk.patients.models import Patient
from frontdesk.storage.database import Database
from frontdesk.storage.spool import Spool

ROOT = Path(__file__).resolve().parents[2]
NOW = 1_800_000_000.0
NUMBER = "+12025550123"
BODY = {"phone_number": NUMBER, "timezone": "America/New_York"}
MAIN, SECOND = UUID(int=11), UUID(int=12)
THEIRS, UNLISTED = UUID(int=21), UUID(int=99)
KEY = Key(KeyKind.HEADER, "key-1")
CALL_ID = KEY.call_id("0d6bb1a4-2f0e-4b51-9a53-6f1c2c5a7e10")


def clinics() -> Organizations:
    """Ours, which lists its numbers; theirs; and one that lists none."""
    (sample,) = load_organizations(ROOT / "clinics")
    ours = (CallerId(id=MAIN, number="+14155550100"), CallerId(id=SECOND, number="+14155550101"))
    return Organizations(
        [
            sample.model_copy(update={"caller_id": MAIN, "caller_ids": ours}),
            _another(sample, 2, "theirs", THEIRS),
            _another(sample, 3, "plain", None),
        ]
    )


def _another(sample: Organization, number: int, slug: str, caller_id: UUID | None) -> Organization:
    update = {"id": UUID(int=number), "slug": slug, "default": False, "caller_id": caller_id, "numbers": ()}
    return sample.model_copy(update=update)


class Stored:
    """Patients in memory."""

    def __init__(self) -> None:
        self.patients: dict[tuple[str, str], Patient] = {}

    def keep(self, organization: Organization, patient_id: str, **known: Any) -> None:
        """Store a patient."""
        owner = str(organization.id)
        self.patients[owner, patient_id] = Patient(
            organization_id=owner,
            id=patient_id,
            created_at=NOW,
            updated_at=NOW,
            **({"phone_number": NUMBER} | known),
        )

    async def find(self, organization_id: str, patient_id: str) -> Patient | None:
        """One of them."""
        return self.patients.get((organization_id, patient_id))


@dataclass
class Notes:
    """A queue that notes what it gets."""

    taken: list[tuple[NewCall, Enqueue]] = field(default_factory=list)

    def accepted(self, call: NewCall, order: Enqueue) -> None:
        """Note it."""
        self.taken.append((call, order))


@dataclass
class Clock:
    """A clock that stands still."""

    now: float = NOW

    def __call__(self) -> float:
        """Now."""
        return self.now


class Counter:
    """Accepts requests as a gateway does."""

    def __init__(
        self, database: Database, spool: Path, *, secret: str = "a secret", spool_after_s: float = 60.0
    ) -> None:
        self.clock = Clock()
        self.clinics = clinics()
        self.stored = Stored()
        self.queue = Notes()
        self.ledger = Ledger(
            database,
            Spool(spool),
            NoOutbox(),
            patience=Patience(),
            clock=self.clock,
            spool_after_s=spool_after_s,
        )
        self.drafting = Drafting(
            self.clinics,
            self.stored,
            Limits(),
            clock=self.clock,
        )
        self._digests = Digests(secret)
        self.settle(0.5)

    def settle(self, within_s: float) -> None:
        """How long a database that stalls is waited for."""
        self.acceptance = Acceptance(self.drafting, self.ledger, self.queue, self._digests, settle_s=within_s)

    async def accept(self, *, key: Key | None = KEY, slug: str = "bright-smile", **changes: Any) -> Accepted:
        """Accept the usual request with changes; `...` leaves a field out."""
        body = {name: value for name, value in (BODY | changes).items() if value is not ...}
        request = validate(DialoutRequest, body)
        return await self.acceptance.accept(request, self.clinics.by_slug(slug), key=key)


@asynccontextmanager
async def open_counter(database: Database, spool: Path, **options: Any) -> AsyncIterator[Counter]:
    """A counter whose ledger runs."""
    counter = Counter(database, spool, **options)
    async with counter.ledger.running():
        yield counter


def at(seconds: float) -> str:
    """A time so many seconds after the clock's, as requests have it."""
    return datetime.fromtimestamp(NOW + seconds, UTC).isoformat()


async def together(*work: Any) -> list[Any]:
    """Everything at once; an exception is a result."""
    return await asyncio.gather(*work, return_exceptions=True)
