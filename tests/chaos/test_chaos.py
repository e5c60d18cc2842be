"""The short form of `make chaos`: kills, crashes and troubles, and nothing is lost."""

import secrets

import pytest

from tests.chaos import leaks, outreach
from tests.chaos.outreach import Outreach
from tests.chaos.trial import DatabaseKind, Trial, run

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(660),
]  # what does not settle is told after 3 min


@pytest.mark.parametrize(("database", "gateways"), [("sqlite", 1), ("postgres", 2)])
async def test_every_call_ends_exactly_once_whatever_dies(database: DatabaseKind, gateways: int) -> None:
    """Gateways and bot hosts are killed, Daily's events go astray, the CRM fails, and no call is lost."""
    outcome = await run(Trial(secrets.randbelow(1_000_000), database, gateways=gateways, up_s=(1.0, 4.0)))
    assert outcome.wrong == [], str(outcome)
    assert outcome.log.kills >= 4


@pytest.mark.parametrize(("database", "gateways"), [("sqlite", 1), ("postgres", 2)])
async def test_every_call_out_comes_to_what_its_callee_does(database: DatabaseKind, gateways: int) -> None:
    """Gateways die, one for good, patients call in: no call out is lost or doubled, no limit is passed."""
    outcome = await outreach.run(Outreach(secrets.randbelow(1_000_000), database, gateways=gateways))
    assert outcome.wrong == [], str(outcome)
    assert outcome.log.kills >= 4


async def test_the_gateway_holds_nothing_of_calls_that_are_over() -> None:
    """Open files, tasks and memory are after many calls in and out what they were after the first."""
    audit = await leaks.audit(40, warm_up=20, idle_s=2)
    assert audit.wrong == [], str(audit)
