"""Everything that runs behind the routes: made in order, stopped in the opposite one."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
from fastapi import FastAPI
from loguru import logger

from frontdesk.calls.cancel import Cancellation
from frontdesk.calls.errands import Errands
from frontdesk.calls.gateways import Gateways
from frontdesk.calls.ledger import Ledger
from frontdesk.calls.queries import CallQueries
from frontdesk.calls.reaper import Reaper
from frontdesk.crm.callers import Callers
from frontdesk.crm.endpoints import Endpoints
from frontdesk.crm.service import Crm
from frontdesk.daily.events.inbox import Inbox
from frontdesk.daily.events.worker import EventWorker
from frontdesk.daily.installation import Installation
from frontdesk.daily.service import Daily, events_door
from frontdesk.daily.sweep import RoomSweep
from frontdesk.dialin.service import Budget, DialinService
from frontdesk.dialin.takeover import Parts, Takeover
from frontdesk.doors.shutdown import Deadline
from frontdesk.health.service import Readiness
from frontdesk.keys.service import Keyring
from frontdesk.keys.store import KeyStore
from frontdesk.launch.books import Books
from frontdesk.launch.service import Launcher
from frontdesk.link.callbacks import HEARTBEAT_S, Callbacks
from frontdesk.link.clearance import Clearance
from frontdesk.link.service import LinkService
from frontdesk.link.tokens import LinkTokens
from frontdesk.migrations import upgrade
from frontdesk.organizations import Organizations
from frontdesk.outbound import Outbound
from frontdesk.retention.service import Retention
from frontdesk.settings import GatewaySettings, is_loopback
from frontdesk.storage.database import Database
from frontdesk.storage.spool import Spool
from frontdesk.tasks import Background
from frontdesk.tuning import Tuning
from server_utils import settings_limits

__all__ = ["Services", "Tuning"]

_LAST_WRITES_S = 5


class Services:
    """The parts of one gateway.

    Args:
        app: Gets what its routes need.
        settings: Of the gateway.
        organizations: Who is served.
        endpoints: Which CRMs are told.
        http: For Daily and the host of the bots.
        tuning: How long the parts wait.
    """

    def __init__(
        self,
        app: FastAPI,
        settings: GatewaySettings,
        organizations: Organizations,
        endpoints: Endpoints,
        http: aiohttp.ClientSession,
        tuning: Tuning,
    ) -> None:
        self._app = app
        self._settings = settings
        self._organizations = organizations
        self._tuning = tuning
        self._background = Background()
        self._id = uuid.uuid4().hex
        self._daily = Daily.of(http, settings)
        self._installation = Installation()
        self._database = Database.open(settings.database_url.get_secret_value(), exclusive=True)
        self._crm = Crm(self._database, endpoints, pace=tuning.crm)
        self._outbound = Outbound(app, settings, organizations, self._database)
        self._ledger = Ledger(
            self._database,
            Spool(settings.spool_dir / "ledger"),
            self._crm.outbox,
            patience=tuning.patience,
            slots=self._outbound.slots,
            spool_after_s=settings.spool_after_s,
        )
        self._callers = Callers(endpoints, self._crm)
        self._reaper = Reaper(self._ledger, self._errands(), every_s=tuning.reaper_every_s)
        self._launches(http, endpoints)
        self._link()
        self._records()
        self._events()
        app.state.readiness = Readiness(http, settings, self._database)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Everything runs inside; at the end launches finish first, then what they leave is written down."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._database.running(upgrade))
            await stack.enter_async_context(self._crm.running())
            await stack.enter_async_context(self._ledger.running())
            await stack.enter_async_context(self._inbox.running())
            stack.push_async_callback(self._background.stop)
            await self._learn_installation()
            self._start()
            try:
                async with self._outbound.running(self._app.state.deadline):
                    yield
            finally:
                await self._finish()

    def _errands(self) -> Errands:
        engine = self._outbound.queue(self._ledger, self._tuning)
        daily, room = self._daily, self._installation.room
        return Errands(self._ledger, daily.hang_up, daily.presence, room, engine=engine)

    def _launches(self, http: aiohttp.ClientSession, endpoints: Endpoints) -> None:
        settings, state = self._settings, self._app.state
        state.link_tokens = LinkTokens(settings.daily_api_key.get_secret_value())
        self._books = Books(self._ledger, self._id, self._installation)
        self._callers.noted = self._books.caller_known
        launcher = Launcher(
            http=http,
            settings=settings,
            remover=self._daily.remover,
            books=self._books,
            callbacks=Callbacks(
                settings.link_url,
                state.link_tokens,
                hold_s=settings.hold_budget_s,
                heartbeat_s=min(HEARTBEAT_S, self._tuning.patience.lease_s / 4),
            ),
            callers=self._callers,
        )
        budget = Budget(answer_s=settings.webhook_budget_s, hold_s=settings.hold_budget_s)
        self._dialin = DialinService(
            self._organizations,
            launcher,
            settings_limits(settings),
            budget=budget,
            shared=self._database.is_postgres,
        )
        self._gateways = Gateways(
            self._database,
            self._id,
            every_s=self._tuning.gateway_every_s,
            dead_after_s=self._tuning.gateway_dead_after_s,
        )
        self._takeover = Takeover(
            Parts(
                database=self._database,
                ledger=self._ledger,
                gateways=self._gateways,
                presence=self._daily.presence,
                hang_up=self._daily.hang_up,
            ),
            self._dialin,
            hold_s=settings.hold_budget_s,
            grace_s=self._tuning.takeover_grace_s,
            every_s=self._tuning.gateway_every_s,
        )
        self._dialin.orphan = self._takeover.look
        state.dialin = self._dialin
        self._outbound.connect(self._ledger, launcher, self._gateways, endpoints, self._crm)
        self._outbound.campaigns(self._ledger, self._gateways, self._reaper.wake)

    def _link(self) -> None:
        lease_s = self._tuning.patience.lease_s
        clearance = Clearance(self._outbound.gate)
        self._app.state.link = LinkService(
            self._ledger, contexts=self._callers, clearance=clearance, lease_s=lease_s
        )

    def _records(self) -> None:
        settings, state = self._settings, self._app.state
        slugs = {str(organization.id): organization.slug for organization in self._organizations}
        default = self._organizations.default
        state.keyring = Keyring(
            KeyStore(self._database),
            operator_keys=settings.frontdesk_api_keys,
            operator_organization_id=str(default.id) if default else None,
            local_operator=not settings.production and is_loopback(settings.host),
        )
        state.crm = self._crm
        state.call_queries = CallQueries(self._database, slugs, self._ledger.awaits)
        state.cancellation = Cancellation(self._ledger, state.call_queries, wake=self._reaper.wake)
        state.retention = Retention(
            self._database,
            retention_days=settings.retention_days,
            spool_dir=settings.spool_dir,
            call_off=state.cancellation.call_off,
        )

    def _events(self) -> None:
        self._worker = EventWorker(self._database, self._ledger)
        self._inbox = Inbox(
            self._database,
            Spool(self._settings.spool_dir / "daily"),
            self._worker,
            self._installation,
            spool_after_s=self._settings.spool_after_s,
        )
        self._app.state.daily_events = events_door(self._settings, self._inbox)

    def _start(self) -> None:
        state, start, tuning = self._app.state, self._background.start, self._tuning
        start("gateways", self._gateways.run())
        start("takeover", self._takeover.run())
        start("reaper", self._reaper.run())
        self._outbound.start(self._background)
        start("daily events", self._worker.run())
        start("keys", state.keyring.run())
        start("retention", state.retention.run())
        sweep = RoomSweep(
            self._daily.api,
            self._daily.remover,
            self._ledger,
            self._installation,
            older_than_s=tuning.orphan_room_after_s,
            every_s=tuning.sweep_every_s,
        )
        start("room sweep", sweep.run())
        if watchdog := self._daily.watchdog(self._settings):
            start("webhook watchdog", watchdog.run())

    async def _learn_installation(self) -> None:
        """Before the first room, if the database is there; else as soon as it is."""
        reading = self._installation.read_when_ready(self._database)
        self._background.start("installation", reading)
        if self._database.ready.is_set():
            await self._installation.known.wait()

    async def _finish(self) -> None:
        left_s = self._app.state.deadline.left()
        await asyncio.gather(
            self._dialin.drain(left_s), self._outbound.drain(left_s), self._takeover.drain(left_s)
        )
        last = Deadline(_LAST_WRITES_S)
        await asyncio.gather(
            self._books.drain(last.left()),
            self._callers.drain(last.left()),
            self._daily.remover.drain(last.left()),
        )
        await self._reaper.drain(last.left())
        await self._daily.hang_up.drain(last.left())
        await self._app.state.keyring.write_uses()
        logger.info("the books are closed")
