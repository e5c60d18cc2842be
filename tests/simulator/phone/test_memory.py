"""Finished calls leave nothing behind, neither in the bot's process nor in the simulator."""

import gc
import weakref

from frontdesk.simulator.phone.leg import Leg
from frontdesk.simulator.records.archive import Records
from frontdesk.simulator.rooms.room import RoomClient
from frontdesk.simulator.server import SimulatorServer
from frontdesk.simulator.standin import daily
from tests.simulator.phone.stage import Stage, ended, until


async def one_call(stage: Stage) -> None:
    record, bot, room = await stage.call_in("Hello?")
    stage.world.network.hang_up(record.id)
    await ended(record)
    await stage.bots.wait(bot, "on_dialin_stopped")
    await stage.bots.do(bot, "cancel")
    await stage.bots.wait(bot, "finished")
    await until(lambda: not room.clients, "an empty room")
    await stage.world.rooms.delete(room.name)


async def test_finished_calls_leave_nothing_behind(stage: Stage) -> None:
    """After some calls no transport, client, line, pipeline or thread is left, and no leg or sound."""
    host = "host"
    await one_call(stage)
    before = await stage.bots.do(host, "alive")
    for _ in range(4):
        await one_call(stage)
    after = await stage.bots.do(host, "alive")
    for name in ("Call", "Link", "CallClient", "DailyTransport", "PipelineWorker"):
        assert after[name] == 0, name
    assert after["threads"] <= before["threads"] + 1
    gc.collect()
    left = [type(one).__name__ for one in gc.get_objects() if isinstance(one, Leg | RoomClient)]
    assert left == []


async def test_the_sound_of_a_finished_call_is_not_kept(simulator: SimulatorServer) -> None:
    """A record keeps no sound, also when nothing is written to disk."""
    records = Records(simulator.world.clock, None)
    record = records.open("in", None, "+12025550100")
    record.sound.add(bytes(320), bytes(320))
    await records.finish(record, "person_hung_up")
    assert not record.sound.person
    assert not record.sound.bot


def test_a_released_client_holds_its_handler_no_longer() -> None:
    """After release nothing of the bot is reachable through a client that somebody still holds."""
    handler = daily.EventHandler()
    gone = weakref.ref(handler)
    client = daily.CallClient(event_handler=handler)
    client.join("http://example.com/room", completion=lambda *_args: None)
    client.release()
    del handler
    gc.collect()
    assert gone() is None
