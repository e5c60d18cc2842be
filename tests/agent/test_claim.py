"""The bot's claim: asked until it is decided, and never granted by anything but a plain yes."""

import asyncio
from collections.abc import AsyncIterator
from functools import partialmethod
from typing import Any

import aiohttp
import pytest

from frontdesk.agent.claim import AGAIN_WITHIN_S, DEADLINE_S, Claim, ClaimPost, Verdict, judge
from frontdesk.agent.host import _linked
from frontdesk.agent.report import LinkedReport
from frontdesk.calls.models import BotFact, Data, Fact, Source
from frontdesk.contract import AgentRequest, Limits
from frontdesk.ended import EndedReason
from tests.agent.fakes import ManualTime, settle
from tests.link.desk import LinkDesk, link_desk

CALL = "c" * 32


class ScriptedGateway:
    """Answers in order; afterwards nothing comes any more."""

    def __init__(self, *answers: Verdict) -> None:
        self._answers = list(answers)
        self.asked = 0
        self.dials: list[int] = []

    async def __call__(self, dial: int = 1) -> Verdict:
        self.asked += 1
        self.dials.append(dial)
        return self._answers.pop(0) if self._answers else Verdict.UNKNOWN


class Begun:
    """A claim under way, and what was decided."""

    def __init__(self, *answers: Verdict) -> None:
        self.gateway = ScriptedGateway(*answers)
        self.time = ManualTime()
        self.decided: list[Verdict] = []
        self.claim = Claim(self.gateway, self.decided.append, sleep=self.time.sleep)
        self.claim.start()


async def test_a_gateway_that_is_away_is_asked_again() -> None:
    """No answer is followed by another question, after pauses that grow to two seconds."""
    begun = Begun(*[Verdict.UNKNOWN] * 5, Verdict.GRANTED)
    asked = []
    for pause_s in (0.25, 0.5, 1, 2, 2):
        await begun.time.pass_by(0)
        asked.append(begun.gateway.asked)
        await begun.time.pass_by(pause_s)
    assert asked == [1, 2, 3, 4, 5]
    assert await begun.claim.verdict() is Verdict.GRANTED
    assert begun.decided == [Verdict.GRANTED]


async def test_after_a_minute_without_an_answer_nobody_is_dialed() -> None:
    """The deadline is a decision, too: it is not known, and it is not asked again."""
    begun = Begun()
    waiting = asyncio.ensure_future(begun.claim.verdict())
    await begun.time.pass_by(DEADLINE_S - 1)
    assert not waiting.done()
    await begun.time.pass_by(1)
    assert await waiting is Verdict.UNKNOWN
    asked = begun.gateway.asked
    await begun.time.pass_by(60)
    assert begun.gateway.asked == asked
    assert begun.decided == [Verdict.UNKNOWN]


async def test_a_refusal_is_final() -> None:
    """Whoever was refused does not ask again."""
    begun = Begun(Verdict.REFUSED, Verdict.GRANTED)
    assert await begun.claim.verdict() is Verdict.REFUSED
    assert await begun.claim.verdict() is Verdict.REFUSED
    await begun.time.pass_by(60)
    assert begun.gateway.asked == 1


async def test_a_bot_that_leaves_early_waits_for_the_decision() -> None:
    """What it has to report depends on the decision; without one it stops asking."""
    begun = Begun(Verdict.GRANTED)
    await begun.claim.close(5)
    assert begun.decided == [Verdict.GRANTED]
    begun = Begun()
    await settle()
    await begun.claim.close(0)
    assert begun.decided == []


async def test_each_further_dial_is_asked_for() -> None:
    """What was granted once is not granted for ever: a later no is a no, and each question names its dial."""
    begun = Begun(Verdict.GRANTED, Verdict.GRANTED, Verdict.REFUSED)
    assert await begun.claim.verdict() is Verdict.GRANTED
    assert [await begun.claim.again(2), await begun.claim.again(3)] == [True, False]
    assert begun.gateway.dials == [1, 2, 3]
    assert begun.decided == [Verdict.GRANTED]


async def test_a_further_dial_needs_an_answer_in_time() -> None:
    """A gateway that is away is asked again, but a yes that comes too late dials nobody."""
    begun = Begun(Verdict.GRANTED, Verdict.UNKNOWN, Verdict.GRANTED)
    await begun.claim.verdict()
    waiting = asyncio.ensure_future(begun.claim.again(2))
    await begun.time.pass_by(0.25)
    assert await waiting is True
    waiting = asyncio.ensure_future(begun.claim.again(3))
    await begun.time.pass_by(AGAIN_WITHIN_S - 1)
    assert not waiting.done()
    await begun.time.pass_by(1)
    assert await waiting is False
    asked = begun.gateway.asked
    await begun.time.pass_by(60)
    assert begun.gateway.asked == asked


@pytest.mark.parametrize(
    ("status", "answer", "verdict"),
    [
        (200, {"granted": True}, Verdict.GRANTED),
        (200, {"granted": False}, Verdict.REFUSED),
        (200, {}, Verdict.UNKNOWN),
        (200, {"granted": "yes"}, Verdict.UNKNOWN),
        (200, {"granted": 1}, Verdict.UNKNOWN),
        (201, {"granted": True}, Verdict.UNKNOWN),
        (401, {}, Verdict.UNKNOWN),
        (403, {}, Verdict.UNKNOWN),
        (410, {}, Verdict.UNKNOWN),
        (401, {"code": 401, "message": "Unauthorized"}, Verdict.UNKNOWN),
        (403, {"code": "forbidden", "retryable": True}, Verdict.UNKNOWN),
        (401, {"code": "link_token_invalid", "retryable": False}, Verdict.REFUSED),
        (403, {"retryable": False}, Verdict.REFUSED),
        (410, {"code": "link_call_gone"}, Verdict.REFUSED),
        (404, {"code": "link_call_unknown", "retryable": True}, Verdict.UNKNOWN),
        (404, {}, Verdict.UNKNOWN),
        (404, {"retryable": False}, Verdict.REFUSED),
        (422, {"code": "invalid_body"}, Verdict.UNKNOWN),
        (302, {"granted": True}, Verdict.UNKNOWN),
        (503, {"code": "link_undecided", "retryable": True}, Verdict.UNKNOWN),
    ],
)
def test_only_a_plain_yes_is_a_yes(status: int, answer: dict[str, Any], verdict: Verdict) -> None:
    """A proxy's page, an error and a half answer grant nothing, and refuse nothing either."""
    assert judge(status, answer) is verdict


@pytest.fixture
async def desk() -> AsyncIterator[LinkDesk]:
    async with link_desk() as desk:
        yield desk


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as http:
        yield http


def post(desk: LinkDesk, http: aiohttp.ClientSession, session_id: str = "s") -> ClaimPost:
    """One bot's way to ask the desk."""
    return ClaimPost(http, desk.callbacks.callback_for(CALL, 1, Limits()), CALL, session_id)


def call(**line: Any) -> AgentRequest:
    """A call over this line."""
    return AgentRequest(
        room_url="http://127.0.0.1/room",
        token="t",
        session_id="s",
        call_id=CALL,
        organization_id="o",
        organization_slug="bright-smile",
        client_name="Bright Smile",
        workflow="outreach",
        **line,
    )


async def test_two_bots_of_one_start_request_are_two(desk: LinkDesk, http: aiohttp.ClientSession) -> None:
    """A host that takes a request twice makes two bots with one session id; one of them may dial."""
    first, second = post(desk, http), post(desk, http)
    assert [await first(), await second(), await first()] == [
        Verdict.GRANTED,
        Verdict.REFUSED,
        Verdict.GRANTED,
    ]


@pytest.mark.parametrize(("holder", "reported"), [("another", []), (None, ["ended"])])
async def test_what_a_bot_without_an_answer_reports_bears_the_name_of_its_claim(
    desk: LinkDesk,
    http: aiohttp.ClientSession,
    monkeypatch: pytest.MonkeyPatch,
    holder: str | None,
    reported: list[str],
) -> None:
    """So the gateway tells the copy that gave up from the bot that holds the attempt, and from one alone."""

    async def unheard(_: ClaimPost, dial: int = 1) -> Verdict:
        return Verdict.UNKNOWN

    monkeypatch.setattr(ClaimPost, "__call__", unheard)
    monkeypatch.setattr(Claim, "__init__", partialmethod(Claim.__init__, deadline_s=0.01))
    if holder is not None:
        claimed: Data = {"session_id": holder}
        await desk.books.record(Fact(CALL, "claimed:1:x", Source.BOT, BotFact.CLAIMED, 1.0, 1, claimed))
    line: dict[str, Any] = {"dialout_settings": {"phone_number": "+14155550187"}}
    line["callback"] = desk.callbacks.callback_for(CALL, 1, Limits()).model_dump(mode="json")
    async with _linked(call(**line), http) as (link, claim):
        assert link is not None
        assert claim is not None
        assert await claim.verdict() is Verdict.UNKNOWN
        LinkedReport(link).ended(EndedReason.BOT_START_FAILED, "claim")
    assert [kind for kind in desk.books.types() if kind != BotFact.CLAIMED] == reported


async def test_an_answer_that_is_lost_is_given_again(desk: LinkDesk, http: aiohttp.ClientSession) -> None:
    """The gateway granted, the bot never heard of it, and asks again: it is the same claim."""
    desk.mishaps.plan = ["lost", "garbage", 500]
    bot = post(desk, http, "x" * 100)
    assert [await bot() for _ in range(4)] == [Verdict.UNKNOWN] * 3 + [Verdict.GRANTED]
    assert len(desk.books.facts) == 1


async def test_a_further_dial_is_the_same_bots(desk: LinkDesk, http: aiohttp.ClientSession) -> None:
    """Only the bot that holds the claim may dial again, until somebody hangs up; nothing is written down."""
    first, second = post(desk, http), post(desk, http)
    assert await second(2) is Verdict.REFUSED
    assert [await first(), await second()] == [Verdict.GRANTED, Verdict.REFUSED]
    written = list(desk.books.facts)
    assert [await first(2), await second(2), await first(3)] == [
        Verdict.GRANTED,
        Verdict.REFUSED,
        Verdict.GRANTED,
    ]
    desk.books.hang_up = EndedReason.CANCELED
    assert await first(4) is Verdict.REFUSED
    assert desk.books.facts == written


@pytest.mark.parametrize("direction", ["inbound", "without a gateway"])
async def test_nobody_else_claims(desk: LinkDesk, http: aiohttp.ClientSession, direction: str) -> None:
    """A call in is on hold already, and without a gateway there is nobody to ask."""
    line: dict[str, Any] = {"dialout_settings": {"phone_number": "+14155550187"}}
    if direction == "inbound":
        line = {"dialin_settings": {"call_id": "a", "call_domain": "b"}}
        line["callback"] = desk.callbacks.callback_for(CALL, 1, Limits())
    assert Claim.of(call(**line), http, lambda _: None) is None
