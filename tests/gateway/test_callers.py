"""The CRM is asked who is calling: its answer reaches the bot, and nothing that it does costs a call."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from standardwebhooks import Webhook

from frontdesk.crm.callers import DEADLINE_S
from tests.gateway.conftest import Configure
from tests.gateway.far import Answer, Far
from tests.gateway.gate import KEY, Gateway, incoming, serving

CRM_SECRET = "whsec_" + base64.b64encode(b"a secret of the CRM, 32 bytes...").decode()
ANSWER = {
    "variables": {"first_name": "Ada"},
    "workflow": "outreach",
    "patient_id": "p-7",
    "refuse": {"message": "We are closed for you."},
    "something": "new",
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Crm:
    """A CRM that answers as its handler says."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.asked: list[dict[str, Any]] = []
        self.release = asyncio.Event()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        body = await request.text()
        self.asked.append(Webhook(CRM_SECRET).verify(body, dict(request.headers)))
        return await self._handler(request)


@asynccontextmanager
async def asking(
    configure: Configure, handler: Handler, within_s: float = 60
) -> AsyncIterator[tuple[Gateway, Crm]]:
    """A gateway whose default organization's CRM is asked, and may take so long to answer."""
    crm = Crm(handler)
    app = web.Application()
    app.router.add_post("/who", crm.serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    settings = configure(
        crm_caller_url=f"http://127.0.0.1:{runner.addresses[0][1]}/who",
        crm_secrets=CRM_SECRET,
        crm_allow_private=True,
    )
    try:
        async with serving(settings) as gateway:
            gateway.app.state.link._contexts._asking._deadline_s = within_s
            yield gateway, crm
    finally:
        await runner.cleanup()


async def context_of(gateway: Gateway, start: dict[str, Any]) -> Any:
    """What the bot of a start request gets when it asks over the link."""
    callback = start["callback"]
    path = f"/link/calls/{start['call_id']}/context?wait_s=5"
    reply = await gateway.send("GET", path, headers={"Authorization": f"Bearer {callback['token']}"})
    assert reply.status == 200
    return reply.body


async def test_an_answer_in_time_rides_to_the_bot(configure: Configure, far: Far) -> None:
    """What the CRM says while the room is being made is part of the start request."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response(ANSWER)

    far.tokens.append(Answer(hang=True, body={"token": "eyJhbGciOiJIUzI1NiJ9.e30.c2VjcmV0"}))
    async with asking(configure, answer) as (gateway, crm):
        call = incoming()
        ringing = asyncio.create_task(gateway.ring(call))
        await far.until(lambda: bool(far.of("/meeting-tokens")))
        await gateway.app.state.link._contexts.drain(60)
        far.release()
        reply = await ringing
    start = far.of("/start")[0].body["body"]
    assert start["variables"] == {"patient_id": "p-7", "first_name": "Ada"}
    assert (start["workflow"], start["refusal"]) == ("outreach", "We are closed for you.")
    assert start["callback"]["ask_context"] is False
    assert crm.asked == [{"call_id": reply.body["call_id"], "from": call["From"], "to": call["To"]}]


async def test_a_later_answer_is_for_the_bot_to_fetch(configure: Configure, far: Far) -> None:
    """The launch does not wait for the CRM; the bot is told to ask, and gets the answer over the link."""
    released = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.json_response(ANSWER)

    async with asking(configure, answer) as (gateway, _):
        assert (await gateway.ring(incoming())).body["status"] == "started"
        start = far.of("/start")[0].body["body"]
        assert start["callback"]["ask_context"] is True
        assert (start["workflow"], start["variables"]) == ("reception", {})
        asking_bot = asyncio.create_task(context_of(gateway, start))
        released.set()
        context = await asking_bot
    assert context["workflow"] == "outreach"
    assert context["refusal"] == "We are closed for you."
    assert context["variables"]["first_name"] == "Ada"


async def test_the_record_says_who_called(configure: Configure, far: Far) -> None:
    """What the CRM said is in the call's record, and is found by the patient's id."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response(ANSWER)

    async with asking(configure, answer) as (gateway, _):
        call_id = (await gateway.ring(incoming())).body["call_id"]
        async with asyncio.timeout(60):
            while not (found := await _calls(gateway, "patient_id=p-7")):
                await asyncio.sleep(0.02)
        assert await _calls(gateway, "patient_id=p-8") == []
    assert [(call["call_id"], call["workflow"]) for call in found] == [(call_id, "outreach")]


async def _calls(gateway: Gateway, query: str) -> list[dict[str, Any]]:
    reply = await gateway.send("GET", f"/calls?{query}", headers={"Authorization": f"Bearer {KEY}"})
    calls: list[dict[str, Any]] = reply.body["calls"]
    return calls


LIES: list[tuple[str, int, bytes]] = [
    ("no_json", 200, b"<html>"),
    ("no_object", 200, b"[1]"),
    ("wrong_types", 200, b'{"variables": "many"}'),
    ("wrong_workflow", 200, b'{"workflow": "no-such"}'),
    ("no_message", 200, b'{"refuse": {"message": ""}}'),
    ("huge", 200, b'{"variables": {"a": "' + b"x" * 100_000 + b'"}}'),
    ("failing", 500, b'{"workflow": "outreach"}'),
    ("elsewhere", 302, b""),
]


@pytest.mark.parametrize(("status", "body"), [lie[1:] for lie in LIES], ids=[lie[0] for lie in LIES])
async def test_lies_cost_nothing(
    configure: Configure, far: Far, capfd: pytest.CaptureFixture[str], status: int, body: bytes
) -> None:
    """An answer that cannot be used is as if there were none, whole; the log says why, without a number."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=body, headers={"Location": "http://127.0.0.1:9/"})

    far.room_delay_s = 0.3
    async with asking(configure, answer) as (gateway, _):
        call = incoming()
        assert (await gateway.ring(call)).body["status"] == "started"
    start = far.of("/start")[0].body["body"]
    assert (start["workflow"], start["variables"]) == ("reception", {})
    assert "refusal" not in start
    told = capfd.readouterr().err
    assert "did not say who is calling" in told
    assert str(call["From"]) not in told


async def test_a_silent_crm_delays_nobody(configure: Configure, far: Far) -> None:
    """A CRM that never answers does not slow the webhook, and its bot learns after two seconds at most."""

    async def answer(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.json_response(ANSWER)

    assert DEADLINE_S == 2
    async with asking(configure, answer, within_s=4 * DEADLINE_S) as (gateway, _):
        reply = await gateway.ring(incoming())
        assert (reply.body["status"], reply.took_s < 3 * DEADLINE_S) == ("started", True)
        async with asyncio.timeout(6 * DEADLINE_S):
            while len(gateway.app.state.link._contexts._tasks):
                await asyncio.sleep(0.05)
        async with asyncio.timeout(4):
            context = await context_of(gateway, far.of("/start")[0].body["body"])
    assert not any(context.values())


async def test_a_crm_that_keeps_failing_is_left_alone(configure: Configure, far: Far) -> None:
    """After five failures in a row calls go on without asking."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=503)

    async with asking(configure, answer) as (gateway, crm):
        for count in range(1, 6):
            await gateway.ring(incoming())
            async with asyncio.timeout(60):
                while len(crm.asked) < count:
                    await asyncio.sleep(0.01)
            await gateway.app.state.link._contexts.drain(60)
        assert (await gateway.ring(incoming())).body["status"] == "started"
        assert gateway.app.state.link._contexts._tasks._tasks == set()
    assert len(crm.asked) == 5
    assert far.of("/start")[-1].body["body"]["callback"]["ask_context"] is False


async def test_withheld_numbers_are_asked_about_too(configure: Configure, far: Far) -> None:
    """A caller without a number is asked about with null; 204 means that nothing is known."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=204)

    async with asking(configure, answer) as (gateway, crm):
        assert (await gateway.ring(incoming(From=...))).body["status"] == "started"
        async with asyncio.timeout(60):
            while not crm.asked:
                await asyncio.sleep(0.01)
    assert crm.asked[0]["from"] is None
