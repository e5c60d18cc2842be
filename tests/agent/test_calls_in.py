"""Whole incoming calls: the real bot on the real dev runner, a simulated caller with a real voice."""

import pytest

from tests.agent.stage import Stage

pytestmark = [pytest.mark.system, pytest.mark.asyncio(loop_scope="module")]


async def test_a_caller_is_greeted_and_told_the_opening_hours(stage: Stage) -> None:
    """A caller hears the fixed greeting first, asks for the hours, gets them, and is said goodbye to."""
    record, call_id = await stage.call_in(
        ["What are your opening hours?", "That is all, goodbye."], stays=True
    )
    await stage.over(record)
    heard = " ".join(record.said("heard")).lower()

    assert heard.startswith("hello, this is bright smile dental")
    assert "open" in heard
    assert heard.rstrip(".").endswith("goodbye")
    assert await stage.bot.ended(call_id) == "bot_hangup"
