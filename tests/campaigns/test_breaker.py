"""A campaign whose calls fail is paused, and says why."""

import time
from typing import Any

import pytest

from frontdesk.calls.tables import attempts
from frontdesk.campaigns.breaker import EndedAttempt, verdict
from frontdesk.campaigns.settings import CircuitBreaker
from frontdesk.campaigns.tables import campaigns
from frontdesk.engine.tables import dial_slots
from tests.campaigns.campaign_office import Office, numbers

RULE = CircuitBreaker()


def ended(*reasons: tuple[str, bool, int]) -> list[EndedAttempt]:
    """Attempts: reason, whether it failed, how many."""
    return [EndedAttempt(f"c{n}", failed, reason) for reason, failed, count in reasons for n in range(count)]


@pytest.mark.parametrize(
    ("attempts", "paused"),
    [
        (ended(), False),
        (ended(("bot_crashed", True, 9)), False),
        (ended(("bot_crashed", True, 10)), True),
        (ended(("bot_crashed", True, 5), ("busy", False, 5)), True),
        (ended(("bot_crashed", True, 5), ("busy", False, 6)), False),
        (ended(("no_answer", False, 400)), False),
        (ended(("capacity", True, 400)), False),
        (ended(("service_failed", True, 10), ("capacity", True, 400), ("busy", False, 9)), True),
    ],
)
def test_when_it_pauses(attempts: list[EndedAttempt], *, paused: bool) -> None:
    """Half of at least ten ended attempts must have failed; that every bot was busy counts nothing."""
    assert (verdict(attempts, RULE) is not None) is paused


def test_it_can_be_switched_off() -> None:
    """A campaign may go on whatever happens, if somebody says so."""
    assert verdict(ended(("bot_crashed", True, 99)), CircuitBreaker(enabled=False)) is None


async def fail(office: Office, campaign: dict[str, Any], count: int, *, failed: bool = True) -> None:
    """Let as many calls of a campaign end their first attempt."""
    calls = await office.gateway.calls_of(campaign["campaign_id"])
    await end(office, campaign, [(call["id"], 1) for call in calls[:count]], failed=failed)


async def fail_again(
    office: Office, campaign: dict[str, Any], numbers: range, reason: str = "service_failed", ago_s: float = 0
) -> None:
    """Let these attempts of a campaign's first call end, some seconds ago."""
    call, *_ = await office.gateway.calls_of(campaign["campaign_id"])
    await end(office, campaign, [(call["id"], number) for number in numbers], reason=reason, ago_s=ago_s)


async def end(
    office: Office,
    campaign: dict[str, Any],
    tries: list[tuple[str, int]],
    *,
    failed: bool = True,
    reason: str = "service_failed",
    ago_s: float = 0,
) -> None:
    """Let attempts end: call id and number."""
    now = time.time() - ago_s
    slot = {
        "organization_id": campaign["organization_id"],
        "campaign_id": campaign["campaign_id"],
        "callee": "somebody",
        "taken_at": now - 1,
        "released_at": now,
        "failed": failed,
    }
    slots = [slot | {"call_id": call_id, "attempt": number} for call_id, number in tries]
    ended = {"ended_reason": reason, "dials": []}
    async with office.gateway.database.writer() as connection:
        await connection.execute(dial_slots.insert(), slots)
        await connection.execute(
            attempts.insert(), [ended | {"call_id": call_id, "number": number} for call_id, number in tries]
        )


async def test_it_pauses_and_says_why(office: Office) -> None:
    """Paused, the campaign names how many failed, for which reasons, and calls to look at."""
    campaign = await office.sent(numbers(60))
    await office.gateway.campaigns.rounds.once()
    await fail(office, campaign, 12)
    fed = len(office.gateway.queue.taken)
    await office.gateway.campaigns.rounds.once()
    found = await office.find(campaign)
    assert (found["state"], found["paused_why"]) == ("paused", "calls_fail")
    told = (await office.log(campaign))[-1]
    assert told["what"] == "paused"
    assert (told["data"]["failed"], told["data"]["of"]) == (12, 12)
    assert told["data"]["reasons"] == {"service_failed": 12}
    assert len(told["data"]["calls"]) == 5
    assert len(office.gateway.queue.taken) == fed


async def test_resumed_it_forgets(office: Office) -> None:
    """What failed before a campaign was resumed does not pause it again."""
    campaign = await office.sent(numbers(60))
    await office.gateway.campaigns.rounds.once()
    await fail(office, campaign, 12)
    await office.until(campaign, "paused")
    await office.ask("POST", f"/campaigns/{campaign['campaign_id']}/resume")
    await office.gateway.campaigns.rounds.once()
    assert (await office.find(campaign))["state"] == "running"


async def test_callees_who_are_not_reached_pause_nothing(office: Office) -> None:
    """Busy lines and phones that nobody answers are no reason to stop."""
    campaign = await office.sent(numbers(60))
    await office.gateway.campaigns.rounds.once()
    await fail(office, campaign, 20, failed=False)
    await office.gateway.campaigns.rounds.once()
    assert (await office.find(campaign))["state"] == "running"


@pytest.mark.parametrize(
    ("least", "count", "paused"), [(501, 501, True), (1000, 999, False), (1000, 1000, True)]
)
async def test_however_many_it_must_be(office: Office, *, least: int, count: int, paused: bool) -> None:
    """As many attempts are looked at as the campaign's rule asks for."""
    campaign = await office.sent(numbers(2), {"circuit_breaker": {"least": least}})
    await office.gateway.campaigns.rounds.once()
    await fail_again(office, campaign, range(1, count + 1))
    await office.gateway.campaigns.rounds.once()
    assert (await office.find(campaign))["state"] == ("paused" if paused else "running")


async def test_busy_bots_hide_no_failures(office: Office) -> None:
    """However many attempts found every bot busy since then, what failed before them counts."""
    campaign = await office.sent(numbers(2))
    await office.gateway.campaigns.rounds.once()
    async with office.gateway.database.writer() as connection:
        await connection.execute(campaigns.update().values(running_since=0.0))
    await fail_again(office, campaign, range(1, 11), ago_s=60)
    await fail_again(office, campaign, range(11, 611), "capacity")
    await office.gateway.campaigns.rounds.once()
    found = await office.log(campaign)
    assert (found[-1]["data"].get("failed"), found[-1]["data"].get("of")) == (10, 10)
