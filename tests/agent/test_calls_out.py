"""Whole outgoing calls: the real bot on the real dev runner, simulated callees with real voices."""

import asyncio

import pytest

from frontdesk.simulator.phone.people import Channel, Outcome, Person
from tests.agent.stage import DEADLINE_S, Stage

pytestmark = [pytest.mark.system, pytest.mark.asyncio(loop_scope="module")]


async def test_carrier_errors_then_answered_within_one_session(stage: Stage) -> None:
    """What never rang is dialed again in its session; then the bot greets, and rings nobody afterwards."""
    person = Person(
        outcomes=[Outcome.CARRIER_ERROR, Outcome.CARRIER_ERROR, Outcome.ANSWER],
        script=["Yes, it is. What are your opening hours?", "That is all, goodbye."],
        stays=True,
    )
    number = "+14155550187"
    call_id = await stage.call_out(person, number)
    records = await stage.outgoing(number, 3)
    await stage.over(records[2])
    heard = " ".join(records[2].said("heard")).lower()
    assert heard.startswith("hello, this is bright smile dental calling")
    assert await stage.bot.ended(call_id) == "bot_hangup"
    assert len(await stage.outgoing(number, 3)) == 3
    steps = stage.bot.steps(call_id)
    assert steps.index("greeting") > steps.index("answered")


@pytest.mark.parametrize("channel", ["completion", "error", "stopped", "error_then_stopped"])
async def test_a_busy_phone_is_dialed_once_however_daily_tells(stage: Stage, channel: Channel) -> None:
    """Busy, by whatever channel, goes back to the gateway after one dial."""
    number = {"completion": "+14155550171", "error": "+14155550172", "stopped": "+14155550173"}.get(
        channel, "+14155550174"
    )
    person = Person(outcomes=[Outcome.BUSY], channel=channel, ring_s=0.3)
    call_id = await stage.call_out(person, number)
    reason = await stage.bot.ended(call_id)
    assert reason in ("busy", "busy_or_no_answer")
    assert (reason == "busy_or_no_answer") == (channel == "stopped")
    assert stage.bot.steps(call_id).count("dialing") == 1
    assert len(await stage.outgoing(number, 1)) == 1


async def test_carrier_errors_end_at_the_limit(stage: Stage) -> None:
    """A phone network that never puts the call through is tried as often as the call allows."""
    number = "+14155550179"
    person = Person(outcomes=[Outcome.CARRIER_ERROR], ring_s=0.3)
    call_id = await stage.call_out(person, number, limits={"dial_attempts": 2})
    assert await stage.bot.ended(call_id) == "carrier_unavailable"
    assert stage.bot.steps(call_id).count("dialing") == 2


async def test_a_phone_that_rings_too_long_is_hung_up(stage: Stage) -> None:
    """The call's own ring timeout ends a dial before the carrier's does, and nothing is said to it."""
    number = "+14155550175"
    person = Person(outcomes=[Outcome.NO_ANSWER], ring_s=60)
    call_id = await stage.call_out(person, number, limits={"ring_timeout_s": 5, "dial_attempts": 1})
    assert await stage.bot.ended(call_id) == "no_answer"
    (record,) = await stage.outgoing(number, 1)
    await stage.over(record)
    assert "greeting" not in stage.bot.steps(call_id)
    assert record.said("heard") == []


async def test_a_room_without_dialout_is_not_tried_again(stage: Stage) -> None:
    """An error that cannot heal is the end after one dial."""
    stage.world.switches.domain_dialout_approved = False
    try:
        call_id = await stage.call_out(Person(), "+14155550176")
        assert await stage.bot.ended(call_id) == "carrier_rejected"
    finally:
        stage.world.switches.domain_dialout_approved = True
    assert stage.bot.steps(call_id).count("dialing") == 1


async def test_a_callee_who_hangs_up_ends_the_call_without_another_dial(stage: Stage) -> None:
    """After an answer there is no further dial, however the callee leaves."""
    number = "+14155550177"
    person = Person(script=[{"wait": 3.0}, {"hang_up": True, "at_once": True}], ring_s=0.2)
    call_id = await stage.call_out(person, number)
    assert await stage.bot.ended(call_id) == "caller_hangup"
    await asyncio.sleep(3)
    assert len(await stage.outgoing(number, 1)) == 1


async def test_a_bot_that_loses_its_room_while_it_rings_leaves_no_phone_ringing(stage: Stage) -> None:
    """When the room is deleted during ringing, the bot ends and the phone falls silent."""
    number = "+14155550178"
    call_id = await stage.call_out(Person(outcomes=[Outcome.NO_ANSWER], ring_s=60), number)
    await stage.bot.line(rf"{call_id} .*step ringing")
    (record,) = await stage.outgoing(number, 1)
    await stage.world.rooms.delete(f"room-{call_id[:8]}")
    reason = await stage.bot.ended(call_id)
    assert reason.split()[0] in ("lost", "busy_or_no_answer", "carrier_unavailable")
    async with asyncio.timeout(DEADLINE_S):
        await record.done.wait()
    assert len(await stage.outgoing(number, 1)) == 1
