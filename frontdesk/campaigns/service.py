"""Decides what becomes of campaigns: created, started, paused, resumed, canceled."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import IO, Any

from frontdesk.calls.ledger import Ledger
from frontdesk.campaigns.acceptor import Acceptor
from frontdesk.campaigns.breaker import Breaker
from frontdesk.campaigns.counts import Counting
from frontdesk.campaigns.entering import Entering, Entrance
from frontdesk.campaigns.erasing import Forgetting
from frontdesk.campaigns.feeder import Feeder, LookAhead
from frontdesk.campaigns.holds import Holds
from frontdesk.campaigns.loading import Loader
from frontdesk.campaigns.models import Campaign, CampaignState
from frontdesk.campaigns.results import Results
from frontdesk.campaigns.room import Room
from frontdesk.campaigns.rounds import Hands, Rounds
from frontdesk.campaigns.row_store import RowStore
from frontdesk.campaigns.settings import CampaignSettings
from frontdesk.campaigns.settling import Settling
from frontdesk.campaigns.store import CampaignStore, Entry
from frontdesk.contract import Limits
from frontdesk.errors import CampaignNotFoundError, CampaignStateError
from frontdesk.gate.do_not_call import DoNotCall
from frontdesk.keys.models import Principal
from frontdesk.organizations import Organizations
from frontdesk.storage.database import Database

_CANCELABLE = (CampaignState.LOADING, CampaignState.DRAFT, CampaignState.RUNNING, CampaignState.PAUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What campaigns are made of.

    Args:
        database: The books.
        ledger: Of the calls.
        organizations: Whose campaigns.
        acceptance: Makes calls of rows.
        wake: Tells the reaper that a call, by its id, wants attention.
        is_dead: Whether another gateway, by its id, is no more.
        gateway_id: Of this one.
        secret: What the digests of requests are derived from.
        limits: What a request leaves out.
        timezone_needed: Whether a callee's time zone must be known.
        dials_per_s: How fast the gateway dials at most.
        every_s: How often campaigns are looked at, in seconds.
        retention_days: How long rows are kept after their campaign's end; None for ever.
        clock: UTC seconds.
    """

    database: Database
    ledger: Ledger
    organizations: Organizations
    acceptance: Acceptor
    wake: Callable[[str], object]
    is_dead: Callable[[str], Awaitable[bool]]
    gateway_id: str
    secret: str = field(repr=False)
    limits: Limits
    timezone_needed: bool = True
    dials_per_s: float = 1.0
    every_s: float = 0.5
    retention_days: int | None = None
    clock: Callable[[], float] = time.time


class Campaigns:
    """All campaigns. What belongs to another organization does not exist for a principal.

    Every method raises `DatabaseUnavailableError` while the books are away, and those with a `campaign_id`
    raise `CampaignNotFoundError`.
    """

    def __init__(self, parts: Parts) -> None:
        database, clock = parts.database, parts.clock
        self.room = Room()
        self.holds = Holds(database)
        self.store = CampaignStore(database)
        self.rows = RowStore(database)
        self.counting = Counting(database)
        self.results = Results(database)
        self._clock = clock
        days = parts.retention_days
        self._forgetting = Forgetting(database, retention_days=days, clock=clock) if days else None
        loader = Loader(self.store, self.rows, DoNotCall(database), clock=clock)
        self._entering = Entering(
            self.store,
            loader,
            Entrance(
                organizations=parts.organizations,
                limits=parts.limits,
                timezone_needed=parts.timezone_needed,
                gateway_id=parts.gateway_id,
                is_dead=parts.is_dead,
                secret=parts.secret,
            ),
            clock=clock,
        )
        feeder = Feeder(
            self.store,
            self.rows,
            self.counting,
            Breaker(database),
            parts.acceptance,
            parts.organizations,
            ahead=LookAhead.at(parts.dials_per_s),
            clock=clock,
        )
        settling = Settling(self.store, self.rows, self.counting, parts.ledger, parts.wake, clock=clock)
        hands = Hands(feeder=feeder, settling=settling, loader=loader, loading=self._entering.under_way)
        self.rounds = Rounds(
            self.store, hands, own_id=parts.gateway_id, is_dead=parts.is_dead, every_s=parts.every_s
        )

    async def run(self) -> None:
        """Feed, watch and finish campaigns, and erase their rows when it is time, until canceled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.rounds.run())
            if self._forgetting is not None:
                group.create_task(self._forgetting.run())

    async def drain(self, timeout_s: float) -> None:
        """Let files that are being read be read to the end, but not longer than this."""
        await self._entering.drain(timeout_s)

    async def create(
        self,
        principal: Principal,
        settings: CampaignSettings,
        file: IO[bytes],
        *,
        key: str | None,
        wait_s: float,
    ) -> tuple[Campaign, bool]:
        """Enter a campaign, and read its file; wait a while for that, then go on in the background.

        Args:
            principal: Whose campaign.
            settings: What holds for all rows.
            file: CSV or JSON lines; closed when it was read.
            key: Makes it safe to repeat: the same key is the same campaign.
            wait_s: How long to wait for the file to be read, in seconds.

        Returns:
            The campaign as it stands, and whether it was there before.

        Raises:
            CampaignFileError: The file cannot be read.
            IdempotencyConflictError: The key belongs to another campaign.
            IdempotencyInProgressError: The same file is being read by another gateway.
            FrontdeskError: What `settings` ask for cannot be had.
        """
        try:
            entered = await self._entering.enter(principal, settings, file, key=key)
        except BaseException:
            file.close()
            raise
        if entered.replayed:
            file.close()
        if entered.load is not None:
            await asyncio.wait((entered.load,), timeout=wait_s)
        self.rounds.wake()
        return await self._entering.outcome(entered.campaign), entered.replayed

    async def find(self, principal: Principal, campaign_id: str) -> Campaign:
        """One campaign."""
        found = await self.store.find(campaign_id, principal.organization_id)
        if found is None:
            raise CampaignNotFoundError
        return found

    async def start(self, principal: Principal, campaign_id: str) -> Campaign:
        """Start a draft; rows with a problem are left out.

        Raises:
            CampaignStateError: It is no draft, or no row can be called.
        """
        draft = await self.find(principal, campaign_id)
        if draft.state is CampaignState.DRAFT and not draft.report.callable:
            raise CampaignStateError("None of its rows can be called.")
        now = self._clock()
        running = {"state": CampaignState.RUNNING, "started_at": now, "running_since": now}
        return await self._change(principal, draft, (CampaignState.DRAFT,), "started", running)

    async def pause(self, principal: Principal, campaign_id: str) -> Campaign:
        """Dial no more until it is resumed; calls that go on end by themselves.

        Raises:
            CampaignStateError: It does not run.
        """
        campaign = await self.find(principal, campaign_id)
        paused = {"state": CampaignState.PAUSED, "paused_why": "requested"}
        return await self._change(principal, campaign, (CampaignState.RUNNING,), "paused", paused)

    async def resume(self, principal: Principal, campaign_id: str) -> Campaign:
        """Go on dialing; the circuit breaker forgets what was before.

        Raises:
            CampaignStateError: It is not paused.
        """
        campaign = await self.find(principal, campaign_id)
        running = {"state": CampaignState.RUNNING, "paused_why": None, "running_since": self._clock()}
        return await self._change(principal, campaign, (CampaignState.PAUSED,), "resumed", running)

    async def cancel(self, principal: Principal, campaign_id: str, *, hang_up: bool = False) -> Campaign:
        """Dial no more, for good; with `hang_up`, end the calls that go on, also when asked for later.

        Raises:
            CampaignStateError: It has ended.
        """
        campaign = await self.find(principal, campaign_id)
        states = list(_CANCELABLE)
        if hang_up and not campaign.hang_up:
            states.append(CampaignState.CANCELED)
        canceled: dict[str, Any] = {"state": CampaignState.CANCELED}
        if hang_up:
            canceled["hang_up"] = True
        return await self._change(principal, campaign, tuple(states), "canceled", canceled)

    async def _change(
        self,
        principal: Principal,
        campaign: Campaign,
        states: tuple[CampaignState, ...],
        what: str,
        values: dict[str, Any],
    ) -> Campaign:
        """Change it and say how it stands; what is so already is not changed again."""
        why = {"why": values["paused_why"]} if values.get("paused_why") else {}
        entry = Entry(self._clock(), what, principal.key_id, dict(why))
        changed = await self.store.change(campaign.id, states, entry, **values)
        now = await self.find(principal, campaign.id)
        if not changed and (now.state is not values["state"]):
            raise CampaignStateError(f"It is {now.state}.", state=now.state)
        self.rounds.wake()
        return now
