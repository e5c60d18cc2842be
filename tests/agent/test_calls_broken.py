"""Whole calls in which something breaks, or somebody falls silent; pipecat's deprecations are errors."""

import asyncio

import pytest

from frontdesk.simulator.faults.plan import EndpointFault
from frontdesk.simulator.phone.people import Person
from frontdesk.simulator.vendors import cartesia_context
from frontdesk.simulator.vendors.behavior import Behavior, VendorName
from frontdesk.simulator.vendors.cartesia_messages import Message, done
from tests.agent.stage import Stage

pytestmark = [pytest.mark.system, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def bot_variables() -> dict[str, str]:
    """A caller who is not yet heard, or pauses while the machine stalls, is not taken for a silent one."""
    return {"CALLER_IDLE_S": "6"}


@pytest.fixture(scope="module")
def bot_program() -> str:
    """All of these calls run with pipecat's deprecations as errors."""
    return "tests/agent/strict_bot.py"


async def test_a_silent_caller_is_asked_once_and_then_said_goodbye_to(stage: Stage) -> None:
    """Silence is answered with one question and then with a goodbye."""
    record, call_id = await stage.call_in([{"wait": 60}], patience_s=60)
    assert await stage.bot.ended(call_id) == "silence"
    await stage.over(record)
    heard = [line.lower().rstrip(".?") for line in record.said("heard")]
    assert sum("still there" in line for line in heard) == 1
    assert heard[-1].endswith("goodbye")


async def test_a_call_that_takes_too_long_ends_with_a_goodbye(stage: Stage) -> None:
    """The longest duration holds, politely."""
    stage.overrides = {"limits": {"max_duration_s": 10}}
    script = ["What are your opening hours?", {"wait": 1.0}, "What are your opening hours?", {"wait": 60}]
    record, call_id = await stage.call_in(script, patience_s=60)
    reason = await stage.bot.ended(call_id)
    await stage.over(record)
    assert reason == "max_duration"
    assert record.said("heard")[-1].lower().rstrip(".").endswith("goodbye")


@pytest.mark.parametrize("vendor", ["deepgram", "openai"])
async def test_a_vendor_that_refuses_us_ends_the_call_with_an_apology(
    stage: Stage, vendor: VendorName
) -> None:
    """As long as the voice works, the caller hears an apology instead of silence."""
    stage.world.vendors.behaviors[vendor] = Behavior(trouble="refuse", refuse_status=401)
    record, call_id = await stage.call_in(["What are your opening hours?"], stays=True, patience_s=60)
    service = {"deepgram": "stt", "openai": "llm"}[vendor]
    assert await stage.bot.ended(call_id) == f"service_failed {service}"
    await stage.over(record)
    assert "something is wrong" in " ".join(record.said("heard")).lower()


async def test_a_voice_that_refuses_us_ends_the_call(stage: Stage) -> None:
    """A bot that cannot speak does not hold the line."""
    stage.world.vendors.behaviors["cartesia"] = Behavior(trouble="refuse", refuse_status=401)
    _, call_id = await stage.call_in([{"wait": 60}], hold_patience_s=60, patience_s=60)
    assert (await stage.bot.ended(call_id)).startswith("service_failed tts")


async def test_a_voice_that_says_nothing_ends_the_call(stage: Stage) -> None:
    """Text to speech that takes everything and gives nothing is noticed by the missing first word."""
    stage.world.vendors.behaviors["cartesia"] = Behavior(trouble="silence")
    _, call_id = await stage.call_in([{"wait": 60}], patience_s=60)
    assert (await stage.bot.ended(call_id)).startswith("service_failed tts")


async def test_nobody_is_called_by_a_bot_that_cannot_hear(stage: Stage) -> None:
    """A dial-out whose speech to text is refused rings nobody for long, and says why it ended."""
    stage.world.vendors.behaviors["deepgram"] = Behavior(trouble="refuse", refuse_status=401)
    number = "+14155550161"
    call_id = await stage.call_out(Person(ring_s=30), number)
    assert await stage.bot.ended(call_id) == "service_failed stt"
    assert "greeting" not in stage.bot.steps(call_id)


async def test_a_language_model_that_fails_once_is_asked_again(stage: Stage) -> None:
    """One failed answer costs a moment, not the call."""
    stage.world.faults.add(EndpointFault(route="/openai/v1/chat/completions", status=500, times=3))
    record, call_id = await stage.call_in(
        ["What are your opening hours?", "That is all, goodbye."], stays=True
    )
    await stage.over(record)
    assert await stage.bot.ended(call_id) == "bot_hangup"
    assert "open from" in " ".join(record.said("heard")).lower()


async def test_a_language_model_that_hangs_ends_the_call_with_an_apology(stage: Stage) -> None:
    """A model that takes every question and answers none does not leave the caller in silence for an hour."""
    stage.world.vendors.behaviors["openai"] = Behavior(trouble="silence")
    record, call_id = await stage.call_in(["What are your opening hours?", {"wait": 60}], patience_s=90)
    # Two waits of 12 s for the model are in it, beside greeting and question.
    assert await stage.bot.ended(call_id, deadline_s=90) == "service_failed llm"
    await stage.over(record)
    assert "something is wrong" in " ".join(record.said("heard")).lower()


async def test_a_caller_is_greeted_while_speech_to_text_is_still_out_of_reach(stage: Stage) -> None:
    """A vendor whose handshake hangs holds up neither the greeting nor, once it answers, the conversation."""
    stage.world.faults.add(EndpointFault(method="WS", route="/deepgram*", latency_ms=12_000, times=1))
    record, call_id = await stage.call_in([{"wait": 15}, "That is all, goodbye."], stays=True, patience_s=60)
    await stage.over(record)
    assert await stage.bot.ended(call_id) == "bot_hangup"
    spoken = next(event.ms for event in record.timeline if event.event == "first_bot_audio")
    assert spoken < 10_000


async def test_a_greeting_that_came_to_nothing_is_said_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A voice that fails for a moment costs the caller a moment, not the greeting and the call."""
    voice = stage.world.vendors.behaviors["cartesia"]
    voice.trouble = "silence"

    def last_of_it(context_id: str) -> Message:
        # All of the first greeting is lost, whatever the bot does about that comes seconds later.
        asyncio.get_running_loop().call_soon(setattr, voice, "trouble", "none")
        return done(context_id)

    monkeypatch.setattr(cartesia_context, "done", last_of_it)
    record, call_id = await stage.call_in(["That is all, goodbye."], stays=True, patience_s=60)
    await stage.bot.line(rf"{call_id} .*step service_error .*service=tts")
    await stage.over(record)
    assert await stage.bot.ended(call_id) == "bot_hangup"
    assert record.said("heard")[0].lower().startswith("hello, this is bright smile dental")


async def test_no_deprecated_name_of_pipecat_is_used(stage: Stage) -> None:
    """A whole call goes through although a deprecated name of pipecat would raise."""
    record, call_id = await stage.call_in(
        ["What are your opening hours?", "That is all, goodbye."], stays=True
    )
    await stage.over(record)
    assert await stage.bot.ended(call_id) == "bot_hangup"
    assert not [line for line in stage.bot.lines if "deprecated" in line]
