"""The bot's end of the link, against the real routes of the gateway and against a gateway that errs."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from frontdesk.agent.link import Link
from frontdesk.agent.link_post import LinkPost
from frontdesk.agent.link_queue import MOST_EVENT_BYTES, LinkQueue
from frontdesk.contract import AgentRequest, DialinSettings, Limits
from frontdesk.ended import EndedReason
from frontdesk.errors import FrontdeskError, LinkCallGoneError, LinkTokenExpiredError, LinkTokenInvalidError
from tests.link.desk import LinkDesk, link_desk

CALL = "c" * 32
SPEED = 50
NEVER_S = 100_000
"""A silence that no test lasts, so that no heartbeat comes between what is told."""


class FastTime:
    """A clock that runs fifty times as fast."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def clock(self) -> float:
        return (time.monotonic() - self._began) * SPEED

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / SPEED)


@pytest.fixture
async def desk() -> AsyncIterator[LinkDesk]:
    async with link_desk() as desk:
        yield desk


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as http:
        yield http


@pytest.fixture
def fast() -> FastTime:
    return FastTime()


@pytest.fixture
async def link(desk: LinkDesk, http: aiohttp.ClientSession, fast: FastTime) -> AsyncIterator[Link]:
    """A link that tells only what it is told."""
    async with linked(desk, http, fast, NEVER_S) as link:
        yield link


@pytest.fixture
async def beating(desk: LinkDesk, http: aiohttp.ClientSession, fast: FastTime) -> AsyncIterator[Link]:
    """A link with a heartbeat every ten seconds."""
    async with linked(desk, http, fast, 10) as link:
        yield link


@asynccontextmanager
async def linked(
    desk: LinkDesk, http: aiohttp.ClientSession, fast: FastTime, heartbeat_s: float
) -> AsyncIterator[Link]:
    """A link to the desk."""
    post = LinkPost(http, desk.callbacks.callback_for(CALL, 1, Limits()), CALL, "s")
    link = Link(post, LinkQueue("s"), heartbeat_s=heartbeat_s, sleep=fast.sleep)
    link.start()
    yield link
    await link.close(1)


async def until(desk: LinkDesk, count: int) -> None:
    """Wait until so many facts were written down."""
    async with asyncio.timeout(60):
        while len(desk.books.facts) < count:
            await asyncio.sleep(0.002)


async def test_reports_arrive_in_order_and_the_end_is_waited_for(desk: LinkDesk, link: Link) -> None:
    """What was told arrives once, in its order, and closing returns when the last of it was taken."""
    for number in range(250):
        link.tell("turn", {"role": "user", "text": str(number)}, droppable=True)
    link.tell("ended", {"reason": "bot_hangup"})
    await link.close(4000)
    said = [fact.data.get("text") for fact in desk.books.facts[:-1]]
    assert said == [str(number) for number in range(250)]
    assert desk.books.facts[-1].type == "ended"
    assert [fact.id for fact in desk.books.facts] == [f"s-{n:06}" for n in range(1, 252)]


async def test_a_gateway_away_for_a_minute_costs_no_report(
    desk: LinkDesk, link: Link, fast: FastTime
) -> None:
    """Whatever was told while nobody took it arrives in order when somebody does, each thing once."""
    link.tell("joined", {})
    await until(desk, 1)
    desk.mishaps.plan = [503, "garbage", 404, 500, 302, 502] * 100
    gone_at = fast.clock()
    told = 0
    while fast.clock() - gone_at < 60 or len(desk.mishaps.met) <= 3:
        link.tell("turn", {"role": "bot", "text": str(told)}, droppable=True)
        told += 1
        await fast.sleep(3)
    desk.mishaps.plan = []
    assert desk.books.types() == ["joined"]
    link.tell("ended", {"reason": "bot_hangup"})
    await link.close(4000)
    assert desk.books.types() == ["joined", *["turn"] * told, "ended"]
    assert [fact.data["text"] for fact in desk.books.facts[1:-1]] == [str(n) for n in range(told)]


async def test_an_answer_that_got_lost_makes_no_second_fact(desk: LinkDesk, link: Link) -> None:
    """Taken, but the answer never came: the same ids come again, and the books know them."""
    desk.mishaps.plan = ["lost"] * 3
    link.tell("joined", {})
    link.tell("connected", {})
    await link.close(4000)
    assert desk.books.types() == ["joined", "connected"]
    assert desk.books.writes >= 4


async def test_silence_is_filled_with_heartbeats(desk: LinkDesk, beating: Link) -> None:
    """A bot with nothing to tell still says every ten seconds that it lives."""
    await until(desk, 1)
    assert set(desk.books.types()) == {"heartbeat"}


async def test_a_gateway_that_hangs_holds_nothing_up(desk: LinkDesk, link: Link) -> None:
    """Telling returns at once, and closing gives up after its time."""
    desk.mishaps.plan = ["hang"] * 5
    began = time.monotonic()
    for _ in range(1000):
        link.tell("turn", {"role": "bot", "text": "x" * 100}, droppable=True)
    assert time.monotonic() - began < 10
    async with asyncio.timeout(30):
        await link.close(100)


@pytest.mark.parametrize("status", [401, 403, 410])
async def test_a_proxy_does_not_end_the_link(desk: LinkDesk, link: Link, status: int) -> None:
    """What only the gateway may say, somebody in front of it says: the reports are sent again."""
    desk.mishaps.plan = [status, status]
    link.tell("joined", {})
    link.tell("connected", {})
    await link.close(4000)
    assert desk.mishaps.met == [status, status]
    assert desk.books.types() == ["joined", "connected"]


@pytest.mark.parametrize("error", [LinkTokenInvalidError, LinkTokenExpiredError, LinkCallGoneError])
async def test_a_gateway_that_wants_no_reports_is_left_alone(
    desk: LinkDesk, link: Link, error: type[FrontdeskError]
) -> None:
    """Refused for good: nothing more is sent, telling goes on to be harmless, closing is at once."""
    desk.mishaps.plan = [error()]
    link.tell("joined", {})
    async with asyncio.timeout(20):
        while not desk.mishaps.met:
            await asyncio.sleep(0.002)
    await asyncio.sleep(0.05)
    link.tell("connected", {})
    async with asyncio.timeout(30):
        await link.close(4000)
    assert desk.books.facts == []


async def test_a_call_that_is_not_known_yet_is_told_again(desk: LinkDesk, link: Link) -> None:
    """The record may be on its way: reports wait for it."""
    desk.books.unknown.add(CALL)
    link.tell("joined", {})
    await asyncio.sleep(0.05)
    desk.books.unknown.clear()
    await link.close(4000)
    assert desk.books.types() == ["joined"]


async def test_a_report_that_is_not_understood_costs_only_itself(desk: LinkDesk, link: Link) -> None:
    """One bad report among many is given up; all others arrive in order."""
    for number in range(10):
        link.tell("turn", {"role": "user" if number != 6 else "cat", "text": str(number)})
    await link.close(4000)
    assert [fact.data["text"] for fact in desk.books.facts] == [str(n) for n in range(10) if n != 6]


async def test_an_order_to_hang_up_is_passed_on(desk: LinkDesk, beating: Link) -> None:
    """The order rides on the answer to whatever comes next, also a heartbeat."""
    desk.books.hang_up = EndedReason.CANCELED
    async with asyncio.timeout(60):
        assert await beating.ordered() is EndedReason.CANCELED
        assert await beating.ordered() is EndedReason.CANCELED


async def test_what_cannot_be_sent_as_it_is_is_mended(desk: LinkDesk, link: Link) -> None:
    """No value of a tool or a sentence can stop a report, however odd, and none is endless."""
    odd = {"nul": "a\0b", "half": "\ud800", "number": float("nan"), "thing": object(), 1: ("x",)}
    link.tell("tool", {"name": "t", "arguments": odd, "result": ["x" * MOST_EVENT_BYTES], "ok": True})
    link.tell("turn", {"role": "bot", "text": "x" * 10 * MOST_EVENT_BYTES})
    await link.close(4000)
    tool, turn = desk.books.facts
    arguments = tool.data["arguments"]
    assert isinstance(arguments, dict)
    assert (arguments["nul"], arguments["half"], arguments["1"]) == ("ab", "?", ["x"])
    assert arguments["number"] is None
    assert tool.data["result"] == {"omitted_bytes": MOST_EVENT_BYTES + 4}
    assert len(str(turn.data["text"])) == MOST_EVENT_BYTES // 8


async def test_a_call_without_callback_has_no_link(desk: LinkDesk, http: aiohttp.ClientSession) -> None:
    """Nobody asked for reports; and two starts of one request report under names of their own."""
    request = AgentRequest(
        room_url="r",
        token="t",
        session_id="s",
        call_id=CALL,
        organization_id="o",
        organization_slug="o",
        client_name="c",
        workflow="w",
        dialin_settings=DialinSettings(call_id="a", call_domain="b"),
    )
    assert Link.of(request, http) is None
    callback = desk.callbacks.callback_for(CALL, 1, Limits())
    for _ in range(2):
        twin = Link.of(request.model_copy(update={"callback": callback}), http)
        assert twin is not None
        twin.start()
        twin.tell("joined", {})
        await twin.close(30)
    assert len({fact.id for fact in desk.books.facts}) == 2
