"""DELETE /calls/{id} calls a call out off at every stage, and its phone rings no more."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.gateway.conftest import Configure
from tests.gateway.far import Answer, Far
from tests.gateway.gate import KEY, Gateway, Reply, serving
from tests.gateway.linked_bot import LinkedBot

BODY = {"phone_number": "+12025550123"}
HEADERS = {"Authorization": f"Bearer {KEY}"}
ASYNC = {"Prefer": "respond-async"}
DIAL: list[tuple[str, dict[str, object]]] = [
    ("dialing", {"dial": 1}),
    ("ringing", {"dial": 1, "session_id": "leg-1"}),
    ("answered", {"dial": 1, "session_id": "leg-1"}),
]


async def cancel(gateway: Gateway, call_id: str) -> Reply:
    return await gateway.send("DELETE", f"/calls/{call_id}", headers=HEADERS)


async def record(gateway: Gateway, call_id: str) -> Any:
    return (await gateway.send("GET", f"/calls/{call_id}", headers=HEADERS)).body


async def standing(gateway: Gateway, call_id: str, wanted: str) -> Any:
    """The record, once the call stands there."""
    async with asyncio.timeout(60):
        while (found := await record(gateway, call_id))["state"] != wanted:
            await asyncio.sleep(0.02)
    return found


async def test_while_it_is_scheduled(gateway: Gateway, far: Far) -> None:
    """A call for tomorrow is called off at once, and is never placed."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    reply = await gateway.dial(BODY | {"schedule": {"earliest_at": tomorrow}})
    assert (reply.status, reply.body["status"]) == (202, "scheduled")
    assert reply.body["next_attempt_at"].startswith(tomorrow[:16])
    answer = await cancel(gateway, reply.body["call_id"])
    assert (answer.status, answer.body["ended_reason"]) == (200, "canceled")
    assert (await record(gateway, reply.body["call_id"]))["state"] == "ended"
    again = await cancel(gateway, reply.body["call_id"])
    assert (again.status, again.body["ended_reason"]) == (200, "canceled")
    assert far.seen == []


async def test_while_it_is_queued(configure: Configure, far: Far) -> None:
    """A call that waits for a free line is called off at once; the line that is free later is not its."""
    async with serving(configure(capacity=1, incoming_reserve=0, single_reserve=0)) as gateway:
        first = (await gateway.dial(BODY)).body["call_id"]
        second = await gateway.dial(BODY, ASYNC)
        assert (second.status, second.body["status"]) == (202, "queued")
        answer = await cancel(gateway, second.body["call_id"])
        assert (answer.status, answer.body["ended_reason"]) == (200, "canceled")
        await cancel(gateway, first)
        await standing(gateway, first, "ended")
        third = await gateway.dial(BODY)
        assert third.status == 201
    started = [seen.body["body"]["call_id"] for seen in far.of("/start")]
    assert started == [first, third.body["call_id"]]


async def test_while_it_is_being_launched(gateway: Gateway, far: Far) -> None:
    """A call that is called off while its room is made gets no bot that dials, and its room goes."""
    far.room_delay_s = 0.5
    call_id = (await gateway.dial(BODY, ASYNC)).body["call_id"]
    await far.until(lambda: bool(far.of("/rooms")))
    assert (await cancel(gateway, call_id)).status in {200, 202}
    found = await standing(gateway, call_id, "ended")
    assert found["ended_reason"] == "canceled"
    await far.until(lambda: set(far.deleted) == {far.of("/rooms")[0].body["name"]})
    if far.of("/start"):
        assert (await LinkedBot(gateway, far).claim()).body.get("granted") is not True


@pytest.mark.parametrize(
    ("said", "stage"), [(0, "launching"), (1, "dialing"), (2, "ringing"), (3, "in_progress")]
)
async def test_while_a_bot_is_at_it(gateway: Gateway, far: Far, said: int, stage: str) -> None:
    """Before the dial, dialing, ringing, talking: the bot is told, the room goes, the call is canceled."""
    call_id = (await gateway.dial(BODY)).body["call_id"]
    bot = LinkedBot(gateway, far)
    claimed = await bot.claim()
    assert (claimed.status, claimed.body["granted"]) == (200, True)
    await bot.say(*DIAL[:said])
    await standing(gateway, call_id, stage)
    answer = await cancel(gateway, call_id)
    assert (answer.status, answer.body["canceling"]) == (202, True)
    async with asyncio.timeout(60):  # a busy database gets the wish by way of the spool
        while (orders := await bot.say())["hang_up"] is None:
            await asyncio.sleep(0.02)
    assert orders == {"hang_up": "canceled"}
    await far.until(lambda: set(far.deleted) == {far.of("/rooms")[0].body["name"]})
    found = await standing(gateway, call_id, "ended")
    assert (found["ended_reason"], found["attempt"]) == ("canceled", 1)
    assert len(far.of("/start")) == 1


async def test_while_it_waits_for_another_attempt(gateway: Gateway, far: Far) -> None:
    """A call that was busy and waits for its retry is called off at once, and is not tried again."""
    reply = await gateway.dial(BODY | {"retry": {"on": ["busy"], "delays": [3600]}})
    bot = LinkedBot(gateway, far)
    await bot.claim()
    await bot.say(DIAL[0], ("ended", {"reason": "busy"}))
    waiting = await standing(gateway, reply.body["call_id"], "rescheduled")
    assert waiting["waiting_for"] == "busy"
    answer = await cancel(gateway, reply.body["call_id"])
    assert (answer.status, answer.body["ended_reason"]) == (200, "canceled")
    assert len(far.of("/start")) == 1


async def test_a_launch_that_hangs(configure: Configure, far: Far) -> None:
    """A call that is called off while the start API hangs ends, although nobody knows of its bot."""
    far.starts.append(Answer(hang=True))
    async with serving(configure(), last_launches_s=1) as gateway:
        call_id = (await gateway.dial(BODY, ASYNC)).body["call_id"]
        await far.until(lambda: bool(far.of("/start")))
        await cancel(gateway, call_id)
        found = await standing(gateway, call_id, "ended")
        assert found["ended_reason"] == "canceled"
        far.release()
