"""Callers on hold: the webhook, the bridge, the time-out, and what goes wrong before anybody answers."""

import asyncio
from typing import Any

import pytest

from frontdesk.simulator.phone.network import PinlessRejected
from frontdesk.simulator.phone.people import Manner
from frontdesk.simulator.records.record import Record
from frontdesk.simulator.rooms.room import Room, RoomClient
from frontdesk.simulator.server import SimulatorServer
from frontdesk.simulator.world import World
from tests.simulator.phone.stage import (
    CLINIC,
    PATIENT,
    Desk,
    advance_until_over,
    clock_of,
    ended,
    marks,
    until,
)


async def call(server: SimulatorServer, desk: Desk, **more: Any) -> tuple[Record, dict[str, Any]]:
    """Somebody calls; gives the record and what the webhook said."""
    manner = Manner(script=["Hello?"], patience_s=5)
    record = await server.world.network.call_in(more.pop("number", PATIENT), CLINIC, manner, **more)
    webhook = await asyncio.wait_for(desk.calls.get(), 20)
    await until(lambda: "webhook_answered" in marks(record), "the webhook's answer")
    return record, webhook


def ready_room(world: World, **properties: Any) -> tuple[Room, RoomClient]:
    """A room with a bot in it that takes calls."""
    room = world.rooms.create("ready", {"sip": {"sip_mode": "dial-in"}, **properties}, "public")
    bot = RoomClient("bot", owner=True)
    world.rooms.join(room, bot)
    return room, bot


async def test_the_hold_lasts_twice_the_music(frozen: SimulatorServer, desk: Desk) -> None:
    """When nobody takes the call, the caller hears the message, in sound, and is hung up on."""
    record, webhook = await call(frozen, desk)
    assert webhook["From"] == PATIENT
    assert webhook["To"] == CLINIC
    await clock_of(frozen).advance(59.9)
    assert record.state == "held"
    await clock_of(frozen).advance(0.2)
    await advance_until_over(frozen, record)
    assert record.outcome == "hold_timeout"
    assert record.said("heard") == ["there are no available agents to service your call"]
    assert record.said() == []


async def test_a_caller_may_give_up_on_hold(frozen: SimulatorServer, desk: Desk) -> None:
    """A caller who loses patience hangs up; a later update finds no call."""
    record, webhook = await call(frozen, desk, hold_patience_s=10)
    room, _ = ready_room(frozen.world)
    await clock_of(frozen).advance(10.1)
    await ended(record)
    assert record.outcome == "gave_up_on_hold"
    with pytest.raises(PinlessRejected, match="no active call"):
        frozen.world.network.pinless_update(
            webhook["callId"], webhook["callDomain"], f"sip:{room.sip_endpoint}"
        )


async def test_hanging_up_on_command_while_on_hold(simulator: SimulatorServer, desk: Desk) -> None:
    """A hang-up from the control side ends the hold."""
    record, _ = await call(simulator, desk)
    assert simulator.world.network.hang_up(record.id)
    assert (await ended(record)).outcome == "person_hung_up"
    assert not simulator.world.network.hang_up(record.id)


async def test_updates_that_daily_refuses(frozen: SimulatorServer, desk: Desk) -> None:
    """An unknown call, another domain, an unknown address, a room not ready are refused; then it works."""
    record, webhook = await call(frozen, desk)
    update, call_id, domain = frozen.world.network.pinless_update, webhook["callId"], webhook["callDomain"]
    room, _bot = ready_room(frozen.world)
    endpoint = f"sip:{room.sip_endpoint}"
    for wrong in (("nobody", domain, endpoint), (call_id, "elsewhere", endpoint)):
        with pytest.raises(PinlessRejected, match="no active call"):
            update(*wrong)
    for early in (endpoint, "sip:nowhere@example.com"):
        with pytest.raises(PinlessRejected, match="not ready"):
            update(call_id, domain, early)
    await clock_of(frozen).advance(1.0)
    update(call_id, domain, endpoint)
    await until(lambda: record.state == "connected", "the connection")
    with pytest.raises(PinlessRejected):
        update(call_id, domain, endpoint)
    frozen.world.switches.pinless_update_repeated = "ok"
    update(call_id, domain, endpoint)
    assert len(room.legs) == 1
    assert marks(record).count("pinless_update_repeated") == 2


async def test_a_withheld_number(simulator: SimulatorServer, desk: Desk) -> None:
    """A caller who withholds the number is anonymous in the webhook, as the switch says."""
    _, webhook = await call(simulator, desk, number=None)
    assert webhook["From"] == "anonymous"
    simulator.world.switches.withheld_from = "missing"
    _, webhook = await call(simulator, desk, number=None)
    assert "From" not in webhook


async def test_copies_of_the_webhook(simulator: SimulatorServer, desk: Desk) -> None:
    """The webhook can be sent many times at once, every copy with the same callId."""
    record, webhook = await call(simulator, desk, webhook_copies=5)
    copies = [webhook] + [await asyncio.wait_for(desk.calls.get(), 20) for _ in range(4)]
    assert {copy["callId"] for copy in copies} == {record.id}


async def test_a_failed_webhook_ends_the_hold_if_the_switch_says_so(
    simulator: SimulatorServer, desk: Desk
) -> None:
    """A webhook that is answered 500 leaves the caller on hold, or hangs up, by switch."""
    desk.status = 500
    record, _ = await call(simulator, desk)
    assert record.state == "held"
    simulator.world.switches.dialin_failure_hangs_up = True
    record, _ = await call(simulator, desk)
    assert (await ended(record)).outcome == "webhook_failed"


async def test_a_caller_gives_up_on_a_silent_bot(frozen: SimulatorServer, desk: Desk) -> None:
    """A bridged caller who hears nothing hangs up when patience ends, and the bot is told."""
    record, webhook = await call(frozen, desk)
    room, bot = ready_room(frozen.world)
    await clock_of(frozen).advance(1.0)
    endpoint = f"sip:{room.sip_endpoint}"
    frozen.world.network.pinless_update(webhook["callId"], webhook["callDomain"], endpoint)
    await advance_until_over(frozen, record)
    assert record.outcome == "gave_up"
    told = [bot.outbox.get_nowait() for _ in range(bot.outbox.qsize())]
    names = [event for message in told for event in ("dialin_connected", "participant_left", "dialin_stopped")
             if isinstance(message, str) and f'"{event}"' in message]  # fmt: skip
    assert names == ["dialin_connected", "participant_left", "dialin_stopped"]


async def test_the_order_at_a_hang_up_is_a_switch(frozen: SimulatorServer, desk: Desk) -> None:
    """participant-left may come after dialin-stopped."""
    frozen.world.switches.left_before_stopped = False
    record, webhook = await call(frozen, desk)
    room, bot = ready_room(frozen.world)
    await clock_of(frozen).advance(1.0)
    endpoint = f"sip:{room.sip_endpoint}"
    frozen.world.network.pinless_update(webhook["callId"], webhook["callDomain"], endpoint)
    await until(lambda: bool(room.legs), "the leg")
    frozen.world.network.hang_up(record.id)
    await advance_until_over(frozen, record)
    told = [str(bot.outbox.get_nowait()) for _ in range(bot.outbox.qsize())]
    left = next(i for i, message in enumerate(told) if "participant_left" in message)
    stopped = next(i for i, message in enumerate(told) if "dialin_stopped" in message)
    assert stopped < left


async def test_dialin_ready_comes_after_a_bot_and_again_on_command(frozen: SimulatorServer) -> None:
    """A room takes calls once a bot is inside and the delay is over; the event can be repeated."""
    world = frozen.world
    world.switches.sip_ready_s = 2.0
    room, bot = ready_room(world, sip={"num_endpoints": 2})
    await clock_of(frozen).advance(1.9)
    assert bot.outbox.empty()
    await clock_of(frozen).advance(0.2)
    world.network.repeat_dialin_ready(room)
    told = [str(bot.outbox.get_nowait()) for _ in range(bot.outbox.qsize())]
    assert len(told) == 4
    assert all('"dialin_ready"' in message for message in told)
    assert room.ready_endpoints == set(room.sip_endpoints)
