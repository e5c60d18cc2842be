"""Finished calls leave nothing behind, neither in the bot's process nor in the simulator."""

import asyncio
import gc
import time
import weakref
from typing import Any

from frontdesk.simulator.phone.leg import Leg
from frontdesk.simulator.records.archive import Records
from frontdesk.simulator.rooms.room import RoomClient
from frontdesk.simulator.server import SimulatorServer
from frontdesk.simulator.standin import daily
from tests.simulator.phone.stage import DEADLINE_S, Stage, ended, until

GONE = ("Call", "Link", "CallClient", "DailyTransport", "PipelineWorker")


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
    await one_call(stage)
    before = await alive(stage)
    for _ in range(4):
        await one_call(stage)
    after = await alive(stage, threads=before["threads"] + 1)
    for name in GONE:
        assert after[name] == 0, name
    assert after["threads"] <= before["threads"] + 1
    await until(lambda: not left(), "the end of the last line")
    assert left() == []


async def alive(stage: Stage, threads: int | None = None) -> Any:
    """What there is in the bots' process, once the last bot's thread has ended as well."""
    counts = await stage.bots.do("host", "alive")
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline and (
        any(counts[name] for name in GONE) or (threads is not None and counts["threads"] > threads)
    ):
        await asyncio.sleep(0.1)
        counts = await stage.bots.do("host", "alive")
    return counts


def left() -> list[str]:
    """The legs and bots that somebody in this process still holds."""
    gc.collect()
    return [type(one).__name__ for one in gc.get_objects() if isinstance(one, Leg | RoomClient)]


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
