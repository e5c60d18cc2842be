"""The domain's webhooks about a call, and several phones in one room."""

import asyncio
from collections import Counter
from typing import Any

import aiohttp

from tests.simulator.phone.stage import CLINIC, PATIENT, Desk, Stage, ended, spoken, until

CALLEE = "+14155550187"
DIALIN = ["dialin.ready", "dialin.connected", "dialin.stopped"]
DIALOUT = ["dialout.connected", "dialout.answered", "dialout.stopped", "dialout.error"]
PRESENCE = ["meeting.started", "meeting.ended", *["participant.joined", "participant.left"] * 2]
TYPES = sorted({*DIALIN, *DIALOUT, *PRESENCE})


async def watch(stage: Stage, ears: Desk) -> None:
    """Register a webhook for every event, as the REST API does it."""
    headers = {"Authorization": "Bearer key"}
    body = {"url": ears.url, "eventTypes": TYPES, "retryType": "exponential"}
    async with (
        aiohttp.ClientSession(stage.simulator.base_url, headers=headers) as api,
        api.post("/v1/webhooks", json=body) as answer,
    ):
        assert answer.status == 200, await answer.text()
    assert await ears.calls.get() == {"test": "test"}


async def collect(ears: Desk, *types: str) -> list[dict[str, Any]]:
    """Everything that came until all these types have come, in whatever order; name a type twice for two."""
    events: list[dict[str, Any]] = []
    async with asyncio.timeout(60):
        while Counter(types) - Counter(event["type"] for event in events):
            events.append(await ears.calls.get())
    return events


def of(events: list[dict[str, Any]], event_type: str) -> dict[str, Any]:
    return next(event["payload"] for event in events if event["type"] == event_type)


async def test_domain_events_of_a_dial_in(stage: Stage) -> None:
    """Ready, connected, stopped, participants and meeting reach the webhook, joined by room and session."""
    async with Desk() as ears:
        await watch(stage, ears)
        record, bot, room = await stage.call_in("Hello?")
        stage.world.network.hang_up(record.id)
        await ended(record)
        await stage.bots.do(bot, "cancel")
        await stage.bots.wait(bot, "finished")
        events = await collect(ears, *DIALIN, *PRESENCE)
    assert {event["payload"]["room"] for event in events} == {room.name}
    assert of(events, "dialin.ready")["sip_endpoint"] == f"sip:{room.sip_endpoint}"
    connected, stopped = of(events, "dialin.connected"), of(events, "dialin.stopped")
    assert connected["session_id"] == stopped["session_id"] == record.session_id
    assert PATIENT in connected["sip_from"]
    assert of(events, "meeting.started")["meeting_id"] == of(events, "meeting.ended")["meeting_id"]


async def test_domain_events_of_a_dial_out(stage: Stage) -> None:
    """Connected, answered and stopped reach the webhook with destination, origin and the caller's user id."""
    stage.settle(CALLEE, outcomes=["busy", "answer"], ring_s=0.1)
    async with Desk() as ears:
        await watch(stage, ears)
        bot = await stage.bot(stage.room(enable_dialout=True))
        await stage.bots.do(bot, "start_dialout", phoneNumber=CALLEE)
        await stage.bots.wait(bot, "on_dialout_error")
        caller_id = stage.world.numbers.all()[0].id
        await stage.bots.do(bot, "start_dialout", phoneNumber=CALLEE, userId="call-7", callerId=caller_id)
        await stage.bots.wait(bot, "on_dialout_answered")
        await stage.bots.do(bot, "cancel")
        await stage.bots.wait(bot, "finished")
        events = await collect(ears, *DIALOUT, *PRESENCE)
    assert of(events, "dialout.error")["error_msg"]
    answered = of(events, "dialout.answered")
    assert answered["destination"] == CALLEE
    assert answered["origin"] == CLINIC
    assert answered["caller_id"] == caller_id
    assert answered["user_id"] == "call-7"
    assert of(events, "dialout.stopped")["session_id"]


async def test_two_phones_in_one_room_hear_each_other(stage: Stage) -> None:
    """A caller and somebody the bot has called talk; a caller who may not receive hears nothing of it."""
    stage.settle(CALLEE, hello="This is the dentist.", stays=True, ring_s=0.1)
    record, bot, room = await stage.call_in(stays=True)
    room.properties["enable_dialout"] = True
    await stage.bots.do(bot, "start_dialout", phoneNumber=CALLEE)
    await until(lambda: record.said("heard") == ["This is the dentist."], "the dentist's voice")
    (leg,) = [one for one in room.legs.values() if one.record is record]
    held = {leg.id: {"permissions": {"canReceive": {"base": False}}}}
    await stage.bots.do(bot, "update_participants", **held)
    await stage.bots.do(bot, "start_dialout", phoneNumber=CALLEE)
    second = stage.world.records.all()[-1]
    await spoken(second, 1)
    await asyncio.sleep(1)
    assert record.said("heard") == ["This is the dentist."]
    await stage.bots.do(bot, "cancel")
    await stage.bots.wait(bot, "finished")


async def test_a_phone_leg_outlives_the_bot_by_the_idle_time(stage: Stage) -> None:
    """With `max_idle_timeout_sec` the leg stays that long after the bot is gone."""
    stage.settle(CALLEE, ring_s=0.1, stays=True)
    room = stage.room(enable_dialout=True, dialout_config={"max_idle_timeout_sec": 5})
    bot = await stage.bot(room)
    await stage.bots.do(bot, "start_dialout", phoneNumber=CALLEE)
    await stage.bots.wait(bot, "on_dialout_answered")
    await stage.bots.do(bot, "cancel")
    await until(lambda: not room.clients, "the bot's leaving")
    assert len(room.legs) == 1
    await stage.bots.wait(bot, "finished")
    (record,) = stage.world.records.all()
    assert (await ended(record)).outcome == "bot_hung_up"
    assert not room.legs


async def test_a_room_is_ready_again_for_the_next_bot(stage: Stage) -> None:
    """When the last bot has left, the next one in the room gets its own dialin-ready."""
    room = stage.room(sip={"sip_mode": "dial-in"})
    for _ in range(2):
        bot = await stage.bot(room)
        assert await stage.bots.wait(bot, "on_dialin_ready") == f"sip:{room.sip_endpoint}"
        await stage.bots.do(bot, "end")
        await stage.bots.wait(bot, "finished")
        await until(lambda: not room.ready_endpoints, "the room's end")
