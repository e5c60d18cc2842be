"""What happens between a call's turn and its bot, in real books on both databases."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from loguru import logger
from sqlalchemy import select

from frontdesk.calls.models import Data, Fact, GatewayFact, NewCall, Source
from frontdesk.calls.plan import OnBlocked, Plan
from frontdesk.ended import EndedReason
from frontdesk.engine.queue import Again
from frontdesk.engine.tables import dial_slots
from frontdesk.errors import BotCapacityError, DatabaseUnavailableError, LaunchRejectedError
from frontdesk.gate.answers import Answer, Later, No, Yes
from frontdesk.launch.service import Launched
from frontdesk.storage.database import Database
from tests.engine.placing_town import Gateway, Town, accepted, organizations
from tests.engine.waiting import NOW, NUMBER, ORGANIZATION, WIDE, call_out, live_slots

QUIET = EndedReason.BLOCKED_QUIET_HOURS
CLINIC = organizations().by_id(ORGANIZATION)


@pytest.fixture
def town(database: Database, tmp_path: Path) -> Town:
    return Town(database, tmp_path)


@pytest.fixture
async def gateway(town: Town) -> AsyncIterator[Gateway]:
    async with town.gateway() as running:
        yield running


def hang_up(call: NewCall) -> Fact:
    """Somebody calls the call off."""
    return Fact(call.id, "hang_up", Source.GATEWAY, GatewayFact.HANG_UP, NOW, 0, {"why": "canceled"})


async def test_a_call_whose_turn_has_come_gets_a_bot_that_knows_all(town: Town, gateway: Gateway) -> None:
    """The bot is told what the call was accepted with, the attempt is open, its slot taken, somebody told."""
    told: list[tuple[str, Launched]] = []
    gateway.placing.on_launched(lambda call_id, launched: told.append((call_id, launched)))
    call = await accepted(gateway, patient_id="p-7", metadata={"crm": 1})
    assert await gateway.place(call.id) is None
    (bot,) = town.bots
    request = bot.call
    assert request.line.phone_number == call.to_number  # type: ignore[union-attr]
    assert (request.patient_id, request.metadata) == ("p-7", {"crm": 1})
    assert request.variables == {"first_name": "Ada"}
    assert request.patient_data == {"birthday": "1980-01-01"}
    assert request.limits.dial_attempts == 2
    assert told[0][0] == call.id
    known = await gateway.ledger.load(call.id)
    assert known is not None
    assert known.state.attempts[0].owner == "one"
    assert known.state.attempts[0].bot_started_at == NOW
    assert await gateway.admission.holds(call.id, 1)


async def test_a_call_that_was_called_off_is_not_placed(
    town: Town, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Called off before its turn or while the CRM is asked, it gets no bot and keeps no slot."""
    before, meanwhile = await accepted(gateway), await accepted(gateway)
    await gateway.ledger.record(hang_up(before))
    assert await gateway.place(before.id) is None

    async def slow_crm(*_: object) -> Answer:
        await gateway.ledger.record(hang_up(meanwhile))
        return Yes()

    monkeypatch.setattr(town.gate, "ask_crm", slow_crm)
    assert await gateway.place(meanwhile.id) is None
    assert town.bots == []
    assert await live_slots(town.database) == 0


async def test_what_the_gate_says_is_written_down(town: Town, gateway: Gateway) -> None:
    """Later puts the call off until then, no ends it, each with its reason; nobody holds a slot."""
    late, never = await accepted(gateway), await accepted(gateway)
    town.gate.answers.append(Later(QUIET, NOW + 3600))
    assert await gateway.place(late.id) == Again(NOW + 3600)
    town.gate.answers.append(No(EndedReason.BLOCKED_DO_NOT_CALL, next_allowed_at=None))
    assert await gateway.place(never.id) is None
    waiting = await gateway.ledger.load(late.id)
    ended = await gateway.ledger.load(never.id)
    assert waiting is not None
    assert waiting.state.waiting is not None
    assert (waiting.state.waiting.why, waiting.state.waiting.at) == (QUIET, NOW + 3600)
    assert ended is not None
    assert ended.state.ended_reason is EndedReason.BLOCKED_DO_NOT_CALL
    assert await gateway.place(late.id, 1, 1) == Again(NOW + 3600)
    assert await live_slots(town.database) == 0


async def test_the_rules_are_asked_again_after_a_long_wait_for_a_slot(tmp_path: Path, town: Town) -> None:
    """A call that waits 10 s for its turn to dial is not dialed when the hour has passed meanwhile."""
    town.ceilings = replace(WIDE, dial_starts_per_s=0.1)
    async with town.gateway() as gateway:
        first, second = await accepted(gateway), await accepted(gateway)
        await gateway.place(first.id)
        asked = town.gate.asked
        placing = asyncio.create_task(gateway.place(second.id))
        while town.gate.asked == asked:
            await asyncio.sleep(0)
        town.gate.answers.append(Later(QUIET, NOW + 3600))
        assert await placing == Again(NOW + 3600)
        assert town.clock.now >= NOW + 10
    assert len(town.bots) == 1


async def test_a_paused_campaign_holds_its_calls(town: Town, gateway: Gateway) -> None:
    """Paused before the turn or while a slot was waited for, the call goes back into the queue."""
    call = await accepted(gateway, campaign_id="c")
    for why in (["campaign_paused"], [None, "campaign_paused"]):
        town.holds.why.extend(why)
        again = await gateway.place(call.id)
        assert again is not None
        assert NOW < again.at <= NOW + 60
        assert await live_slots(town.database) == 0
    assert await gateway.place(call.id, 1, 2) is None
    assert len(town.bots) == 1


async def test_calls_of_a_paused_campaign_come_back_one_after_another(town: Town, gateway: Gateway) -> None:
    """However many are held, the queue has little to do with them; the first of them comes back soon."""
    calls = [await accepted(gateway, campaign_id="c") for _ in range(5)]
    times = []
    for _ in range(80):
        for call in calls:
            town.holds.why.append("campaign_paused")
            again = await gateway.place(call.id)
            assert again is not None
            times.append(again.at)
    assert times[0] == NOW + 15
    assert all(after - before >= 0.04 for before, after in pairwise(times))


async def test_who_waits_for_capacity_goes_back_after_a_while(tmp_path: Path, town: Town) -> None:
    """With everything full for 20 s, the worker is free again and the call comes back soon."""
    town.ceilings = replace(WIDE, capacity=2, incoming_reserve=1)
    async with town.gateway() as gateway:
        talking, waiting = await accepted(gateway), await accepted(gateway)
        await gateway.place(talking.id)
        again = await gateway.place(waiting.id)
        assert again is not None
        assert NOW + 20 <= again.at <= NOW + 25
        known = await gateway.ledger.load(waiting.id)
        assert known is not None
        assert known.state.waits_for(1)
        await gateway.ledger.record(hang_up(talking), failed(talking))
        assert await gateway.place(waiting.id, 1, 1) is None
    assert len(town.bots) == 2


def failed(call: NewCall) -> Fact:
    """The first attempt got no bot, and none follows."""
    data: Data = {"code": "x", "reason": "bot_start_failed", "final": True, "ambiguous": False}
    kind = GatewayFact.LAUNCH_FAILED
    return Fact(call.id, "launch_failed:1", Source.GATEWAY, kind, NOW + 1, 1, data)


@pytest.mark.parametrize("on_blocked", list(OnBlocked))
async def test_a_number_that_was_called_enough_waits_or_ends(
    town: Town, on_blocked: OnBlocked, tmp_path: Path
) -> None:
    """The second call to a number within a day is put off until it is allowed, or ends, as the plan says."""
    town.rules = True
    plan = Plan(earliest_at=NOW, latest_at=NOW + 7 * 86_400, on_blocked=on_blocked)
    async with town.gateway() as gateway:
        first, second = await accepted(gateway, plan=plan), await accepted(gateway, plan=plan)
        await gateway.place(first.id)
        again = await gateway.place(second.id)
        known = await gateway.ledger.load(second.id)
        assert known is not None
        if on_blocked is OnBlocked.END:
            assert again is None
            assert known.state.ended_reason is EndedReason.BLOCKED_FREQUENCY
        else:
            assert again == Again(NOW + 86_400)
            assert known.state.waiting is not None
            assert known.state.waiting.why == EndedReason.BLOCKED_FREQUENCY
    assert len(town.bots) == 1


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"organization_id": str(uuid.uuid4())}, "unknown_organization"),
        ({"workflow": "gone"}, "unknown_workflow"),
        ({"line": {}, "to_number": None}, "erased"),
    ],
)
async def test_a_call_that_nobody_can_make_any_more_ends(
    gateway: Gateway, changes: dict[str, object], detail: str
) -> None:
    """Its organization or workflow is no more, or its number was erased: it ends and says so."""
    call = await accepted(gateway, **changes)
    assert await gateway.place(call.id) is None
    known = await gateway.ledger.load(call.id)
    assert known is not None
    assert known.state.ended_reason is EndedReason.BOT_START_FAILED
    assert known.state.ended_detail == detail


async def test_a_call_that_the_books_do_not_know_yet_is_looked_at_again(gateway: Gateway) -> None:
    """Another gateway may have it in its spool; in the end the queue may forget it."""
    stranger = call_out()
    assert await gateway.place(stranger.id) == Again(NOW + 1)
    assert await gateway.place(stranger.id, 1, 1000) is None


@pytest.mark.parametrize("error", [DatabaseUnavailableError(), KeyError("x")])
async def test_trouble_of_ours_brings_the_call_back_later(
    town: Town, gateway: Gateway, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Whatever breaks, the queue gets a time for the next turn, and the call is placed then."""
    call = await accepted(gateway)

    async def broken(*_: object) -> object:
        raise error

    monkeypatch.setattr(gateway.placing._permission, "_wanted", broken)
    again = await gateway.place(call.id)
    assert again is not None
    monkeypatch.undo()
    await town.finish(gateway, call.id, (again.at, 1, 1))
    assert len(town.bots) == 1


async def test_after_its_latest_time_a_call_is_not_placed(town: Town, gateway: Gateway) -> None:
    """A turn that comes too late does nothing; the call's life ends it."""
    call = await accepted(gateway, plan=Plan(earliest_at=NOW, latest_at=NOW + 60))
    town.clock.now += 60
    assert await gateway.place(call.id) is None
    assert town.bots == []
    state = await town.finish(gateway, call.id)
    assert state.ended_reason is EndedReason.EXPIRED


async def test_neither_log_nor_slot_holds_a_number_or_a_name(
    town: Town, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong with a placement, who is called stays in the books of the call alone."""
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), level="TRACE", format="{message} {extra}")
    town.failures.extend([BotCapacityError(), LaunchRejectedError(), RuntimeError(NUMBER)])
    try:
        for _ in range(4):
            await gateway.place((await accepted(gateway)).id)
        monkeypatch.setattr(gateway.admission, "take", failing(RuntimeError(NUMBER)))
        town.clock.now += 60
        await gateway.place((await accepted(gateway, created_at=town.clock.now)).id)
    finally:
        logger.remove(sink)
    async with town.database.reader() as connection:
        slots = str((await connection.execute(select(dial_slots))).all())
    assert lines
    assert not [word for word in (NUMBER, NUMBER[2:], "Ada") if word in "".join(lines) + slots]


def failing(error: Exception) -> Callable[..., Awaitable[None]]:
    """Something that only raises."""

    async def fail(*_: object) -> None:
        raise error

    return fail
