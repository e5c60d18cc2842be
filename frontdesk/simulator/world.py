"""The simulated world: everything that the parts of the simulator share, made in one place."""

from frontdesk.simulator.apilog import ApiLog
from frontdesk.simulator.clock import Clock
from frontdesk.simulator.cloud import Cloud
from frontdesk.simulator.events import Events
from frontdesk.simulator.faults import Faults
from frontdesk.simulator.limits import RateLimits
from frontdesk.simulator.loopback import LoopbackClient
from frontdesk.simulator.network import PhoneNetwork
from frontdesk.simulator.people import People
from frontdesk.simulator.record import Records
from frontdesk.simulator.rest.dialin_configs import DialinConfigs
from frontdesk.simulator.rest.meetings import Meetings
from frontdesk.simulator.rest.numbers import Numbers
from frontdesk.simulator.rooms import Rooms
from frontdesk.simulator.settings import SimulatorSettings
from frontdesk.simulator.speech.phrasebook import Phrasebook
from frontdesk.simulator.tokens import Tokens
from frontdesk.simulator.webhooks import DialinWebhooks


class World:
    """One domain of Daily, one phone network, and the people on it.

    :param base_url: Where the simulator is reached, such as `http://127.0.0.1:9099`, no slash at the end.
    """

    def __init__(self, settings: SimulatorSettings, base_url: str, clock: Clock | None = None) -> None:
        self.settings = settings
        self.switches = settings.switches
        self.base_url = base_url
        self.clock = clock or Clock()
        self.people = People()
        self.phrasebook = Phrasebook()
        self.records = Records(self.clock, settings.record_dir)
        self.rooms = Rooms(self.clock, base_url)
        self.client = LoopbackClient()
        self.log = ApiLog()
        self.faults = Faults()
        self.limits = RateLimits(self.clock, enabled=settings.rate_limits)
        self.tokens = Tokens(settings.domain_id, settings.daily_api_key)
        self.numbers = Numbers(self.clock, settings.purchased_numbers)
        self.dialin_configs = DialinConfigs(settings, self.clock)
        self.dialin_webhooks = DialinWebhooks(self.client, self.clock, self.switches, self.log)
        self.meetings = Meetings(self.clock)
        self.events = Events(self)
        self.network = PhoneNetwork(self)
        self.cloud = Cloud(self)

    async def close(self) -> None:
        """End every call, empty every room and let every watcher go."""
        await self.network.close()
        await self.rooms.close()
        await self.cloud.aclose()
        await self.events.aclose()
        await self.client.aclose()
        self.records.close()
