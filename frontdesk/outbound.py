"""Calls out: what accepts, keeps, judges and places them."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI

from frontdesk.calls.gateways import Gateways
from frontdesk.calls.ledger import Ledger
from frontdesk.campaigns.holds import Holds
from frontdesk.campaigns.service import Campaigns
from frontdesk.campaigns.service import Parts as CampaignParts
from frontdesk.crm.endpoints import Endpoints
from frontdesk.crm.may_call import MayCall
from frontdesk.crm.service import Crm
from frontdesk.dialout.acceptance import Acceptance
from frontdesk.dialout.drafting import Drafting
from frontdesk.dialout.idempotency import Digests
from frontdesk.dialout.progress import Progress
from frontdesk.dialout.service import DialoutService
from frontdesk.doors.shutdown import Deadline
from frontdesk.engine.address import engine_url
from frontdesk.engine.admission import Admission
from frontdesk.engine.callee import Callees
from frontdesk.engine.dbos_queue import DbosQueue
from frontdesk.engine.limits import Ceilings
from frontdesk.engine.placing import Parts, Placing
from frontdesk.engine.queue import Queue
from frontdesk.engine.service import Engine
from frontdesk.engine.slots import SlotKeeper
from frontdesk.gate.do_not_call import DoNotCall
from frontdesk.gate.service import Gate
from frontdesk.launch.service import Launcher
from frontdesk.organizations import Organizations
from frontdesk.patients.store import Patients
from frontdesk.settings import GatewaySettings
from frontdesk.storage.database import Database
from frontdesk.tasks import Background
from frontdesk.tuning import Tuning
from server_utils import settings_limits


def engine_address(settings: GatewaySettings) -> str:
    """Where the queue is, written as DATABASE_URL is."""
    own = settings.engine_database_url
    return engine_url(settings.database_url.get_secret_value(), own.get_secret_value() if own else None)


class Outbound:
    """What calls out need, in the order in which it can be made: the ledger comes between.

    Args:
        app: Gets what its routes need.
        settings: Of the gateway.
        organizations: Who calls.
        database: The books.
    """

    def __init__(
        self, app: FastAPI, settings: GatewaySettings, organizations: Organizations, database: Database
    ) -> None:
        self._app = app
        self._settings = settings
        self._organizations = organizations
        self._database = database
        self._admission = Admission(database, _ceilings(settings))
        self._patients = Patients(database)
        self._do_not_call = DoNotCall(database)
        self.slots = SlotKeeper(database, self._admission)
        app.state.organizations = organizations
        app.state.patients, app.state.do_not_call = self._patients, self._do_not_call

    def queue(self, ledger: Ledger, tuning: Tuning) -> Engine:
        """The durable queue of calls that are in this ledger."""
        queue: Queue = tuning.queue() if tuning.queue else DbosQueue(engine_address(self._settings))
        self._engine = Engine(queue, ledger, self._database)
        return self._engine

    def connect(
        self, ledger: Ledger, launcher: Launcher, gateways: Gateways, endpoints: Endpoints, crm: Crm
    ) -> None:
        """Put together what accepts calls and what places them."""
        self.gate = Gate(
            self._organizations,
            self._do_not_call,
            self._patients,
            MayCall(endpoints, crm),
            enforced=self._rules,
        )
        parts = Parts(
            ledger=ledger,
            launcher=launcher,
            gate=self.gate,
            admission=self._admission,
            callees=Callees(self._database),
            holds=Holds(self._database),
            owners=gateways,
            organizations=self._organizations,
            rules=self._rules,
        )
        self._placing = Placing(parts)
        self.slots.wake = self._placing.wake
        self._open_door(ledger)

    def campaigns(self, ledger: Ledger, gateways: Gateways, wake: Callable[[str], object]) -> None:
        """Campaigns, whose rows become calls through the same door.

        Args:
            ledger: Tells what becomes of them.
            gateways: Which of them run.
            wake: Tells the reaper that a call, by its id, wants attention.
        """
        settings = self._settings
        self._campaigns = Campaigns(
            CampaignParts(
                database=self._database,
                ledger=ledger,
                organizations=self._organizations,
                acceptance=self._app.state.acceptance,
                wake=wake,
                is_dead=gateways.is_dead,
                gateway_id=gateways.own_id,
                secret=settings.daily_api_key.get_secret_value(),
                limits=settings_limits(settings),
                timezone_needed=self._rules,
                dials_per_s=settings.dial_starts_per_s,
                retention_days=settings.retention_days,
            )
        )
        self._app.state.campaigns = self._campaigns

    def start(self, background: Background) -> None:
        """What runs for as long as the gateway does."""
        background.start("slots", self.slots.run())
        background.start("campaigns", self._campaigns.run())

    @asynccontextmanager
    async def running(self, deadline: Deadline) -> AsyncIterator[None]:
        """Calls are placed inside; at the end those under way finish first."""
        async with self._engine.running(self._placing.place, stop_s=deadline.left):
            yield

    async def drain(self, timeout_s: float) -> None:
        """Wait for files that are being read, but not longer than this."""
        await self._campaigns.drain(timeout_s)

    @property
    def _rules(self) -> bool:
        return self._settings.outreach_rules == "enforced"

    def _open_door(self, ledger: Ledger) -> None:
        drafting = Drafting(
            self._organizations,
            self._patients,
            settings_limits(self._settings),
            timezone_needed=self._rules,
        )
        digests = Digests(self._settings.daily_api_key.get_secret_value())
        acceptance = Acceptance(drafting, ledger, self._engine, digests)
        progress = Progress(ledger, shared=self._database.is_postgres)
        self._placing.on_launched(progress.launched)
        self._app.state.acceptance = acceptance
        self._app.state.dialout = DialoutService(acceptance, progress)


def _ceilings(settings: GatewaySettings) -> Ceilings:
    return Ceilings(
        capacity=settings.capacity,
        incoming_reserve=settings.incoming_reserve,
        single_reserve=settings.single_reserve,
        dial_starts_per_s=settings.dial_starts_per_s,
    )
