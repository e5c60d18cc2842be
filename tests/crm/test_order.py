"""Within a call an endpoint gets events in order; between calls and endpoints nothing waits for anything."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frontdesk.storage.database import Database
from tests.crm.receiver import HANG, OK, RESET, Receiver, answer
from tests.crm.world import (
    QUICK,
    deliveries,
    endpoint,
    eventually,
    gateway,
    new_call,
    reached,
    tell,
)
from tests.databases import address, opened


async def test_the_next_event_waits_for_the_one_before(database: Database, receiver: Receiver) -> None:
    """While the first event fails, the others of its call are not sent; then they follow in order."""
    receiver.script = [answer(500)] * 3
    async with gateway(database, endpoint(receiver.url)) as crm:
        events = await tell(database, crm, new_call(), 1, 2, 3)
        await reached(database, *["delivered"] * 3)
    assert receiver.ids == [events[0]] * 4 + events[1:]


async def test_an_event_that_is_given_up_lets_the_next_go(database: Database, receiver: Receiver) -> None:
    """After the last try of the first event the second is sent: a call never gets stuck."""
    receiver.script = [answer(500)] * 3
    async with gateway(database, endpoint(receiver.url), pace=replace(QUICK, schedule_s=(0.02, 0.02))) as crm:
        events = await tell(database, crm, new_call(), 1, 2)
        await reached(database, "failed", "delivered")
    assert receiver.ids == [events[0]] * 3 + [events[1]]


async def test_other_calls_do_not_wait(database: Database, receiver: Receiver) -> None:
    """A call whose event hangs does not hold up events of other calls at the same endpoint."""
    receiver.script = [HANG]
    pace = replace(QUICK, timeout_s=30, claim_s=60)
    async with gateway(database, endpoint(receiver.url), pace=pace) as crm:
        await tell(database, crm, new_call(), 1, 2)
        await receiver.wait_for(1)
        others = [(await tell(database, crm, new_call(), 1))[0] for _ in range(3)]
        await receiver.wait_for(4)
    assert sorted(receiver.ids[1:]) == sorted(others)


async def test_a_hanging_endpoint_delays_no_other(database: Database, receiver: Receiver) -> None:
    """With every try of one endpoint hanging and its queue full, another's events go out at once."""
    pace = replace(QUICK, timeout_s=60, claim_s=90, each=4, together=4)
    async with Receiver(otherwise=HANG) as dead:
        both = endpoint(dead.url), endpoint(receiver.url, "other")
        async with gateway(database, *both, pace=pace) as crm:
            for _ in range(20):
                await tell(database, crm, new_call(), 1)
            await dead.wait_for(4)
            for _ in range(5):
                await tell(database, crm, new_call(organization_id="other"), 1)
            await receiver.wait_for(5)
            assert dead.open_at_most == 4
            assert receiver.open_at_most == 1


async def test_all_but_one_endpoint_hang(database: Database, receiver: Receiver) -> None:
    """However many endpoints hang, one that works always has a place: the global limit is not theirs."""
    pace = replace(QUICK, timeout_s=60, claim_s=90, each=3, together=6)
    async with Receiver(otherwise=HANG) as dead:
        many = [endpoint(f"{dead.url}/{number}", f"dead-{number}") for number in range(5)]
        async with gateway(database, *many, endpoint(receiver.url), pace=pace) as crm:
            for number in range(5):
                for _ in range(4):
                    await tell(database, crm, new_call(organization_id=f"dead-{number}"), 1)
            await dead.wait_for(5)
            [event] = await tell(database, crm, new_call(), 1)
            assert [got.id for got in await receiver.wait_for(1)] == [event]


@pytest.fixture
async def two() -> AsyncIterator[tuple[Database, Database]]:
    """One database on PostgreSQL, opened by two gateways."""
    async with address("postgresql", Path()) as url, opened(url) as one, opened(url) as other:
        yield one, other


async def test_two_gateways_never_hold_the_same_delivery(
    two: tuple[Database, Database], receiver: Receiver
) -> None:
    """On PostgreSQL two gateways share the work: every event is sent once, in order, by either of them."""
    ends, pace = endpoint(receiver.url), replace(QUICK, each=4, claim_s=15, timeout_s=10)
    async with gateway(two[0], ends, pace=pace) as first, gateway(two[1], ends, pace=pace) as second:
        calls = [new_call() for _ in range(12)]
        expected = []
        for call in calls:
            expected += await tell(two[0], first, call, 1, 2)
            expected += await tell(two[1], second, call, 3, 4)
        await receiver.wait_for(len(expected))
        await _all_delivered(two[0])
    assert sorted(receiver.ids) == sorted(expected)
    _assert_in_order(receiver)


async def test_nothing_is_lost_when_a_gateway_dies(
    two: tuple[Database, Database], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two gateways one dies with claims in its hands; the other delivers all of them, in order."""
    ends, receiver.script = endpoint(receiver.url), [HANG] * 4
    dying = replace(QUICK, each=4, timeout_s=60, claim_s=2, drain_s=0)
    async with gateway(two[0], ends, pace=dying) as first:
        calls = [new_call() for _ in range(6)]
        expected = [event for call in calls for event in await tell(two[0], first, call, 1, 2, 3)]
        await receiver.wait_for(4)
        monkeypatch.setattr(first.deliverer, "_turn", _never)
        async with gateway(two[1], ends):
            await _all_delivered(two[1])
    assert set(receiver.ids) == set(expected)
    _assert_in_order(receiver)


_ANSWERS = st.sampled_from([OK, OK, answer(500), answer(404), RESET, answer(302)])


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    script=st.lists(_ANSWERS, max_size=15),
    lengths=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    seed=st.integers(0, 2**32),
)
async def test_any_failures_leave_the_order(script: list[bytes], lengths: list[int], seed: int) -> None:
    """Whatever fails, however events of calls are interleaved: all arrive, in order within each call."""
    with TemporaryDirectory() as folder:
        async with address("sqlite", Path(folder)) as url, opened(url) as database, Receiver() as receiver:
            receiver.script = list(script)
            pace = replace(QUICK, schedule_s=(0.01,) * 30, gather_s=0)
            async with gateway(database, endpoint(receiver.url), pace=pace) as crm:
                turns = [call for count in lengths for call in [new_call()] * count]
                random.Random(seed).shuffle(turns)
                told: dict[str, int] = defaultdict(int)
                for call in turns:
                    told[call.id] += 1
                    await tell(database, crm, call, told[call.id])
                await _all_delivered(database)
            _assert_in_order(receiver)
            events = {f"evt_{name}_{n + 1}" for name, count in told.items() for n in range(count)}
            assert set(receiver.ids) == events


async def _never() -> None:
    await asyncio.Event().wait()


async def _all_delivered(database: Database) -> None:
    async def holds() -> bool:
        return {row["state"] for row in await deliveries(database)} == {"delivered"}

    await eventually(holds)


def _assert_in_order(receiver: Receiver) -> None:
    """Within each call, no event came for the first time before an earlier one."""
    seen: dict[str, list[int]] = defaultdict(list)
    for got in receiver.got:
        data = got.body["data"]
        if data["sequence"] not in seen[data["call_id"]]:
            seen[data["call_id"]].append(data["sequence"])
    assert all(order == sorted(order) for order in seen.values())


async def test_events_of_a_call_take_no_pauses(database: Database, receiver: Receiver) -> None:
    """Events that are written together follow one another at once, without waiting for a poll."""
    pace = replace(QUICK, poll_s=60)
    async with gateway(database, endpoint(receiver.url), pace=pace) as crm:
        began = asyncio.get_running_loop().time()
        events = await tell(database, crm, new_call(), 1, 2, 3, 4, 5)
        await receiver.wait_for(5)
        assert asyncio.get_running_loop().time() - began < 30
    assert receiver.ids == events
