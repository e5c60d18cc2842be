"""The simulated world: everything that the parts of the simulator share, made in one place."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from frontdesk.simulator.clock import Clock
from frontdesk.simulator.cloud.service import Cloud
from frontdesk.simulator.faults.plan import Faults
from frontdesk.simulator.limits import RateLimits
from frontdesk.simulator.loopback import LoopbackClient
from frontdesk.simulator.phone.network import PhoneNetwork
from frontdesk.simulator.phone.people import People
from frontdesk.simulator.phone.switchboard import Switchboard
from frontdesk.simulator.records.archive import Records
from frontdesk.simulator.rest.apilog import ApiLog
from frontdesk.simulator.rest.dialin_configs import DialinConfigs
from frontdesk.simulator.rest.meetings import Meetings
from frontdesk.simulator.rest.numbers import Numbers
from frontdesk.simulator.rooms.presence import Presence
from frontdesk.simulator.rooms.room import Room, Rooms
from frontdesk.simulator.rooms.tokens import Tokens
from frontdesk.simulator.settings import SimulatorSettings
from frontdesk.simulator.speech.phrasebook import Phrasebook
from frontdesk.simulator.vendors.behavior import Vendors
from frontdesk.simulator.webhooks.dialin import DialinWebhooks
from frontdesk.simulator.webhooks.domain import Events

if TYPE_CHECKING:
    from frontdesk.simulator.foreign.proxy import Proxy

log = logging.getLogger(__name__)

CLOSING_S = 0.5
"""What is on its way at the end, such as the record of a call, may take so long."""


class World:
    """One domain of Daily, one phone network, and the people on it.

    :param base_url: Where the simulator is reached, such as `http://127.0.0.1:9099`, without a final slash.
    """

    def __init__(self, settings: SimulatorSettings, base_url: str, clock: Clock | None = None) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self.settings = settings
        self.switches = settings.switches
        self.base_url = base_url
        self.proxy: Proxy | None = None
        self.clock = clock or Clock()
        self._make_daily()
        self._make_phones()

    def _make_daily(self) -> None:
        settings, clock, switches = self.settings, self.clock, self.switches
        self.faults = Faults()
        self.limits = RateLimits(clock, enabled=settings.rate_limits)
        self.api_log = ApiLog()
        self.client = LoopbackClient()
        self.tokens = Tokens(settings.domain_id, settings.daily_api_key)
        self.numbers = Numbers(clock, settings.purchased_numbers)
        self.dialin_configs = DialinConfigs(settings, clock)
        self.dialin_webhooks = DialinWebhooks(self.client, clock, switches, self.api_log)
        self.meetings = Meetings(clock)
        self.events = Events(self)

    def _make_phones(self) -> None:
        self.people = People()
        self.phrasebook = Phrasebook()
        self.records = Records(self.clock, self.settings.record_dir)
        self.rooms = Rooms(self.clock, self.base_url)
        self.presence = Presence(self)
        self.switchboard = Switchboard(self)
        self.network = PhoneNetwork(self)
        self.vendors = Vendors()
        self.cloud = Cloud(self)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Let something happen beside everything else; what it raises is logged."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a part of the simulated world failed", exc_info=error)

    def tell(self, event_type: str, room: Room, payload: dict[str, Any]) -> None:
        """Send a domain event; nothing waits for its delivery."""
        self.spawn(self.events.emit(event_type, room, payload))

    async def _finish_tasks(self) -> None:
        """Let what is ending end, records above all; then cancel the rest."""
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSING_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """End every call, empty every room and let every watcher go."""
        await self.network.close()
        await self.rooms.close()
        await self._finish_tasks()
        await self.cloud.aclose()
        await self.events.aclose()
        await self.client.aclose()
        if self.proxy:
            await self.proxy.close()
        self.records.close()
