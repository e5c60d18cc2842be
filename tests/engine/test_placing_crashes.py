"""Gateways that die while they place a call, at every moment at which they touch anything."""

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from frontdesk.calls.plan import Plan
from frontdesk.calls.state import CallState
from frontdesk.ended import EndedReason
from frontdesk.engine.tables import dial_slots
from frontdesk.errors import BotCapacityError, LaunchRejectedError, LaunchTimeoutError
from frontdesk.gate.answers import Later, No
from frontdesk.storage.database import Database
from tests.engine.placing_town import Doom, Gateway, Killed, Town, accepted
from tests.engine.waiting import NOW

Script = Callable[[Town], None]
QUIET = EndedReason.BLOCKED_QUIET_HOURS


def nothing(_: Town) -> None:
    """Everybody says yes."""


def later(town: Town) -> None:
    """First it is too late in the evening."""
    town.gate.answers.append(Later(QUIET, town.clock.now + 3600))


def later_with_a_slot(town: Town) -> None:
    """Trouble of the CRM's line, once."""
    town.gate.crm.append(Later("crm_away", town.clock.now + 10))


def paused(town: Town) -> None:
    """The campaign is paused while its call has a slot."""
    town.holds.why.extend((None, "campaign_paused"))


def full(town: Town) -> None:
    """The first host has no room."""
    town.failures.append(BotCapacityError(retry_after_s=7))


def ambiguous(town: Town) -> None:
    """The host does not answer in time."""
    town.failures.append(LaunchTimeoutError())


def refused(town: Town) -> None:
    """The CRM says no, whoever asks."""
    town.gate.crm.extend([No(EndedReason.BLOCKED_CRM)] * 9)


def rejected(town: Town) -> None:
    """The host refuses such requests, whoever sends them."""
    town.failures.extend([LaunchRejectedError()] * 9)


async def at_every_moment(town: Town, script: Script, check: Callable[[Town, CallState], None]) -> int:
    """Kill a gateway at each moment in turn; another one finishes the call. How many moments there were."""
    async with town.gateway("heir") as heir:
        for moment in itertools.count(1):
            if await _die_and_finish(town, heir, script, moment, check):
                return moment - 1
    raise AssertionError


async def _die_and_finish(
    town: Town, heir: Gateway, script: Script, moment: int, check: Callable[[Town, CallState], None]
) -> bool:
    name, doom = f"mortal-{moment}", Doom(moment)
    now = town.clock.now
    _forget(town)
    script(town)
    plan = Plan(earliest_at=now, latest_at=now + 86_400)
    call = await accepted(heir, created_at=now, campaign_id="c", plan=plan)
    async with town.gateway(name, doom) as mortal:
        known = []
        try:
            again = await mortal.dies_over(call.id, 1, 0)
            known = [] if again is None else [(again.at, 1, 1)]
        except (Killed, asyncio.CancelledError):  # who waits in a line dies with whoever asks for all
            known = [(now, 1, 0)]
        town.dead.add(name)
        state = await town.finish(heir, call.id, *known)
    await town.claim(heir.ledger, call.id)
    loaded = await heir.ledger.load(call.id)
    assert loaded is not None
    assert sum(bool(one.claimed_by) for one in loaded.state.attempts) <= 1
    await _check_slots(town, loaded.state)
    check(town, state)
    return doom.passed < moment


def _forget(town: Town) -> None:
    for script in (town.gate.answers, town.gate.crm, town.holds.why, town.failures):
        script.clear()


async def _check_slots(town: Town, state: CallState) -> None:
    """Exactly the attempts that are open have a slot that is live."""
    query = select(dial_slots.c.attempt).where(
        dial_slots.c.call_id == state.id, dial_slots.c.released_at.is_(None)
    )
    async with town.database.reader() as connection:
        live = set(await connection.scalars(query))
    assert live == {one.number for one in state.attempts if one.opened_at is not None and one.over is None}


def one_bot_dials(town: Town, state: CallState) -> None:
    """The call was placed, at most one bot in vain, and without waiting for one that never came."""
    assert not [one for one in state.attempts if one.over and one.launch_failed is None]
    (dialing,) = (attempt for attempt in state.attempts if attempt.claimed_by)
    assert dialing.over is None
    bots = [bot for bot in town.bots if bot.call.call_id == state.id]
    assert 1 <= len(bots) <= 2


def ended_by(reason: EndedReason) -> Callable[[Town, CallState], None]:
    """The call ended for this reason, and no bot ever dialed."""

    def check(town: Town, state: CallState) -> None:
        assert state.ended_reason is reason
        assert not [bot for bot in town.bots if bot.call.call_id == state.id]

    return check


@pytest.mark.parametrize(
    ("script", "check", "moments"),
    [
        (nothing, one_bot_dials, 20),
        (later, one_bot_dials, 8),
        (later_with_a_slot, one_bot_dials, 16),
        (paused, one_bot_dials, 14),
        (full, one_bot_dials, 22),
        (ambiguous, one_bot_dials, 20),
        (refused, ended_by(EndedReason.BLOCKED_CRM), 16),
        (rejected, ended_by(EndedReason.BOT_START_FAILED), 20),
    ],
)
async def test_whenever_a_gateway_dies_the_call_is_placed_once(
    database: Database,
    tmp_path: Path,
    script: Script,
    check: Callable[[Town, CallState], None],
    moments: int,
) -> None:
    """Killed at any moment, its work done again by another one: one bot dials, no slot is lost or double."""
    town = Town(database, tmp_path)
    assert await at_every_moment(town, script, check) >= moments
    assert town.clock.now >= NOW
