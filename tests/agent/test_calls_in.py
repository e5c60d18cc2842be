"""Whole incoming calls: the real bot on the real dev runner, a simulated caller with a real voice."""

import asyncio
import re
from pathlib import Path

import pytest

from frontdesk.simulator.faults.plan import EndpointFault
from frontdesk.simulator.phone.people import Manner
from tests.agent.stage import CLINIC, DEADLINE_S, Stage

pytestmark = [pytest.mark.system, pytest.mark.asyncio(loop_scope="module")]
PINLESS = "/v1/dialin/pinlessCallUpdate"


@pytest.fixture(scope="module")
def bot_variables() -> dict[str, str]:
    """As talkative as it gets: what may not be logged, may not be logged at DEBUG either."""
    return {"LOG_LEVEL": "DEBUG", "CONNECT_TIMEOUT_S": "16"}


async def test_a_caller_is_greeted_and_told_the_opening_hours(stage: Stage) -> None:
    """A caller hears the fixed greeting first, asks for the hours, gets them, and is said goodbye to."""
    record, call_id = await stage.call_in(
        ["What are your opening hours?", "That is all, goodbye."], stays=True
    )
    await stage.over(record)
    heard = " ".join(record.said("heard")).lower()
    assert heard.startswith("hello, this is bright smile dental")
    assert "open from" in heard
    assert heard.rstrip(".").endswith("goodbye")
    assert await stage.bot.ended(call_id) == "bot_hangup"
    steps = stage.bot.steps(call_id)
    assert steps.index("forwarded") > steps.index("dialin_ready")
    # Daily's answer and its event race.
    steps.remove("forwarded")
    assert steps == [
        "started",
        "joined",
        "dialin_ready",
        "connected",
        "greeting",
        "first_word",
        "tool",
        "tool",
        "ending",
        "ended",
    ]


async def test_the_logs_hold_nothing_personal(stage: Stage) -> None:
    """Neither numbers, tokens, keys nor words of the conversation are in any line, even at DEBUG."""
    record, call_id = await stage.call_in(["What are your opening hours?"])
    await stage.over(record)
    await stage.bot.ended(call_id)
    log = "\n".join(stage.bot.lines)
    for secret in ("14155550142", "14155550100", "eyJ", "simulated-", "opening hours", "How can I help"):
        assert secret not in log, secret


async def test_a_caller_who_hangs_up_on_hold_ends_the_bot(stage: Stage) -> None:
    """When Daily does not know the call any more, the bot ends at once and says who hung up."""
    stage.world.faults.add(EndpointFault(route=PINLESS, latency_ms=600))
    record, call_id = await stage.call_in(hold_patience_s=0.4)
    assert await stage.bot.ended(call_id) == "caller_hangup on_hold"
    assert (await stage.over(record)).said("heard") == []


@pytest.mark.parametrize("after_s", [0.3, 2.0], ids=["at the first word", "in mid-sentence"])
async def test_a_caller_who_hangs_up_while_the_bot_speaks_ends_the_call(stage: Stage, after_s: float) -> None:
    """Wherever in the greeting the caller leaves, the bot ends once, with that reason."""
    _, call_id = await stage.call_in([{"wait": after_s}, {"hang_up": True, "at_once": True}])
    assert await stage.bot.ended(call_id) == "caller_hangup"
    assert stage.bot.steps(call_id).count("ended") == 1


async def test_a_failing_forward_is_tried_until_it_heals(stage: Stage) -> None:
    """Two failures of pinlessCallUpdate cost the caller a moment, not the call."""
    stage.world.faults.add(EndpointFault(route=PINLESS, status=503, times=2))
    record, call_id = await stage.call_in([{"wait": 4}, {"hang_up": True, "at_once": True}])
    await stage.bot.ended(call_id)
    await stage.over(record)
    steps = stage.bot.steps(call_id)
    assert steps.count("forward_failed") == 2
    assert steps.count("greeting") == 1


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (EndpointFault(route=PINLESS, status=503), "lost forward_failed"),
        (
            EndpointFault(route=PINLESS, status=401, body={"error": "authentication-error"}),
            "lost forward_refused",
        ),
    ],
    ids=["never heals", "key refused"],
)
async def test_a_forward_that_cannot_work_ends_the_bot(
    stage: Stage, fault: EndpointFault, reason: str
) -> None:
    """A caller who cannot be connected costs no bot any longer than the deadline."""
    stage.world.faults.add(fault.model_copy(deep=True))
    _, call_id = await stage.call_in(hold_patience_s=50)
    ended = await stage.bot.ended(call_id)
    assert ended == reason or (reason.endswith("failed") and ended == "lost not_connected")


async def test_a_repeated_dialin_ready_forwards_once(stage: Stage) -> None:
    """Daily says dialin-ready for every endpoint; the caller is forwarded and greeted once."""
    record, call_id = await stage.call_in([{"wait": 60}])
    await stage.bot.step(call_id, "greeting")
    room = stage.world.rooms.get(str(record.room))
    assert room is not None
    stage.world.network.repeat_dialin_ready(room)
    await stage.bot.step(call_id, "dialin_ready", 2)
    await asyncio.sleep(2)  # a second forward would be on its way by now
    stage.world.network.hang_up(record.id)
    assert await stage.bot.ended(call_id) == "caller_hangup"
    steps = stage.bot.steps(call_id)
    assert "forward_failed" not in steps
    assert steps.count("dialin_ready") == 2
    assert steps.count("forwarded") == 1
    assert steps.count("greeting") == 1


async def test_a_bot_that_is_ejected_ends(stage: Stage) -> None:
    """When the room goes away under the bot, it does not stay behind as a zombie."""
    record, call_id = await stage.call_in([{"wait": 60}])
    await stage.bot.line(rf"{call_id} .*step first_word")
    await stage.world.rooms.delete(str(record.room))
    assert (await stage.bot.ended(call_id)).split()[0] in ("lost", "caller_hangup")


async def test_a_room_that_cannot_be_joined_ends_the_bot(stage: Stage) -> None:
    """A failed join is the end, not five minutes in no room."""
    stage.overrides = {"room_url": f"{stage.simulator.base_url}/no-such-room"}
    _, call_id = await stage.call_in(hold_patience_s=5)
    assert await stage.bot.ended(call_id) == "bot_start_failed join"


async def test_a_plain_dialin_request_is_answered(stage: Stage) -> None:
    """A number that points straight at the runner's own webhook reaches the same bot."""
    config = stage.world.dialin_configs.by_number(CLINIC)
    assert config is not None
    before, config.room_creation_api = config.room_creation_api, f"{stage.bot.url}/daily-dialin-webhook"
    greeted = {"expect": "bright smile dental", "within_s": DEADLINE_S}
    try:
        record = await stage.world.network.call_in(
            "+14155550142", CLINIC, Manner(script=[greeted, {"hang_up": True, "at_once": True}])
        )
        await stage.over(record)
    finally:
        config.room_creation_api = before
    assert "bright smile dental" in " ".join(record.said("heard")).lower()


@pytest.mark.parametrize(
    "body", [{}, {"room_url": "x"}, {"dialin_settings": {"call_id": "a", "call_domain": "b"}}]
)
async def test_a_request_that_is_no_call_is_refused_in_the_log(stage: Stage, body: dict[str, object]) -> None:
    """Whatever else a runner is asked to start is named as such, and nothing hangs."""
    seen = len(stage.bot.lines)
    await stage.start(body)
    async with asyncio.timeout(DEADLINE_S):
        while not any("cannot be taken" in line for line in stage.bot.lines[seen:]):
            await asyncio.sleep(0.02)


async def test_eight_callers_at_once_are_answered_and_greeted(stage: Stage) -> None:
    """None of eight simultaneous webhooks waits for the other bots, and everybody hears the greeting."""
    stage.world.limits.enabled = False
    greeted = {"expect": "bright smile", "within_s": DEADLINE_S}
    script = Manner(script=[greeted, {"wait": 15}, {"hang_up": True, "at_once": True}])
    try:
        records = await asyncio.gather(
            *(stage.world.network.call_in(f"+1415555014{n}", CLINIC, script) for n in range(8))
        )
        await asyncio.gather(*(stage.over(record) for record in records))
    finally:
        stage.world.limits.enabled = True
    answered = [e.ms for r in records for e in r.timeline if e.event == "webhook_answered"]
    assert len(answered) == 8
    # Each call lasts some twenty seconds: who waits for another bot to finish is answered after that.
    assert max(answered) < 15_000
    assert all("bright smile" in " ".join(record.said("heard")).lower() for record in records)


@pytest.mark.timeout(600)
async def test_the_memory_of_finished_calls_is_given_back(stage: Stage) -> None:
    """Twenty calls in a row leave the process where it was after five, within 40 MiB."""
    sizes = []
    for _ in range(20):
        record, call_id = await stage.call_in([{"wait": 0.3}, {"hang_up": True, "at_once": True}])
        await stage.over(record)
        await stage.bot.ended(call_id)
        await asyncio.sleep(0.8)
        sizes.append(_resident_mib(stage.bot.pid))
    for _ in range(60):
        if sizes[-1] - sizes[4] < 40:
            break
        await asyncio.sleep(0.5)  # the last call's memory is given back half a second after its end, or later
        sizes.append(_resident_mib(stage.bot.pid))
    assert sizes[-1] - sizes[4] < 40, sizes


def _resident_mib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        pytest.skip("no /proc here")
    found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text())
    assert found
    return int(found[1]) // 1024
