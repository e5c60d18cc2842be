"""Forwarding a caller on hold, against a small Daily on loopback."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr

from frontdesk.agent.call import DailyAccess
from frontdesk.agent.dialin import Forwarded, Forwarder
from server_utils import DialinSettings
from tests.agent.fakes import NotedReport, SkippedTime

GONE = (400, {"error": "invalid-request-error", "info": "no such call"})


class SmallDaily:
    """Answers pinlessCallUpdate as told, in order; the last answer repeats."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any] | str] = [(200, {"ok": "true"})]
        self.asked: list[tuple[str, str, Any]] = []

    async def update(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.path, request.headers["Authorization"], await request.json()))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, str):
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        status, body = answer
        return web.Response(status=status, text=json.dumps(body))


Forward = Callable[[], Awaitable[Forwarded | None]]


@pytest.fixture
def daily() -> SmallDaily:
    return SmallDaily()


@pytest.fixture
def report() -> NotedReport:
    return NotedReport()


@pytest.fixture
async def forward(daily: SmallDaily, report: NotedReport) -> AsyncIterator[Forward]:
    app = web.Application()
    app.router.add_post("/v1/dialin/pinlessCallUpdate", daily.update)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    time = SkippedTime()
    async with aiohttp.ClientSession() as http:
        access = DailyAccess(f"http://127.0.0.1:{runner.addresses[0][1]}/v1", SecretStr("a-key"))
        dialin = DialinSettings(call_id="call", call_domain="domain")
        forwarder = Forwarder(http, access, dialin, report, 30, sleep=time.sleep, clock=time.clock)

        async def once() -> Forwarded | None:
            return await forwarder.forward("sip:room@daily")

        yield once
    await runner.cleanup()


async def test_the_update_is_dailys(forward: Forward, daily: SmallDaily) -> None:
    """Path, key and the three fields are those of Daily's reference."""
    assert await forward() is Forwarded.DONE
    body = {"callId": "call", "callDomain": "domain", "sipUri": "sip:room@daily"}
    assert daily.asked == [("/v1/dialin/pinlessCallUpdate", "Bearer a-key", body)]


async def test_a_second_dialin_ready_forwards_nobody(forward: Forward, daily: SmallDaily) -> None:
    """The caller is forwarded once, however often the room is ready."""
    await forward()
    assert await forward() is None
    assert len(daily.asked) == 1


@pytest.mark.parametrize("trouble", [(503, {}), (500, {}), (429, {}), "reset"])
async def test_what_may_heal_is_tried_again(
    forward: Forward, daily: SmallDaily, report: NotedReport, trouble: Any
) -> None:
    """Errors of the moment are followed by another try."""
    daily.answers = [trouble, trouble, (200, {"ok": "true"})]
    assert await forward() is Forwarded.DONE
    assert report.steps == ["forward_failed", "forward_failed"]


async def test_it_gives_up_at_its_deadline(forward: Forward, daily: SmallDaily) -> None:
    """A Daily that never heals is left after the deadline, with few tries."""
    daily.answers = [(503, {})]
    assert await forward() is Forwarded.TIMED_OUT
    assert 5 < len(daily.asked) < 20


async def test_a_call_that_daily_does_not_know_was_hung_up(forward: Forward, daily: SmallDaily) -> None:
    """A 400 about the call ends the waiting at once."""
    daily.answers = [GONE]
    assert await forward() is Forwarded.CALLER_GONE
    assert len(daily.asked) == 1


async def test_an_unclear_try_leaves_a_missing_call_unclear(forward: Forward, daily: SmallDaily) -> None:
    """After a try without an answer, a missing call may already be on its way into the room."""
    daily.answers = ["reset", GONE]
    assert await forward() is Forwarded.UNSURE


@pytest.mark.parametrize(
    "refusal",
    [
        (401, {"error": "authentication-error"}),
        (400, {"error": "authorization-header-error", "info": "invalid authorization header"}),
        (400, {"error": "invalid-request-error", "info": "missing required field"}),
        (404, {"error": "not-found"}),
    ],
)
async def test_a_refusal_is_not_repeated(forward: Forward, daily: SmallDaily, refusal: Any) -> None:
    """A key or a request that Daily refuses stays refused."""
    daily.answers = [refusal]
    assert await forward() is Forwarded.REFUSED
    assert len(daily.asked) == 1
