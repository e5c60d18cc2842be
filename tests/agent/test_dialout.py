"""The driver of the dial-out machine, with a scripted phone and a clock that stands."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from frontdesk.agent.dial_policy import DialPolicy, dialout_settings
from frontdesk.agent.dialout import DialoutManager, DialoutOutcome, MayRedial
from frontdesk.ended import EndedReason
from server_utils import AgentRequest
from tests.agent.fakes import ManualTime, NotedReport, ScriptedPhone, settle

POLICY = DialPolicy(most_dials=3, ring_timeout_s=20, first_pause_s=2, jitter=0)


@dataclass
class Desk:
    """One manager and all that it talks to."""

    phone: ScriptedPhone
    may_redial: MayRedial | None = None
    time: ManualTime = field(default_factory=ManualTime)
    report: NotedReport = field(default_factory=NotedReport)
    answered: list[str | None] = field(default_factory=list)
    finished: list[EndedReason] = field(default_factory=list)

    def __post_init__(self) -> None:
        async def answered(session_id: str | None) -> None:
            self.answered.append(session_id)

        async def finished(reason: EndedReason) -> None:
            self.finished.append(reason)

        self.manager = DialoutManager(
            self.phone,
            {"phoneNumber": "+14155550187"},
            POLICY,
            self.report,
            DialoutOutcome(answered, finished),
            may_redial=self.may_redial,
            sleep=self.time.sleep,
        )


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk(ScriptedPhone(("s1", None), ("s2", None), ("s3", None)))
    yield desk
    await desk.manager.close()


async def test_a_callee_who_picks_up_is_told_once(desk: Desk) -> None:
    """Connected, answered, answered again: one conversation."""
    await desk.manager.begin()
    await settle()
    for name in ("connected", "answered", "answered"):
        await desk.manager.on_event(name, {"sessionId": "s1"})
    await settle()
    assert desk.answered == ["s1"]
    assert desk.report.steps == ["dialing", "ringing", "answered"]


async def test_dials_are_apart_by_a_growing_pause(desk: Desk) -> None:
    """After a dial that failed the next one waits two seconds, then four."""
    await desk.manager.begin()
    await settle()
    await desk.manager.on_event("error", {"sessionId": "s1", "errorMsg": "503 Service Unavailable"})
    await desk.time.pass_by(1.9)
    assert len(desk.phone.started) == 1
    await desk.time.pass_by(0.2)
    assert len(desk.phone.started) == 2
    await desk.manager.on_event("error", {"sessionId": "s2", "errorMsg": "503 Service Unavailable"})
    await desk.time.pass_by(3.9)
    assert len(desk.phone.started) == 2
    await desk.time.pass_by(0.2)
    assert len(desk.phone.started) == 3


class Decider:
    """Decides further dials; answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.answers: asyncio.Queue[bool | Exception] = asyncio.Queue()

    async def __call__(self, dial: int) -> bool:
        self.asked.append(dial)
        answer = await self.answers.get()
        if isinstance(answer, Exception):
            raise answer
        return answer


async def asking(decider: Decider) -> Desk:
    """A desk whose first dial failed, and which waits for an answer."""
    desk = Desk(ScriptedPhone(("s1", None), ("s2", None)), decider)
    await desk.manager.begin()
    await settle()
    assert decider.asked == []
    await desk.manager.on_event("error", {"sessionId": "s1", "errorMsg": "503 Service Unavailable"})
    await desk.time.pass_by(2.1)
    assert (decider.asked, len(desk.phone.started)) == ([2], 1)
    return desk


async def test_a_further_dial_waits_for_a_yes() -> None:
    """Before the second dial, but not before the first one, the manager asks; only the answer dials."""
    decider = Decider()
    desk = await asking(decider)
    await decider.answers.put(True)
    await settle()
    assert len(desk.phone.started) == 2
    await desk.manager.close()


@pytest.mark.parametrize("answer", [False, RuntimeError("nobody knows")])
async def test_without_a_yes_it_is_over(answer: bool | Exception) -> None:
    """A no, and whatever goes wrong with asking, ends the dialing with what the last dial came to."""
    decider = Decider()
    desk = await asking(decider)
    await decider.answers.put(answer)
    await settle()
    assert (len(desk.phone.started), desk.finished) == (1, [EndedReason.CARRIER_UNAVAILABLE])
    await desk.manager.close()


async def test_calling_off_while_it_is_asked_waits_for_no_answer() -> None:
    """Nobody wants the call any more: it is over at once, and a yes that comes later dials nobody."""
    decider = Decider()
    desk = await asking(decider)
    await desk.manager.call_off()
    await settle()
    assert desk.finished == [EndedReason.CANCELED]
    await decider.answers.put(True)
    await settle()
    assert (len(desk.phone.started), desk.finished) == (1, [EndedReason.CANCELED])
    await desk.manager.close()


async def test_the_ring_timeout_stops_the_dial(desk: Desk) -> None:
    """A phone that rings past the timeout is hung up by us."""
    await desk.manager.begin()
    await desk.time.pass_by(19.9)
    assert desk.phone.stopped == []
    await desk.time.pass_by(0.2)
    assert desk.phone.stopped == ["s1"]


async def test_a_late_ring_of_an_earlier_dial_is_hung_up_beside_this_one() -> None:
    """The phone that nobody waits for any more is stopped; this one keeps its ring timeout and may answer."""
    desk = Desk(ScriptedPhone(("", "503 Service Unavailable"), ("s2", None)))
    await desk.manager.begin()
    await desk.time.pass_by(2.1)
    await desk.manager.on_event("connected", {"sessionId": "late"})
    await settle()
    assert desk.phone.stopped == ["late"]
    await desk.time.pass_by(20.1)
    assert desk.phone.stopped == ["late", "s2"]
    await settle()
    assert (desk.finished, len(desk.phone.started)) == ([EndedReason.NO_ANSWER], 2)
    await desk.manager.close()


async def test_the_ring_timeout_does_not_outlive_the_answer(desk: Desk) -> None:
    """Nobody is hung up on in mid-conversation because their phone rang before."""
    await desk.manager.begin()
    await settle()
    await desk.manager.on_event("answered", {"sessionId": "s1"})
    await desk.time.pass_by(1000)
    assert desk.phone.stopped == []
    assert desk.finished == []


async def test_a_returned_error_and_its_event_are_one_failure() -> None:
    """Both failure channels of one dial cost one dial."""
    desk = Desk(ScriptedPhone(("", "503 Service Unavailable"), ("s2", None)))
    await desk.manager.begin()
    await settle()
    await desk.manager.on_event("error", {"errorMsg": "503 Service Unavailable"})
    await desk.time.pass_by(2.1)
    assert len(desk.phone.started) == 2
    await desk.manager.close()


async def test_calling_off_while_a_dial_starts_waits_and_stops_it(desk: Desk) -> None:
    """The bot does not leave before the phone that is about to ring was stopped."""
    desk.phone.gate.clear()
    await desk.manager.begin()
    await settle()
    leaving = asyncio.create_task(desk.manager.call_off())
    await settle()
    assert not leaving.done()
    desk.phone.gate.set()
    await asyncio.wait_for(leaving, 30)
    assert desk.phone.stopped == ["s1"]
    assert desk.finished == [EndedReason.CANCELED]


async def test_calling_off_leaves_a_conversation_alone(desk: Desk) -> None:
    """A goodbye can still be said to somebody who picked up."""
    await desk.manager.begin()
    await settle()
    await desk.manager.on_event("answered", {"sessionId": "s1"})
    await desk.manager.call_off()
    assert desk.phone.stopped == []


async def test_many_events_at_once_are_taken_one_by_one(desk: Desk) -> None:
    """Handlers that overlap, as pipecat starts them, cannot dial twice."""
    await desk.manager.begin()
    await settle()
    events = [("error", {"sessionId": "s1", "errorMsg": "503"}), ("stopped", {"sessionId": "s1"})] * 5
    await asyncio.gather(*(desk.manager.on_event(name, data) for name, data in events))
    await desk.time.pass_by(2.1)
    assert len(desk.phone.started) == 2


async def test_a_room_that_is_gone_is_an_error_like_any_other() -> None:
    """Exceptions of pipecat's transport are failures of the dial, not of the bot."""

    class Gone(ScriptedPhone):
        async def start_dialout(self, settings: dict[str, Any]) -> tuple[str, Any]:
            self.started.append(settings)
            raise RuntimeError("missing task manager")

    desk = Desk(Gone())
    await desk.manager.begin()
    await settle()
    for _ in range(3):
        await desk.time.pass_by(10)
    assert len(desk.phone.started) == 3
    assert desk.finished == [EndedReason.CARRIER_UNAVAILABLE]


@pytest.mark.parametrize("data", [None, [], {"sessionId": 7}, {"message": "486"}, {"error": {"a": 1}}])
async def test_odd_events_do_no_harm(desk: Desk, data: Any) -> None:
    """An event that is no mapping, or has other fields, ends at most this dial."""
    await desk.manager.begin()
    await settle()
    await desk.manager.on_event("error", data)
    await settle()
    assert len(desk.phone.started) == 1


def request(**dialout: Any) -> AgentRequest:
    return AgentRequest(
        room_url="http://127.0.0.1/room",
        token="t",
        session_id="s",
        call_id="c" * 50,
        organization_id="o",
        organization_slug="bright-smile",
        client_name="Bright Smile",
        workflow="outreach",
        dialout_settings={"phone_number": "+14155550187", **dialout},
    )


def test_daily_is_given_its_own_field_names_and_a_short_user_id() -> None:
    """The settings are Daily's, and the call's id fits into the 36 characters of userId."""
    caller_id = "0d6bb1a4-2f0e-4b51-9a53-6f1c2c5a7e10"
    asked = request(caller_id=caller_id, display_name="Clinic", extension="12#")
    assert dialout_settings(asked) == {
        "phoneNumber": "+14155550187",
        "userId": "c" * 36,
        "callerId": caller_id,
        "displayName": "Clinic",
        "extension": "12#",
    }
    assert set(dialout_settings(request())) == {"phoneNumber", "userId"}


def test_the_pause_grows_to_a_limit_and_stays_above_dailys_rate() -> None:
    """Dials are never closer than Daily's one start a second, and never more than half a minute apart."""
    policy = DialPolicy()
    pauses = [policy.pause_s(dial) for dial in range(1, 11)]
    assert min(pauses) >= 2
    assert max(pauses) <= 30 * 1.25
