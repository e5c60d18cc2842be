"""Whose attempt it is when several turns, gateways and bots come to it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from frontdesk.calls import queue_facts
from frontdesk.calls.entries import Recorded
from frontdesk.calls.models import Fact
from frontdesk.calls.state import CallState
from frontdesk.ended import EndedReason
from frontdesk.engine import start
from frontdesk.engine.turns import Turn
from frontdesk.errors import DatabaseUnavailableError, LaunchTimeoutError
from frontdesk.launch.call import Call
from frontdesk.storage.database import Database
from tests.databases import opened, schema
from tests.engine.placing_town import Gateway, Town, accepted, organizations
from tests.engine.waiting import NOW, ORGANIZATION, live_slots

QUIET = EndedReason.BLOCKED_QUIET_HOURS
CLINIC = organizations().by_id(ORGANIZATION)


@pytest.fixture
def town(database: Database, tmp_path: Path) -> Town:
    return Town(database, tmp_path)


@pytest.fixture
async def gateway(town: Town) -> AsyncIterator[Gateway]:
    async with town.gateway() as running:
        yield running


async def test_a_turn_that_comes_again_does_nothing_more(town: Town, gateway: Gateway) -> None:
    """Repeated by the queue, in this process or another one, a placed attempt stays as it is."""
    call = await accepted(gateway)
    await gateway.place(call.id)
    assert await gateway.place(call.id) is None
    async with town.gateway("two") as other:
        town.dead.add("one")
        assert await other.place(call.id) is None
    assert len(town.bots) == 1


async def test_two_gateways_that_place_one_attempt_launch_one_bot(tmp_path: Path) -> None:
    """The same turn on two gateways at once: the ledger knows whose attempt it is, and one slot is taken."""
    async with schema() as url, opened(url) as one, opened(url) as two:
        town = Town(one, tmp_path)
        async with town.gateway("one") as first, replace(town, database=two).gateway("two") as second:
            for _ in range(8):
                call = await accepted(first)
                await asyncio.gather(first.place(call.id), second.place(call.id))
                bots = [bot for bot in town.bots if bot.call.call_id == call.id]
                assert len(bots) == 1
                assert await first.admission.holds(call.id, 1)
        assert await live_slots(one) == 8


async def test_the_launch_of_a_gateway_that_lives_is_left_to_it(town: Town, gateway: Gateway) -> None:
    """An attempt that a running peer has opened is looked at again later; once it is dead, it is given up."""
    call = await accepted(gateway)
    await gateway.books.open(Call.resumed(call, CLINIC, "0" * 16), 1)
    async with town.gateway("two") as peer:
        again = await peer.place(call.id)
        assert again is not None
        assert again.at > NOW
        town.dead.add("one")
        assert await peer.place(call.id, 1, 1) is None
        known = await peer.ledger.load(call.id)
        assert known is not None
        failure = known.state.attempts[0].launch_failed
        assert failure is not None
        assert (failure.code, failure.ambiguous, failure.final) == ("gateway_lost", True, False)
        await town.finish(peer, call.id)
    assert [bot.attempt for bot in town.bots] == [2]


@pytest.mark.parametrize("stalls", [False, True])
async def test_an_opening_of_which_nobody_knows_launches_nobody(
    town: Town, gateway: Gateway, monkeypatch: pytest.MonkeyPatch, stalls: bool
) -> None:
    """The database breaks off or says nothing: no launch; once it is known, another attempt follows."""
    call = await accepted(gateway)
    decide = gateway.ledger.decide

    async def unclear(*facts: Fact) -> Recorded:
        await decide(*facts)
        if stalls:
            await asyncio.Event().wait()
        raise DatabaseUnavailableError

    monkeypatch.setattr(gateway.ledger, "decide", unclear)
    monkeypatch.setattr(start, "UNDECIDED_S", 0.5 if stalls else 60.0)
    again = await gateway.place(call.id)
    assert again is not None
    assert town.bots == []
    monkeypatch.undo()
    await town.finish(gateway, call.id, (again.at, 1, 1))
    assert [bot.attempt for bot in town.bots] == [2]


async def test_a_slot_that_was_taken_away_stops_the_launch(
    town: Town, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given back by somebody else before the attempt was open, nobody is launched without one."""
    call = await accepted(gateway)
    starting = gateway.placing._start
    open_ = starting._open

    async def late(turn: Turn) -> CallState | None:
        await gateway.admission.give_back(call.id, 1)
        return await open_(turn)

    monkeypatch.setattr(starting, "_open", late)
    assert await gateway.place(call.id) is None
    assert town.bots == []
    monkeypatch.undo()
    await town.finish(gateway, call.id)
    assert [bot.attempt for bot in town.bots] == [2]
    assert await live_slots(town.database) == 1


async def test_a_bot_that_claimed_before_its_launch_failed_is_the_only_one(
    town: Town, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host's answer got lost, but its bot dials already: it goes on, and no other one is launched."""
    call = await accepted(gateway)
    town.failures.append(LaunchTimeoutError())
    gave_up = gateway.books.gave_up

    async def late(*args: Any, **kwargs: Any) -> bool:
        await gateway.ledger.record(queue_facts.claimed(call.id, 1, "bot", NOW))
        return await gave_up(*args, **kwargs)

    monkeypatch.setattr(gateway.books, "gave_up", late)
    assert await gateway.place(call.id) is None
    town.clock.now += 5
    state = await town.finish(gateway, call.id)
    assert state.claim_granted(1, "bot")
    assert [attempt.number for attempt in state.attempts] == [1]
    assert town.bots == []


async def test_a_bot_that_claims_after_its_launch_failed_is_too_late(town: Town, gateway: Gateway) -> None:
    """Nobody may dial for an attempt that was given up: the next one has a bot of its own."""
    call = await accepted(gateway)
    town.failures.append(LaunchTimeoutError())
    assert await gateway.place(call.id) is None
    claim = queue_facts.claimed(call.id, 1, "late-bot", NOW + 1)
    state = (await gateway.ledger.record(claim)).states[call.id]
    assert not state.claim_granted(1, "late-bot")
    await town.finish(gateway, call.id)
    assert [bot.attempt for bot in town.bots] == [2]
