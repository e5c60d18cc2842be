"""Slots of calls out, in real books on both databases."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from frontdesk.calls.models import Data, Fact, GatewayFact, Source
from frontdesk.engine.admission import Admission
from frontdesk.engine.callee import Callees
from frontdesk.engine.limits import Ceilings, Limit, Most
from frontdesk.engine.tables import dial_slots
from frontdesk.engine.wanted import Full, Gone, Granted, NotYet, TooOften
from frontdesk.organizations import Frequency
from frontdesk.storage.database import Database
from tests.calls.blocked import wait_long_for_locks
from tests.databases import opened, schema
from tests.engine.waiting import (
    NOW,
    NUMBER,
    ORGANIZATION,
    WIDE,
    Books,
    Clock,
    books,
    call_in,
    call_out,
    live_slots,
    wanted,
)

DAY_S = 86_400.0


@pytest.fixture
async def desk(database: Database, tmp_path: Path) -> AsyncIterator[Books]:
    async with books(database, tmp_path) as made:
        yield made


def opening(call_id: str, attempt: int = 1) -> Fact:
    """An attempt begins."""
    kind = GatewayFact.ATTEMPT_OPENED
    return Fact(call_id, f"{kind}:{attempt}", Source.GATEWAY, kind, NOW, attempt, {"owner": "g", "room": "r"})


def hang_up(call_id: str) -> Fact:
    """Somebody calls a call off."""
    return Fact(call_id, "hang_up", Source.GATEWAY, GatewayFact.HANG_UP, NOW, 0, {"why": "canceled"})


def failed(call_id: str, attempt: int = 1) -> Fact:
    """An attempt got no bot, and none follows."""
    data: Data = {"code": "x", "reason": "bot_start_failed", "final": True, "ambiguous": False}
    kind = GatewayFact.LAUNCH_FAILED
    return Fact(call_id, f"{kind}:{attempt}", Source.GATEWAY, kind, NOW, attempt, data)


async def test_a_slot_is_taken_once_however_often_it_is_asked_for(desk: Books, database: Database) -> None:
    """Whoever repeats the question after a crash gets the same slot, at the pace of dialing."""
    call = call_out()
    await desk.ledger.open(call)
    answers = []
    for _ in range(3):
        answers.append(await desk.admission.take(wanted(call)))
        desk.clock.now += 1
    assert all(isinstance(answer, Granted) for answer in answers)
    assert await live_slots(database) == 1


async def test_the_pace_is_shared_and_told(database: Database, tmp_path: Path) -> None:
    """The second dial waits for the interval, and each answer says when the next one may start."""
    slow = replace(WIDE, dial_starts_per_s=2.0)
    async with books(database, tmp_path, ceilings=slow) as desk:
        first, second = call_out(), call_out()
        await desk.ledger.open(first)
        await desk.ledger.open(second)
        assert await desk.admission.take(wanted(first)) == Granted(NOW + 0.5)
        assert await desk.admission.take(wanted(second)) == NotYet(NOW + 0.5)
        desk.clock.now += 0.5
        assert await desk.admission.take(wanted(second)) == Granted(NOW + 1)


async def test_trouble_elsewhere_stops_every_gateway_for_a_while(desk: Books, database: Database) -> None:
    """What one gateway heard of a full host holds for another one that shares its books."""
    call = call_out()
    await desk.ledger.open(call)
    await desk.admission.slow_down(NOW, retry_after_s=9)
    other = Admission(database, WIDE, clock=desk.clock)
    assert await other.take(wanted(call)) == NotYet(NOW + 9)
    desk.clock.now += 9
    assert isinstance(await other.take(wanted(call)), Granted)


async def test_calls_in_and_out_share_the_capacity(database: Database, tmp_path: Path) -> None:
    """With room for four, one of it kept for calls in, a second call in takes the place of a call out."""
    four = Ceilings(capacity=4, incoming_reserve=1, single_reserve=1, dial_starts_per_s=1000)
    async with books(database, tmp_path, ceilings=four) as desk:
        calls = [call_out() for _ in range(4)]
        patients = [call_in(), call_in()]
        for call in (*calls, patients[0]):
            await desk.ledger.open(call)

        async def ask(number: int, campaign: str | None = None) -> object:
            desk.clock.now += 1
            return await desk.admission.take(wanted(calls[number], campaign_id=campaign))

        assert isinstance(await ask(0, "c"), Granted)
        assert isinstance(await ask(1, "c"), Granted)
        assert await ask(2, "c") == Full(Limit.SINGLE_RESERVE)
        await desk.ledger.open(patients[1])
        assert await ask(2) == Full(Limit.CAPACITY)
        await desk.ledger.record(failed_call(patients[1].id))
        assert isinstance(await ask(2), Granted)
        assert await ask(3) == Full(Limit.CAPACITY)


def failed_call(call_id: str) -> Fact:
    """A call in that nobody could be found for."""
    data: Data = {"code": "x", "reason": "bot_start_failed", "final": True}
    return Fact(call_id, "launch_failed", Source.GATEWAY, GatewayFact.LAUNCH_FAILED, NOW, 0, data)


async def test_limits_of_organization_caller_id_and_campaign_count_their_own(desk: Books) -> None:
    """Calls of others do not count; calls without a caller ID count together."""
    calls = [call_out() for _ in range(5)]
    for call in calls:
        await desk.ledger.open(call)

    async def ask(number: int, **changes: Any) -> object:
        desk.clock.now += 1
        return await desk.admission.take(wanted(calls[number], **changes))

    assert isinstance(await ask(0, organization_id="other", caller_id="a"), Granted)
    assert isinstance(await ask(1, caller_id="a", campaign_id="c"), Granted)
    assert await ask(2, most=Most(organization=1)) == Full(Limit.ORGANIZATION)
    assert await ask(2, most=Most(caller_id=1), caller_id="a") == Full(Limit.CALLER_ID)
    assert await ask(2, most=Most(campaign=1), campaign_id="c") == Full(Limit.CAMPAIGN)
    assert isinstance(await ask(2, most=Most(organization=2, caller_id=1)), Granted)
    assert await ask(3, most=Most(caller_id=1)) == Full(Limit.CALLER_ID)


async def test_one_number_is_called_as_often_as_allowed_by_all_campaigns_together(desk: Books) -> None:
    """Calls of any campaign count for the number, for a week; those of other organizations do not."""
    twice = Frequency(per_day=2, per_week=3, min_gap_minutes=60)
    asked = []

    async def ask(after_s: float, **changes: Any) -> object:
        call = call_out()
        await desk.ledger.open(call)
        desk.clock.now = NOW + after_s
        asked.append(call)
        return await desk.admission.take(wanted(call, callee="ada", frequency=twice, **changes))

    assert isinstance(await ask(0), Granted)
    assert await ask(60, campaign_id="c") == TooOften(NOW + 3600)
    assert isinstance(await ask(60, organization_id="other"), Granted)
    assert isinstance(await ask(3600, campaign_id="c"), Granted)
    assert await ask(7200) == TooOften(NOW + DAY_S)
    assert isinstance(await ask(DAY_S), Granted)
    assert await ask(3 * DAY_S) == TooOften(NOW + 7 * DAY_S)
    assert isinstance(await ask(7 * DAY_S + 1), Granted)


async def test_a_dial_that_rang_no_phone_does_not_count(desk: Books) -> None:
    """An attempt that ended before any phone rang leaves the number as free as it was."""
    first, second = call_out(), call_out()
    once = Frequency(per_day=1)
    await desk.ledger.open(first)
    await desk.ledger.open(second)
    await desk.admission.take(wanted(first, callee="ada", frequency=once))
    await desk.ledger.record(opening(first.id), failed(first.id))
    desk.clock.now += 1
    assert isinstance(await desk.admission.take(wanted(second, callee="ada", frequency=once)), Granted)


async def test_a_busy_line_keeps_the_gap_and_not_the_day(desk: Books) -> None:
    """Who was engaged was not called that day, and is not dialed again within the gap all the same."""
    first, second = call_out(), call_out()
    once = Frequency(per_day=1, min_gap_minutes=60)
    await desk.ledger.open(first)
    await desk.ledger.open(second)
    await desk.admission.take(wanted(first, callee="ada", frequency=once))
    said: list[tuple[str, Data]] = [
        ("claimed", {"session_id": "bot"}),
        ("dialing", {"dial": 1}),
        ("ended", {"reason": "busy"}),
    ]
    facts = [Fact(first.id, kind, Source.BOT, kind, NOW, 1, data) for kind, data in said]
    await desk.ledger.record(opening(first.id), *facts)
    desk.clock.now += 60
    ask = wanted(second, callee="ada", frequency=once)
    assert await desk.admission.take(ask) == TooOften(NOW + 3600)
    desk.clock.now = NOW + 3600
    assert isinstance(await desk.admission.take(ask), Granted)


async def test_a_clock_that_was_ahead_holds_up_nobody(desk: Books) -> None:
    """After a dial by a clock that was an hour ahead, and a rest until then, the next one is dialed now."""
    first, second = call_out(), call_out()
    await desk.ledger.open(first)
    await desk.ledger.open(second)
    desk.clock.now = NOW + 3600
    await desk.admission.take(wanted(first))
    await desk.admission.slow_down(NOW + 3600, 200)
    desk.clock.now = NOW
    assert isinstance(await desk.admission.take(wanted(second)), Granted)


async def test_what_never_began_is_forgotten_when_it_is_given_back(desk: Books, database: Database) -> None:
    """A slot that is returned leaves nothing that would count against the number or a limit."""
    call = call_out()
    await desk.ledger.open(call)
    await desk.admission.take(wanted(call))
    await desk.admission.give_back(call.id, 1)
    await desk.admission.give_back(call.id, 1)
    async with database.reader() as connection:
        assert (await connection.execute(select(dial_slots))).all() == []


async def test_the_slot_of_an_opened_attempt_is_nobodys_to_give_back(desk: Books, database: Database) -> None:
    """A turn that comes late cannot take the slot away from the bot that dials."""
    call = call_out()
    await desk.ledger.open(call)
    await desk.admission.take(wanted(call))
    await desk.ledger.record(opening(call.id))
    await desk.admission.give_back(call.id, 1)
    assert await desk.admission.holds(call.id, 1)
    assert await live_slots(database) == 1


async def test_the_end_of_an_attempt_releases_its_slot(desk: Books, database: Database) -> None:
    """With the transaction that ends the attempt the slot is free, and somebody is told."""
    told = []
    desk.keeper.wake = lambda: told.append(1)
    call = call_out()
    await desk.ledger.open(call)
    await desk.admission.take(wanted(call))
    await desk.ledger.record(opening(call.id), failed(call.id))
    assert await live_slots(database) == 0
    assert told
    assert await desk.admission.take(wanted(call)) == Gone()


async def test_a_call_that_has_ended_or_is_not_known_gets_no_slot(desk: Books, database: Database) -> None:
    """Called off while it waits, it is refused; so is one that the books do not know."""
    call = call_out()
    await desk.ledger.open(call)
    await desk.ledger.record(hang_up(call.id))
    assert await desk.admission.take(wanted(call)) == Gone()
    assert await desk.admission.take(wanted(call_out())) == Gone()
    assert await live_slots(database) == 0


async def test_a_call_that_is_called_off_releases_the_slot_it_waited_with(
    desk: Books, database: Database
) -> None:
    """A slot that was taken for an attempt that never began goes back with the call's end."""
    call = call_out()
    await desk.ledger.open(call)
    await desk.admission.take(wanted(call))
    await desk.ledger.record(hang_up(call.id))
    assert await live_slots(database) == 0


async def test_many_that_ask_two_gateways_at_once_never_exceed_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eighty calls at two gateways over one database, some of which end meanwhile: every limit holds."""
    wait_long_for_locks(monkeypatch)  # twenty ask at once, for one lock
    ceilings = Ceilings(capacity=20, incoming_reserve=4, single_reserve=3, dial_starts_per_s=1e6)
    most = Most(organization=7, caller_id=3, campaign=5)
    async with schema() as url, opened(url) as one, opened(url) as two:
        clock = Clock()
        gateways = [Admission(one, ceilings, clock=clock), Admission(two, ceilings, clock=clock)]
        async with books(one, tmp_path, ceilings=ceilings, clock=clock) as desk:
            asked = [
                wanted(
                    call_out(),
                    organization_id=f"o{number % 3}",
                    caller_id=f"n{number % 5}",
                    campaign_id=f"c{number % 4}" if number % 4 else None,
                    most=most,
                )
                for number in range(80)
            ]
            random.Random(7).shuffle(asked)
            peaks: Counter[str] = Counter()

            async def ask(number: int) -> None:
                await desk.ledger.open(call_out(asked[number].call_id))
                while isinstance(answer := await gateways[number % 2].take(asked[number]), NotYet):
                    clock.now = max(clock.now, answer.at)
                if isinstance(answer, Granted):
                    peaks.update(await live_by_limit(one) - peaks)
                    if number % 3 == 0:
                        await desk.ledger.record(hang_up(asked[number].call_id))

            await asyncio.gather(*map(ask, range(80)))
    assert 16 >= peaks["all"] >= 13 >= peaks["all of campaigns"]
    assert {
        key[0]: peaks[key] for key in peaks if peaks[key] > {"o": 7, "n": 3, "c": 5}.get(key[0], 16)
    } == {}


async def live_by_limit(database: Database) -> Counter[str]:
    """How many slots are live, in all and of each organization, caller ID and campaign."""
    columns = (dial_slots.c.organization_id, dial_slots.c.caller_id, dial_slots.c.campaign_id)
    counts: Counter[str] = Counter()
    async with database.reader() as connection:
        query = select(*columns).where(dial_slots.c.released_at.is_(None))
        for organization, caller_id, campaign in await connection.execute(query):
            counts.update(("all", organization, f"n {organization} {caller_id}"))
            counts.update((campaign, "all of campaigns") if campaign else ())
    return counts


async def test_two_gateways_that_ask_for_one_attempt_get_one_slot(tmp_path: Path) -> None:
    """A turn that runs on two gateways at once takes one slot."""
    async with schema() as url, opened(url) as one, opened(url) as two:
        clock = Clock()
        async with books(one, tmp_path, clock=clock) as desk:
            call = call_out()
            await desk.ledger.open(call)
            other = Admission(two, WIDE, clock=clock)
            await asyncio.gather(*(each.take(wanted(call)) for each in (desk.admission, other) * 5))
        assert await live_slots(one) == 1


async def test_digests_of_numbers_tell_nothing_and_agree(database: Database) -> None:
    """Every gateway of the books computes the same digest; another organization's and number's are others."""
    one, two = Callees(database), Callees(database)
    digest = await one.digest(ORGANIZATION, NUMBER)
    assert digest == await two.digest(ORGANIZATION, NUMBER)
    assert len(digest) == 32
    others = {await one.digest("other", NUMBER), await one.digest(ORGANIZATION, "+14155550124")}
    assert digest not in others
    assert len(others) == 2
