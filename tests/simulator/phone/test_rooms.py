"""Bots in rooms: who is let in, who is thrown out, and what the real transport makes of it."""

import asyncio
import time
from typing import Any

import pytest

from tests.simulator.phone.stage import CLINIC, DEADLINE_S, Stage, ended, until


async def over(stage: Stage, bot: str) -> None:
    await stage.bots.do(bot, "cancel")
    await stage.bots.wait(bot, "finished")


@pytest.mark.parametrize(
    ("room", "token", "text"),
    [
        ({}, {"room_name": "another"}, "another room"),
        ({}, {"exp": 1000}, "expired"),
        ({}, {"nbf": 4_000_000_000}, "not valid yet"),
        ({"exp": 1000}, {}, "exp-room"),
        ({"nbf": 4_000_000_000}, {}, "nbf-room"),
    ],
)
async def test_a_refused_join_is_an_error_of_the_transport(
    stage: Stage, room: dict[str, Any], token: dict[str, Any], text: str
) -> None:
    """An expired room, a room not yet open and a bad token fail the join in its completion."""
    where = stage.room(**room)
    bot = await stage.bot(where, joins=False, token=stage.token(where, **token))
    assert text in await stage.bots.wait(bot, "on_error")
    await over(stage, bot)
    assert "on_joined" not in stage.bots.events(bot)
    assert not where.clients


async def test_a_forged_token_and_a_room_that_does_not_exist(stage: Stage) -> None:
    """A token that the domain's key did not sign and an unknown room are refused."""
    room = stage.room()
    forged = await stage.bot(room, joins=False, token=stage.token(room)[:-4] + "AAAA")
    assert "not-allowed" in await stage.bots.wait(forged, "on_error")
    await stage.world.rooms.delete(room.name)
    lost = await stage.bot(room, joins=False)
    assert "no-room" in await stage.bots.wait(lost, "on_error")
    for bot in (forged, lost):
        await over(stage, bot)


async def test_only_loopback_rooms_are_joined(stage: Stage) -> None:
    """The stand-in never dials another machine: a real Daily URL fails the join."""
    room = stage.room()
    room.url = "https://example.daily.co/room"
    bot = await stage.bot(room, joins=False)
    assert "loopback" in await stage.bots.wait(bot, "on_error")
    await over(stage, bot)


@pytest.mark.parametrize("way", ["delete", "eject", "expiry", "token"])
async def test_a_bot_that_is_thrown_out_learns_it(stage: Stage, way: str) -> None:
    """Deletion, ejection and expiry end the bot's call: its state becomes "left" and an error is told."""
    soon = time.time() + (10 if way in {"expiry", "token"} else 60)
    room = stage.room(**({"exp": soon, "eject_at_room_exp": True} if way == "expiry" else {}))
    token = stage.token(room, **({"exp": soon, "eject_at_token_exp": True} if way == "token" else {}))
    bot = await stage.bot(room, token=token)
    if way == "delete":
        await stage.world.rooms.delete(room.name)
    elif way == "eject":
        assert await room.eject(list(room.clients)) != []
    assert "Disconnected" in await stage.bots.wait(bot, "on_error")
    states = stage.bots.data(bot, "on_call_state_updated")
    await until(lambda: "left" in stage.bots.data(bot, "on_call_state_updated"), f"left, after {states}")
    await until(lambda: not room.clients, "an empty room")
    await over(stage, bot)


async def test_a_bot_that_leaves_drops_the_caller(stage: Stage) -> None:
    """When the bot ends its pipeline the phone leg is hung up on and the meeting is over."""
    record, bot, room = await stage.call_in("Hello?")
    await stage.bots.do(bot, "end")
    await stage.bots.wait(bot, "finished")
    assert (await ended(record)).outcome == "bot_hung_up"
    await stage.bots.wait(bot, "on_left")
    assert not room.occupied
    assert room.meeting_id is None


async def test_a_deleted_room_hangs_up_on_the_caller(stage: Stage) -> None:
    """Deleting the room ends the phone leg too."""
    record, bot, room = await stage.call_in("Hello?")
    await stage.world.rooms.delete(room.name)
    assert (await ended(record)).outcome in {"ejected", "bot_hung_up"}
    await over(stage, bot)


async def test_keys_go_both_ways(stage: Stage) -> None:
    """Keys that the caller presses reach the pipeline as frames; those the bot sends are on the record."""
    record, bot, room = await stage.call_in({"press": "12#", "at_once": True}, "Hello?")
    await until(lambda: len(stage.bots.data(bot, "on_dtmf_event")) == 3, "three keys")
    assert [one["tone"] for one in stage.bots.data(bot, "on_dtmf_event")] == ["1", "2", "#"]
    async with asyncio.timeout(DEADLINE_S):
        while (await stage.bots.do(bot, "heard"))["keys"] != "12#":
            await asyncio.sleep(0.05)
    session_id = next(iter(room.legs))
    assert await stage.bots.do(bot, "send_dtmf", tones="42", sessionId=session_id) is None
    received = [entry.detail for entry in record.timeline if entry.event == "dtmf_received"]
    assert received == ["42"]
    assert await stage.bots.do(bot, "send_dtmf", tones="4", sessionId="nobody") == "invalid sessionId"
    await over(stage, bot)


async def test_a_transferred_caller_talks_to_somebody_else(stage: Stage) -> None:
    """A transfer takes the leg off the room; the two people then hear each other, and the bot may go."""
    operator = "+12025550177"
    stage.settle(
        operator, hello="Front desk, how can I help?", script=[{"hang_up": True}], ring_s=0.1, patience_s=3
    )
    record, bot, room = await stage.call_in("Hello?")
    session_id = next(iter(room.legs))
    assert await stage.bots.do(bot, "transfer", sessionId=session_id, toEndPoint="nowhere") is not None
    assert await stage.bots.do(bot, "transfer", sessionId=session_id, toEndPoint=operator) is None
    await stage.bots.wait(bot, "on_dialin_stopped")
    assert record.state == "transferred"
    await over(stage, bot)
    await ended(record)
    assert record.outcome == "transferred"
    theirs = stage.world.records.all()[-1]
    assert theirs.to_number == operator
    assert theirs.from_number == record.from_number
    assert (await ended(theirs)).said() == ["Front desk, how can I help?"]
    assert record.said("heard") == ["Front desk, how can I help?"]
    assert record.to_number == CLINIC
    assert stage.world.network.rang == {operator: 1}


async def test_a_speaker_is_the_business_of_one_bot(stage: Stage) -> None:
    """A bot after one with the virtual speaker hears at its own rate alone."""
    mixed = await stage.bot(stage.room(), user_tracks=False)
    _, bot, _ = await stage.call_in("Hello?", rate=16000)
    await stage.bots.wait(bot, "on_participant_joined")
    async with asyncio.timeout(DEADLINE_S):
        while not (heard := await stage.bots.heard(bot))[1]:
            await asyncio.sleep(0.05)
    assert heard[0] == 16000
    for one in (mixed, bot):
        await over(stage, one)


@pytest.mark.parametrize("more", [{"rate": 16000}, {"rate": 24000}, {"user_tracks": False}])
async def test_other_rates_and_the_mixed_track(stage: Stage, more: dict[str, Any]) -> None:
    """At other sample rates, and with the virtual speaker, bot and caller still understand each other."""
    greeting, question = "Thank you for calling Maple Dental.", "What are your opening hours?"
    record, bot, _ = await stage.call_in(question, **more)
    rate = more.get("rate", 8000)
    await stage.says(bot, greeting, rate)
    await until(lambda: "person_silent" in [e.event for e in record.timeline], "the question")
    async with asyncio.timeout(DEADLINE_S):
        while await stage.understands((await stage.bots.heard(bot))[1], rate) != question:
            await asyncio.sleep(0.2)
    assert (await stage.bots.heard(bot))[0] == rate
    assert record.said("heard") == [greeting]
    await over(stage, bot)
