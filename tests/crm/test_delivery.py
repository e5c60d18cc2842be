"""Events reach the CRM at least once, by the schedule of Standard Webhooks."""

import asyncio
import time
from dataclasses import replace
from email.utils import formatdate

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from frontdesk.crm.schedule import SCHEDULE_S, Pace
from frontdesk.crm.service import Crm
from frontdesk.storage.database import Database
from tests.crm.receiver import ENDLESS, HANG, RESET, Receiver, answer
from tests.crm.world import (
    OLD_SECRET,
    ORGANIZATION,
    QUICK,
    SECRET,
    TYPES,
    Clock,
    Tried,
    deliveries,
    endpoint,
    endpoints,
    gateway,
    new_call,
    reached,
    standing,
    tell,
    tries,
)

FROZEN = replace(QUICK, schedule_s=SCHEDULE_S, claim_s=40)
HASTY_S = 2.0


async def test_an_event_arrives_signed(database: Database, receiver: Receiver) -> None:
    """The `standardwebhooks` package verifies what arrives, and the delivery is logged as delivered."""
    async with gateway(database, endpoint(receiver.url)) as crm:
        call = new_call(metadata={"ticket": "T-1"})
        [event] = await tell(database, crm, call, 1)
        [got] = await receiver.wait_for(1)
        [delivery] = await reached(database, "delivered")
    body = Webhook(SECRET).verify(got.raw, got.headers)
    assert got.id == event == body["data"]["event_id"]
    assert body["data"]["metadata"] == {"ticket": "T-1"}
    assert got.headers["content-type"] == "application/json"
    assert (delivery["tries"], delivery["last_status"], delivery["due_at"]) == (1, 204, None)


async def test_both_secrets_are_valid_during_a_rotation(database: Database, receiver: Receiver) -> None:
    """With two secrets, a receiver that knows either one accepts the event; another secret does not fit."""
    async with gateway(database, endpoint(receiver.url, ORGANIZATION, SECRET, OLD_SECRET)) as crm:
        await tell(database, crm, new_call(), 1)
        [got] = await receiver.wait_for(1)
    assert len(got.headers["webhook-signature"].split(" ")) == 2
    assert Webhook(SECRET).verify(got.raw, got.headers) == Webhook(OLD_SECRET).verify(got.raw, got.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "A" * 40).verify(got.raw, got.headers)


@pytest.mark.parametrize("bad", [500, 503, 404, 400, 401, 302, 301, 307, 429, 304])
async def test_anything_but_2xx_is_tried_again(database: Database, receiver: Receiver, bad: int) -> None:
    """An error or a redirect is no success: the same event comes again, and no redirect is followed."""
    receiver.script = [answer(bad, Location=receiver.url + "/elsewhere")]
    async with gateway(database, endpoint(receiver.url)) as crm:
        await tell(database, crm, new_call(), 1)
        await reached(database, "delivered")
    assert [got.path for got in receiver.got] == ["/events", "/events"]
    assert len(set(receiver.ids)) == 1
    assert [row["status"] for row in await tries(database)] == [bad, 204]


@pytest.mark.parametrize(
    ("bad", "error"), [(HANG, "timeout"), (RESET, "broke_off"), (b"what?\r\n\r\n", "bad_answer")]
)
async def test_what_is_no_answer_is_tried_again(
    database: Database, receiver: Receiver, bad: bytes, error: str
) -> None:
    """A time-out, an answer that breaks off and one that is no HTTP are failures, logged in a word."""
    receiver.script = [bad]
    pace = replace(QUICK, timeout_s=HASTY_S) if bad == HANG else QUICK
    async with gateway(database, endpoint(receiver.url), pace=pace) as crm:
        await tell(database, crm, new_call(), 1)
        await reached(database, "delivered")
    assert [row["error"] for row in await tries(database)] == [error, None]


async def test_an_endless_answer_counts_by_its_status(database: Database, receiver: Receiver) -> None:
    """Of an answer only a few kilobytes are read: 200 is a success, however long the body goes on."""
    receiver.script = [ENDLESS]
    async with gateway(database, endpoint(receiver.url), pace=replace(QUICK, timeout_s=30)) as crm:
        await tell(database, crm, new_call(), 1)
        [delivery] = await reached(database, "delivered")
    assert delivery["tries"] == 1


async def test_the_schedule_is_the_specification_s(database: Database, receiver: Receiver) -> None:
    """Nine retries, 5 s to 24 h after one another with up to a tenth more, then the delivery is given up."""
    clock, receiver.otherwise, tried = Clock(), answer(500), Tried(database)
    async with gateway(database, endpoint(receiver.url), pace=FROZEN, clock=clock) as crm:
        await tell(database, crm, new_call(), 1)
        for number, pause in enumerate(SCHEDULE_S, 1):
            due_at = (await tried(number))["due_at"]
            assert pause <= due_at - clock.now <= pause * 1.1
            clock.now = due_at - 1
            crm.deliverer.wake()
            clock.now = due_at
            crm.deliverer.wake()
        await tried(10)
        await reached(database, "failed")
    assert len(receiver.got) == 10
    assert sum(SCHEDULE_S) == 75 * 3600 + 35 * 60 + 5


async def test_nothing_is_tried_before_it_is_due(database: Database, receiver: Receiver) -> None:
    """A second before the retry is due nothing is sent, even when the deliverer is woken for other events."""
    clock, tried = Clock(), Tried(database)
    receiver.script = [answer(500)]
    async with gateway(database, endpoint(receiver.url), pace=FROZEN, clock=clock) as crm:
        [first] = await tell(database, crm, new_call(), 1)
        due_at = (await tried(1))["due_at"]
        clock.now = due_at - 1
        [other] = await tell(database, crm, new_call(), 1)
        await receiver.wait_for(2)
        assert receiver.ids == [first, other]


@pytest.mark.parametrize("asked", ["120", "date"])
async def test_retry_after_is_honored(database: Database, receiver: Receiver, asked: str) -> None:
    """After 429 with Retry-After, in seconds or as a date, nothing goes to that endpoint before then."""
    clock, tried = Clock(), Tried(database)
    header = formatdate(clock.now + 120, usegmt=True) if asked == "date" else asked
    receiver.script = [answer(429, Retry_After=header)]
    async with gateway(database, endpoint(receiver.url), pace=FROZEN, clock=clock) as crm:
        await tell(database, crm, new_call(), 1)
        assert (await tried(1))["due_at"] == clock.now + 120
        clock.now += 60
        await tell(database, crm, new_call(), 1)
        crm.deliverer.wake()
        await asyncio.sleep(0.05)
        assert len(receiver.got) == 1
        clock.now += 60
        crm.deliverer.wake()
        await reached(database, "delivered", "delivered")


async def test_gone_disables_the_endpoint(database: Database, receiver: Receiver) -> None:
    """After 410 nothing is sent any more; what happens later is kept as `disabled`."""
    receiver.script = [answer(410)]
    async with gateway(database, endpoint(receiver.url)) as crm:
        call = new_call()
        await tell(database, crm, call, 1, 2)
        await reached(database, "disabled", "disabled")
        await tell(database, crm, call, 3)
        await reached(database, "disabled", "disabled", "disabled")
    assert len(receiver.got) == 1
    assert (await standing(database))["disabled_why"] == "gone"


async def test_an_endpoint_that_fails_for_five_days_is_disabled(
    database: Database, receiver: Receiver
) -> None:
    """Failures without a success in between disable an endpoint after five days, not before."""
    clock, receiver.otherwise, tried = Clock(), answer(500), Tried(database)
    pace = replace(FROZEN, schedule_s=(3600.0,) * 200)
    began = clock.now
    async with gateway(database, endpoint(receiver.url), pace=pace, clock=clock) as crm:
        await tell(database, crm, new_call(), 1)
        for number in range(1, 4):
            clock.now = (await tried(number))["due_at"] or pytest.fail("given up early")
            crm.deliverer.wake()
        await tried(4)
        clock.now = began + Pace().disable_after_s + 3600
        crm.deliverer.wake()
        await reached(database, "disabled")
    assert (await standing(database))["disabled_why"] == "failing"


async def test_a_success_ends_the_failing(database: Database, receiver: Receiver) -> None:
    """The five days count from the first failure after the last success."""
    receiver.script = [answer(500)]
    async with gateway(database, endpoint(receiver.url)) as crm:
        await tell(database, crm, new_call(), 1)
        await reached(database, "delivered")
    assert (await standing(database))["failing_since"] is None


async def test_only_wanted_types_are_sent(database: Database, receiver: Receiver) -> None:
    """An endpoint with a list of types gets those and nothing else."""
    ends = endpoint(receiver.url, types=frozenset({"call.ended"}))
    async with gateway(database, ends) as crm:
        await tell(database, crm, new_call(), *range(1, len(TYPES) + 1))
        await reached(database, "delivered")
    assert [got.body["type"] for got in receiver.got] == ["call.ended"]


async def test_a_restart_goes_on_with_the_schedule(database: Database, receiver: Receiver) -> None:
    """The second gateway makes the second try when it is due, and counts the first one's."""
    clock, tried = Clock(), Tried(database)
    receiver.script = [answer(500), answer(500)]
    async with gateway(database, endpoint(receiver.url), pace=FROZEN, clock=clock) as crm:
        [event] = await tell(database, crm, new_call(), 1)
        clock.now = (await tried(1))["due_at"]
    async with gateway(database, endpoint(receiver.url), pace=FROZEN, clock=clock):
        delivery = await tried(2)
    assert receiver.ids == [event, event]
    assert delivery["due_at"] - clock.now >= SCHEDULE_S[1]


async def test_a_stopped_gateway_gives_its_claims_back(database: Database, receiver: Receiver) -> None:
    """What was under way when the gateway stopped is due at once, so that the next one need not wait."""
    receiver.script = [HANG]
    pace = replace(QUICK, timeout_s=60, claim_s=90, drain_s=0.05)
    async with gateway(database, endpoint(receiver.url), pace=pace) as crm:
        await tell(database, crm, new_call(), 1)
        await receiver.wait_for(1)
    [delivery] = await deliveries(database)
    assert (delivery["state"], delivery["tries"]) == ("pending", 0)
    assert delivery["due_at"] <= time.time()


async def test_a_killed_gateway_s_claim_runs_out(database: Database, receiver: Receiver) -> None:
    """A delivery that was claimed by a gateway which is gone is tried by the next, as the first try."""
    clock = Clock()
    receiver.script = [HANG]
    killed = gateway(database, endpoint(receiver.url), pace=replace(FROZEN, timeout_s=600), clock=clock)
    async with killed as crm:
        [event] = await tell(database, crm, new_call(), 1)
        await receiver.wait_for(1)
        clock.now += FROZEN.claim_s
        async with gateway(database, endpoint(receiver.url), pace=FROZEN, clock=clock):
            [delivery] = await reached(database, "delivered")
    assert receiver.ids == [event, event]
    assert delivery["tries"] == 1


async def test_a_retry_comes_when_it_is_due(database: Database, receiver: Receiver) -> None:
    """A retry waits for its own time, not for the next poll."""
    receiver.script = [answer(500)] * 3
    async with gateway(database, endpoint(receiver.url), pace=replace(QUICK, poll_s=60)) as crm:
        await tell(database, crm, new_call(), 1)
        await reached(database, "delivered")
    assert len(receiver.got) == 4


async def test_what_another_gateway_left_is_found(database: Database, receiver: Receiver) -> None:
    """Events of a gateway that did not live to deliver them are delivered by another."""
    async with gateway(database, endpoint(receiver.url)) as crm:
        await tell(database, crm, new_call(), 1)
        await reached(database, "delivered")
        dead = Crm(database, endpoints(endpoint(receiver.url)))
        [event] = await tell(database, dead, new_call(), 1)
        await receiver.wait_for(2)
    assert receiver.ids[1] == event
