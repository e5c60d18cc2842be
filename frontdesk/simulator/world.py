"""The simulated world: everything that the parts of the simulator share, made in one place."""

from frontdesk.simulator.clock import Clock
from frontdesk.simulator.network import PhoneNetwork
from frontdesk.simulator.people import People
from frontdesk.simulator.record import Records
from frontdesk.simulator.rooms import Rooms
from frontdesk.simulator.settings import SimulatorSettings
from frontdesk.simulator.speech.phrasebook import Phrasebook


class World:
    """One domain of Daily, one phone network, and the people on it.

    :param base_url: Where the simulator is reached, such as `http://127.0.0.1:9099`, without a slash at the end.
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
        self.network = PhoneNetwork(self)

    async def close(self) -> None:
        """End every call, empty every room and let every watcher go."""
        await self.network.close()
        await self.rooms.close()
        self.records.close()
