"""Finished calls leave nothing behind, neither in the bot's process nor in the simulator."""

import gc

from frontdesk.simulator.leg import Leg
from frontdesk.simulator.rooms import RoomClient
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
    assert all(not record.sound.person for record in stage.world.records.all())
