"""Rows become calls just in time, each once, whatever happens meanwhile."""

import asyncio
import random
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from frontdesk.campaigns.acceptor import row_key
from frontdesk.campaigns.counts import Counts
from frontdesk.campaigns.feeder import LookAhead
from frontdesk.ended import EndedReason
from frontdesk.errors import OutcomeUnknownError
from frontdesk.storage.database import Database
from tests.campaigns.campaign_office import (
    Office,
    a_csv,
    a_gateway,
    an_office,
    assert_each_row_once,
    assert_it_adds_up,
    end_all,
    number,
    numbers,
    own_organization,
    run_dry,
)


async def test_few_wait_at_a_time(office: Office) -> None:
    """Of many rows, only a small look-ahead waits; when calls end, others follow, until all have."""
    campaign_id = (await office.sent(numbers(120)))["campaign_id"]
    ahead = LookAhead.at(1.0).due
    for _ in range(3):
        await office.gateway.campaigns.rounds.once()
        assert len(office.gateway.queue.taken) == ahead
    await run_dry(office.gateway, campaign_id)
    assert_each_row_once(await office.gateway.calls_of(campaign_id), 120)
    found = await office.find({"campaign_id": campaign_id})
    assert found["state"] == "completed"
    assert found["progress"]["reasons"] == {"invalid_number": 120}


async def test_calls_of_a_campaign_are_not_urgent(office: Office) -> None:
    """A single call overtakes them."""
    campaign = await office.sent(numbers(1), {"retry": {"max_attempts": 4}})
    await office.gateway.campaigns.rounds.once()
    (call,) = await office.gateway.calls_of(campaign["campaign_id"])
    assert call["plan"]["urgent"] is False
    assert call["plan"]["max_attempts"] == 4
    assert call["id"] == row_key(campaign["campaign_id"], 1).call_id(own_organization())


async def test_the_campaigns_zone_is_for_whom_nobody_knows(office: Office) -> None:
    """Only what a row itself says is the callee's own zone; the campaign's waits behind what is stored."""
    file = a_csv(f"{number(0)},America/Los_Angeles", f"{number(1)},", header="phone_number,timezone")
    campaign = await office.sent(file, {"timezone": "America/New_York"})
    await office.gateway.campaigns.rounds.once()
    calls = await office.gateway.calls_of(campaign["campaign_id"])
    zones = {
        call["to_number"]: (call["plan"].get("timezone"), call["plan"]["default_timezone"]) for call in calls
    }
    assert zones == {
        number(0): ("America/Los_Angeles", "America/New_York"),
        number(1): (None, "America/New_York"),
    }


@pytest.mark.parametrize("seed", range(4))
async def test_a_gateway_that_dies_while_it_feeds(database: Database, tmp_path: Path, seed: int) -> None:
    """However often gateways die between a row's call and the note of it, each row is one call."""
    dice = random.Random(seed)
    campaign_id = ""
    for life in range(12):
        async with a_gateway(database, tmp_path / str(life)) as gateway:
            if not campaign_id:
                async with an_office(gateway) as office:
                    campaign_id = (await office.sent(numbers(60)))["campaign_id"]
            rounds = asyncio.create_task(run_dry(gateway, campaign_id))
            await asyncio.wait({rounds}, timeout=dice.uniform(0.0, 0.15))
            rounds.cancel()
            await asyncio.wait({rounds})
    async with a_gateway(database, tmp_path / "last") as gateway:
        await run_dry(gateway, campaign_id)
        assert_each_row_once(await gateway.calls_of(campaign_id), 60)


async def test_two_gateways_at_once(database: Database, tmp_path: Path) -> None:
    """Two gateways that both believe that the campaign is theirs make one call of each row."""

    async def everybody_is_dead(_gateway_id: str) -> bool:
        return True

    async with (
        a_gateway(database, tmp_path / "a", is_dead=everybody_is_dead) as first,
        a_gateway(database, tmp_path / "b", is_dead=everybody_is_dead) as second,
    ):
        async with an_office(first) as office:
            campaign_id = (await office.sent(numbers(90)))["campaign_id"]
        await asyncio.gather(run_dry(first, campaign_id), run_dry(second, campaign_id))
        assert_each_row_once(await first.calls_of(campaign_id), 90)
        log = await first.campaigns.store.log(campaign_id)
        assert [entry.what for entry in log].count("completed") == 1


async def test_a_campaign_of_a_dead_gateway_goes_on(database: Database, tmp_path: Path) -> None:
    """A living gateway leaves a campaign alone while its own one lives, and goes on when that is dead."""
    dead = False

    async def is_dead(_gateway_id: str) -> bool:
        return dead

    async with (
        a_gateway(database, tmp_path / "a") as first,
        a_gateway(database, tmp_path / "b", is_dead=is_dead) as second,
    ):
        async with an_office(first) as office:
            campaign_id = (await office.sent(numbers(3)))["campaign_id"]
        await second.campaigns.rounds.once()
        assert await second.calls_of(campaign_id) == []
        dead = True
        await second.campaigns.rounds.once()
        assert len(await second.calls_of(campaign_id)) == 3


async def test_a_row_whose_fate_is_unknown_is_tried_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When nobody knows whether a row was accepted, it is offered again by its key, and is one call."""
    campaign_id = (await office.sent(numbers(30)))["campaign_id"]
    accept, dice = office.gateway.acceptance.accept, random.Random(1)

    async def shaky(*given: Any, **options: Any) -> Any:
        if dice.random() < 0.3:
            raise OutcomeUnknownError
        answer = await accept(*given, **options)
        if dice.random() < 0.3:
            raise OutcomeUnknownError
        return answer

    monkeypatch.setattr(office.gateway.acceptance, "accept", shaky)
    await run_dry(office.gateway, campaign_id)
    assert_each_row_once(await office.gateway.calls_of(campaign_id), 30)


async def test_a_row_that_is_refused_when_its_turn_comes(database: Database, tmp_path: Path) -> None:
    """A row that was good when it was read and is not any more is told, and the others go on."""
    now = time.time()
    offset = 0.0
    soon = datetime.fromtimestamp(now + 600, UTC).isoformat()
    file = a_csv(f"{number(0)},", f"{number(1)},{soon}", f"{number(2)},", header="phone_number,latest_at")
    async with (
        a_gateway(database, tmp_path, clock=lambda: now + offset) as gateway,
        an_office(gateway) as office,
    ):
        campaign = await office.sent(file, {"start": False})
        offset = 601
        await office.ask("POST", f"/campaigns/{campaign['campaign_id']}/start")
        await run_dry(gateway, campaign["campaign_id"])
        found = await office.find(campaign)
        progress, log = found["progress"], await office.log(campaign)
        assert (found["report"]["refused"], progress["total"], progress["ended"]) == (1, 2, 2)
        assert list(await office.problems(campaign)) == [2]
        assert [one["data"]["row"] for one in log if one["what"] == "row_refused"] == [2]


async def test_not_before_its_time(database: Database, tmp_path: Path) -> None:
    """No row becomes a call before `earliest_at`; after `latest_at` none does, and the rest has expired."""
    now = time.time()
    offset = 0.0
    schedule = {
        "earliest_at": datetime.fromtimestamp(now + 600, UTC).isoformat(),
        "latest_at": datetime.fromtimestamp(now + 1200, UTC).isoformat(),
    }
    async with (
        a_gateway(database, tmp_path, clock=lambda: now + offset) as gateway,
        an_office(gateway) as office,
    ):
        campaign = await office.sent(numbers(60), {"schedule": schedule})
        await gateway.campaigns.rounds.once()
        assert gateway.queue.taken == []
        offset = 601
        await gateway.campaigns.rounds.once()
        fed = len(gateway.queue.taken)
        assert 0 < fed < 60
        offset = 1201
        await gateway.campaigns.rounds.once()
        await end_all(gateway, campaign["campaign_id"])
        await gateway.campaigns.rounds.once()
        assert len(gateway.queue.taken) == fed
        assert (await office.find(campaign))["state"] == "completed"
        states = Counter(row["state"] for row in await office.result(campaign))
        assert states == {"ended": fed, "expired": 60 - fed}
        progress = (await office.find(campaign))["progress"]
        assert (progress["pending"], progress["ended"], progress["expired"]) == (0, fed, 60 - fed)
        assert_it_adds_up(progress)


async def test_a_campaign_that_cannot_go_on_harms_no_other(office: Office) -> None:
    """What nobody foresaw pauses the campaign in which it happened, says so, and the others go on."""
    odd = await office.sent(numbers(1))
    good = await office.sent(a_csv(number(5)))
    feeder = office.gateway.campaigns.rounds._hands.feeder
    feed = feeder.feed

    async def broken(campaign: Any) -> None:
        if campaign.id == odd["campaign_id"]:
            raise ZeroDivisionError
        await feed(campaign)

    feeder.feed = broken  # type: ignore[method-assign]
    await office.gateway.campaigns.rounds.once()
    assert (await office.find(odd))["paused_why"] == "fault"
    assert len(await office.gateway.calls_of(good["campaign_id"])) == 1


@pytest.mark.parametrize(
    ("states", "room"),
    [
        ({}, 24),
        ({"queued": 20}, 4),
        ({"queued": 30}, 0),
        ({"rescheduled": 9_990, "scheduled": 0}, 10),
        ({"rescheduled": 20_000}, 0),
        ({"ended": 50_000, "in_progress": 40, "queued": 3}, 21),
    ],
)
def test_how_many_more(states: dict[str, int], room: int) -> None:
    """What could be made at once is kept short; what waits for a better hour does not block the file."""
    assert LookAhead.at(1.0).room(Counts(states)) == room


@pytest.mark.parametrize(("concurrency", "room"), [(1, 4), (5, 12), (500, 24), (None, 24)])
def test_few_wait_for_few(concurrency: int | None, room: int) -> None:
    """A campaign that may have few calls at once keeps few waiting: others wait in the same queue."""
    assert LookAhead.at(1.0).room(Counts(), concurrency) == room


async def test_the_reasons_are_counted(office: Office) -> None:
    """Progress counts calls by state and by reason."""
    campaign = await office.sent(numbers(4))
    await office.gateway.campaigns.rounds.once()
    first, second, *_ = office.gateway.queue.taken
    await office.gateway.end(first, EndedReason.BLOCKED_DO_NOT_CALL)
    await office.gateway.end(second, EndedReason.BLOCKED_CONSENT)
    progress = (await office.find(campaign))["progress"]
    assert progress["states"] == {"ended": 2, "queued": 2}
    assert progress["reasons"] == {"blocked_do_not_call": 1, "blocked_consent": 1}
    assert (progress["total"], progress["waiting"], progress["pending"]) == (4, 2, 0)
    assert_it_adds_up(progress)


async def test_a_call_on_its_way_into_the_books_is_waited_for(office: Office) -> None:
    """A row that is a call which the books do not know yet keeps the campaign open."""
    campaign = await office.sent(numbers(1))
    await office.gateway.campaigns.rows.fed(campaign["campaign_id"], [(1, "f" * 32)], time.time())
    await office.gateway.campaigns.rounds.once()
    assert (await office.find(campaign))["state"] == "running"
