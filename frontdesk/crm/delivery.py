"""Delivers events: at least once, in order within a call, and no endpoint delays another.

One loop takes turns: a turn writes the outcomes that came in and claims what is due, in one transaction,
then lets the claimed deliveries be tried, each in a task of its own.
"""

import asyncio
import math
import random
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from loguru import logger
from sqlalchemy.ext.asyncio import AsyncConnection

from frontdesk.crm import endpoint_store, store
from frontdesk.crm.endpoints import Endpoints
from frontdesk.crm.queues import Queues
from frontdesk.crm.schedule import Pace, Try, next_pause_s
from frontdesk.crm.sender import Sender
from frontdesk.crm.standing import Standing
from frontdesk.crm.store import Claim, Settled
from frontdesk.storage.database import Database
from frontdesk.tasks import InFlight

_LONGEST_REST_S = 300.0
_AWAY_S = 1.0
_SWEEP_S = 3600.0
Outcome = tuple[Claim, Try]


class Deliverer:
    """Delivers what the outbox holds, until it is stopped.

    Args:
        database: Holds the outbox.
        endpoints: Who is told.
        sender: Makes one try.
        standing: Learns which endpoints are disabled.
        pace: How patiently.
        clock: UTC seconds.
        chance: From 0 to 1, for jitter.
    """

    def __init__(
        self,
        database: Database,
        endpoints: Endpoints,
        sender: Sender,
        standing: Standing,
        *,
        pace: Pace = Pace(),  # noqa: B008 - frozen
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._endpoints = endpoints
        self._sender = sender
        self._standing = standing
        self._pace = pace
        self._clock = clock
        self._chance = chance
        self._queues = Queues((e.id for e in endpoints), pace.each, pace.together)
        self._outcomes: list[Outcome] = []
        self._tries = InFlight()
        self._claims: dict[str, Claim] = {}
        self._parked: set[tuple[str, str | None]] = set()
        self._awake = asyncio.Event()
        self._gathered = asyncio.Event()
        self._enough = max(pace.each // 2, 1)
        self._stopping = self._waiting = False
        self._polled_at = self._swept_at = -math.inf

    def wake(self, endpoint_ids: Iterable[str] | None = None) -> None:
        """Look at once for what is due to these endpoints; to all when None."""
        self._queues.wake((q.endpoint_id for q in self._queues) if endpoint_ids is None else endpoint_ids)
        self._awake.set()

    async def run(self) -> None:
        """Deliver until told to stop; then, until nothing is due, or `drain_s` have passed."""
        while not (self._stopping and self._idle()):
            self._awake.clear()
            ended = time.monotonic()
            try:
                await self._turn()
                self._waiting = False
            except Exception as error:  # noqa: BLE001 - the loop must go on, whatever the database does
                if not self._waiting:
                    logger.warning("events for the CRM wait: {}", type(error).__name__)
                self._waiting = True
                await asyncio.sleep(_AWAY_S)
            await self._rest(time.monotonic() - ended)

    async def stop(self, running: "asyncio.Task[None]") -> None:
        """End `run`: deliver what is due, but not for long; give the rest back for others to claim."""
        self._stopping = True
        self.wake()
        await asyncio.wait({running}, timeout=self._pace.drain_s)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await self._tries.drain(0)
        with suppress(Exception):
            async with self._database.writer() as connection:
                await self._settle(connection, self._outcomes)
                await store.release(connection, self._claims.values(), self._clock())

    def _idle(self) -> bool:
        return not self._queues.in_flight and self._queues.next_at() > self._clock()

    async def _rest(self, took_s: float) -> None:
        """Let events and outcomes gather for a moment; then sleep until there is something to do."""
        self._gathered.clear()
        many = self._stopping or len(self._outcomes) >= self._enough
        if took_s < self._pace.gather_s and not many:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._gathered.wait(), self._pace.gather_s - took_s)
        now = self._clock()
        until = min(self._queues.next_at(), self._polled_at + self._pace.poll_s)
        if until > now and not self._outcomes and not (self._stopping and self._idle()):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._awake.wait(), until - now)

    async def _turn(self) -> None:
        outcomes, self._outcomes = self._outcomes, []
        self._queues.freed(claim.endpoint_id for claim, _ in outcomes)
        try:
            async with self._database.writer() as connection:
                await self._poll(connection)
                await self._settle(connection, outcomes)
                claims = await self._claim(connection)
        except BaseException:
            self._queues.taken(claim.endpoint_id for claim, _ in outcomes)
            self._outcomes = outcomes + self._outcomes
            raise
        self._queues.taken(claim.endpoint_id for claim in claims)
        for claim, _ in outcomes:
            del self._claims[claim.delivery_id]
        for claim in claims:
            self._claims[claim.delivery_id] = claim
            self._tries.start(self._try(claim))

    async def _poll(self, connection: AsyncConnection) -> None:
        """Look at every queue now and then: another gateway may have left something behind."""
        now = self._clock()
        if now - self._polled_at < self._pace.poll_s:
            return
        configured = {endpoint.id: endpoint.organization_id for endpoint in self._endpoints}
        if now - self._swept_at >= _SWEEP_S:
            await endpoint_store.remember(connection, configured)
            await endpoint_store.give_up(connection, configured, now - self._pace.disable_after_s)
            self._swept_at = now
        self._standing.learn(*await endpoint_store.troubled(connection))
        self._queues.wake(configured)
        self._polled_at = now

    async def _claim(self, connection: AsyncConnection) -> list[Claim]:
        now = self._clock()
        claims: list[Claim] = []
        taken = self._queues.in_flight
        for queue in self._queues:
            room = self._queues.room(queue, taken + len(claims))
            if queue.look_at <= now and self._standing.disabled(queue.endpoint_id):
                await endpoint_store.set_aside(connection, queue.endpoint_id)
                queue.look_at = math.inf
            elif room and queue.next_at <= now:
                until = now + self._pace.claim_s
                found = await store.claim(connection, queue.endpoint_id, now, until, room)
                queue.look_at = math.inf if found.next_due is None else found.next_due
                self._parked.update((queue.endpoint_id, call_id) for call_id in found.parked)
                claims += found.claims
        return claims

    async def _try(self, claim: Claim) -> None:
        try:
            endpoint = self._endpoints[claim.endpoint_id]
            tried = await self._sender.send(endpoint, claim.event_id, claim.body.encode())
        except Exception as error:  # noqa: BLE001 - a claim without an outcome would never end
            logger.error("an event for the CRM could not be sent: {}", type(error).__name__)
            tried = Try(self._clock(), 0, error="internal")
        self._outcomes.append((claim, tried))
        self._awake.set()
        if len(self._outcomes) >= self._enough:
            self._gathered.set()

    async def _settle(self, connection: AsyncConnection, outcomes: Sequence[Outcome]) -> None:
        if not outcomes:
            return
        now = self._clock()
        settled = [self._settled(claim, tried, now) for claim, tried in outcomes]
        await store.settle(connection, settled)
        over = [item.claim for item in settled if item.due_at is None and self._holds_up(item.claim)]
        await store.let_others_go(connection, over, now)
        self._parked.difference_update((claim.endpoint_id, claim.call_id) for claim in over)
        self._queues.wake(claim.endpoint_id for claim in over)
        for item in settled:
            self._queues[item.claim.endpoint_id].expect(item.due_at)
        await self._note(connection, outcomes, now)

    def _holds_up(self, claim: Claim) -> bool:
        """Whether others may wait for it; if another gateway had one wait, that looks again by itself."""
        return claim.tries > 0 or (claim.endpoint_id, claim.call_id) in self._parked

    async def _note(self, connection: AsyncConnection, outcomes: Sequence[Outcome], now: float) -> None:
        """Remember which endpoints work and which fail."""
        worked = {claim.endpoint_id for claim, tried in outcomes if tried.delivered}
        failed = {claim.endpoint_id for claim, tried in outcomes if not tried.delivered} - worked
        self._tell(worked, failed)
        if worked & self._standing.failing:
            await endpoint_store.note_successes(connection, worked)
        if failed:
            since = now - self._pace.disable_after_s
            failing = await endpoint_store.note_failures(connection, failed, now, since)
            gone = {claim.endpoint_id: "gone" for claim, tried in outcomes if tried.gone}
            await self._disable(connection, dict.fromkeys(failing, "failing") | gone, now)
        if failed or worked & self._standing.failing:
            self._standing.learn(*await endpoint_store.troubled(connection))

    def _tell(self, worked: set[str], failed: set[str]) -> None:
        for endpoint_id in failed - self._standing.failing:
            logger.warning("the CRM's endpoint {} fails", endpoint_id)
        for endpoint_id in worked & self._standing.failing:
            logger.info("the CRM's endpoint {} works again", endpoint_id)

    async def _disable(self, connection: AsyncConnection, endpoints: dict[str, str], now: float) -> None:
        for endpoint_id, why in endpoints.items():
            await endpoint_store.disable(connection, endpoint_id, now, why)
            logger.error("the CRM's endpoint {} is disabled: {}", endpoint_id, why)

    def _settled(self, claim: Claim, tried: Try, now: float) -> Settled:
        if tried.delivered:
            return Settled(claim, tried, "delivered")
        if tried.gone:
            return Settled(claim, tried, "disabled")
        if tried.slow_down:
            self._queues[claim.endpoint_id].rest_until = now + min(tried.pause_s, _LONGEST_REST_S)
        failed = claim.tries - claim.earlier_tries + 1
        pause = next_pause_s(failed, self._pace.schedule_s, tried.pause_s, self._chance)
        return Settled(claim, tried, "pending" if pause is not None else "failed", pause and now + pause)
