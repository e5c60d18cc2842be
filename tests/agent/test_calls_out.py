"""Whole outgoing calls: the real bot on the real dev runner, simulated callees with real voices."""

import pytest

from frontdesk.simulator.people import Outcome, Person
from tests.agent.stage import Stage

pytestmark = [pytest.mark.system, pytest.mark.asyncio(loop_scope="module")]
CALLEE = "+14155550187"


async def test_busy_then_no_answer_then_answered_within_one_session(stage: Stage) -> None:
    """One session dials until somebody picks up, greets only then, and rings nobody afterwards."""
    person = Person(
        outcomes=[Outcome.BUSY, Outcome.NO_ANSWER, Outcome.ANSWER],
        script=["Yes, it is. What are your opening hours?", "That is all, goodbye."],
        stays=True,
    )
    call_id = await stage.call_out(person, CALLEE, limits={"ring_timeout_s": 5})
    records = await stage.outgoing(CALLEE, 3)
    await stage.over(records[2])
    assert [record.outcome for record in records[:2]] == ["busy", "no_answer"]
    heard = " ".join(records[2].said("heard")).lower()
    assert heard.startswith("hello, this is bright smile dental calling")
    assert await stage.bot.ended(call_id) == "bot_hangup"
    assert len(await stage.outgoing(CALLEE, 3)) == 3
    steps = stage.bot.steps(call_id)
    assert steps.index("greeting") > steps.index("answered")
