"""Whole calls out that a machine answers, or somebody who sounds like one."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Literal

import pytest
import pytest_asyncio

from frontdesk.simulator.phone.conduct import plain
from frontdesk.simulator.phone.people import Outcome, Person, Voicemail
from frontdesk.simulator.records.record import Record
from frontdesk.simulator.vendors.behavior import Behavior
from tests.agent.linked import LinkedStage, linked_stage
from tests.agent.stage import DEADLINE_S

pytestmark = [pytest.mark.system, pytest.mark.asyncio(loop_scope="module")]

MESSAGE = "Bright Smile Dental has called about your next visit. Please call us back tomorrow morning."
TOLD = {"expect": "open from", "within_s": 60}
LEAVE = {"voicemail": {"action": "leave_message", "message": MESSAGE}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LinkedStage]:
    folder = tmp_path_factory.mktemp("calls")
    async with linked_stage(folder, {"LOG_LEVEL": "DEBUG"}, "tests/agent/strict_bot.py") as stage:
        yield stage


@pytest_asyncio.fixture(loop_scope="module")
async def stage(opened: LinkedStage) -> AsyncIterator[LinkedStage]:
    """The module's stage, with nothing broken."""
    yield opened
    opened.reset()


async def called(stage: LinkedStage, number: str, person: Person, **more: Any) -> tuple[str, Record]:
    """Call somebody; gives the call's id and the record of their phone, once it has rung."""
    call_id = await stage.call_out(person, number, **more)
    return call_id, (await stage.outgoing(number, 1))[0]


def when(record: Record, event: str) -> list[float]:
    """When something happened at the phone, in milliseconds."""
    return [entry.ms for entry in record.view().timeline if entry.event == event]


def heard_after(record: Record, ms: float) -> str:
    """What was understood of the bot from then on."""
    lines = [line for line in record.view().transcript if line.side == "heard" and line.ms >= ms]
    return " ".join(line.text for line in lines).lower()


def mailbox(**more: Any) -> Person:
    """Somebody whose mailbox answers, and is patient with a bot that thinks."""
    more.setdefault("silence_s", 20)
    return Person(outcomes=[Outcome.VOICEMAIL], ring_s=0.3, voicemail=Voicemail(**more))


LONG = (
    "Hello, you have reached the Miller family. We are out in the garden or away for some days. "
    "Please leave a message after the tone, and we will call you back as soon as we can. Thank you."
)


@pytest.mark.parametrize(
    ("number", "greeting"),
    [
        ("+14155550151", "You have reached my voicemail. Please leave a message after the tone."),
        ("+14155550152", LONG),
        ("+14155550153", "Please leave a message after the beep."),
    ],
    ids=["usual", "long", "short"],
)
async def test_a_message_is_left_after_the_beep(stage: LinkedStage, number: str, greeting: str) -> None:
    """The mailbox records the whole message, as a listener understands it; then the bot hangs up."""
    call_id, record = await called(stage, number, mailbox(greeting=greeting), **LEAVE)
    ended = await stage.fact(call_id, "ended")
    await stage.over(record)
    (beep,) = when(record, "voicemail_beep")
    assert ended.data == {"reason": "voicemail_left"}
    assert (await stage.fact(call_id, "answered_by")).data == {"kind": "voicemail"}
    assert "has called about your next visit please call us back tomorrow morning" in plain(
        heard_after(record, beep)
    )
    assert record.view().outcome != "voicemail_hung_up"


async def test_without_a_message_a_mailbox_is_hung_up_on(stage: LinkedStage) -> None:
    """A voicemail that shall have no message is left as soon as it is known for one."""
    call_id, record = await called(stage, "+14155550154", mailbox())
    ended = await stage.fact(call_id, "ended")
    await stage.over(record)
    assert ended.data == {"reason": "voicemail_no_message"}
    assert record.view().outcome != "voicemail_hung_up"


async def test_a_mailbox_that_is_full_in_mid_message_has_a_part_of_it(stage: LinkedStage) -> None:
    """What the mailbox cut off was left all the same, and the record says so."""
    callee = mailbox()
    call_id, record = await called(stage, "+14155550155", callee, **LEAVE)
    await stage.fact(call_id, "answered_by")
    known_ms = record.now_ms
    async with asyncio.timeout(DEADLINE_S):
        while not any(ms > known_ms for ms in when(record, "bot_speaks")):
            await asyncio.sleep(0.02)
    await asyncio.sleep(1.5)
    callee.voicemail.max_message_s = 0.1
    ended = await stage.fact(call_id, "ended")
    await stage.over(record)
    assert ended.data == {"reason": "voicemail_left", "detail": "cut_off"}


async def test_a_mailbox_that_hangs_up_has_no_message(stage: LinkedStage) -> None:
    """A mailbox that is gone before the first word of the message is no person who hung up."""
    callee = mailbox()
    call_id, record = await called(stage, "+14155550156", callee, **LEAVE)
    await stage.fact(call_id, "answered_by")
    callee.voicemail.max_message_s = 0.1
    ended = await stage.fact(call_id, "ended")
    await stage.over(record)
    assert ended.data == {"reason": "voicemail_no_message", "detail": "hung_up"}


TALKATIVE = (
    "Hello, this is Robert Miller of Miller and Sons, the bakery at the old harbor. We are rather busy "
    "this morning, but go ahead. What can I do for you?"
)


@pytest.mark.parametrize("more", [{}, LEAVE], ids=["hang_up", "leave_message"])
@pytest.mark.parametrize(
    ("number", "hello"),
    [
        ("+14155550157", "Hello?"),
        ("+14155550158", "Yes."),
        ("+14155550159", TALKATIVE),
        ("+14155550160", None),
    ],
    ids=["hello", "short", "long", "silent"],
)
async def test_a_person_is_never_taken_for_a_machine(
    stage: LinkedStage, number: str, hello: str | None, more: dict[str, Any]
) -> None:
    """Whoever answers shortly, at length or not at all is greeted, answered, and hangs up themselves."""
    script = ["What are your opening hours?", TOLD, {"hang_up": True}]
    call_id, record = await called(stage, number, Person(hello=hello, script=script, ring_s=0.3), **more)
    ended = await stage.fact(call_id, "ended")
    await stage.over(record)
    assert ended.data == {"reason": "caller_hangup"}
    assert record.failed_expectations == 0
    assert "hello this is bright smile dental calling" in plain(" ".join(record.said("heard")))
    assert (await stage.fact(call_id, "answered_by")).data == {"kind": "person"}


@pytest.mark.parametrize("trouble", ["refuse", "silence"])
async def test_without_the_language_models_word_it_is_a_person(
    stage: LinkedStage, trouble: Literal["refuse", "silence"]
) -> None:
    """A language model that cannot judge hangs up on nobody, and leaves no message either."""
    number = {"refuse": "+14155550141", "silence": "+14155550143"}[trouble]
    stage.world.vendors.behaviors["openai"] = Behavior(trouble=trouble, refuse_status=500)
    call_id, record = await called(stage, number, mailbox(silence_s=30), **LEAVE)
    assert (await stage.fact(call_id, "answered_by")).data == {"kind": "person"}
    stage.world.network.hang_up(record.id)
    ended = await stage.fact(call_id, "ended")
    await stage.over(record)
    assert ended.data == {"reason": "caller_hangup"}


async def test_a_screener_is_told_who_calls(stage: LinkedStage) -> None:
    """The assistant's question is answered with who calls, and the person who then comes is talked to."""
    person = Person(
        outcomes=[Outcome.SCREENING],
        hello="Hello?",
        script=["What are your opening hours?", TOLD, {"hang_up": True}],
        ring_s=0.3,
    )
    call_id, record = await called(stage, "+14155550144", person)
    ended = await stage.fact(call_id, "ended")
    await stage.over(record)
    (accepted,) = when(record, "screening_accepted")
    lines = [line for line in record.view().transcript if line.side == "heard" and line.ms < accepted]
    assert "bright smile dental calling" in lines[-1].text.lower()
    assert (await stage.fact(call_id, "answered_by")).data == {"kind": "screening"}
    assert record.failed_expectations == 0
    assert ended.data == {"reason": "caller_hangup"}
