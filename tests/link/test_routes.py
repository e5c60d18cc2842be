"""The gateway's end of the link, over HTTP."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from frontdesk.calls.models import BotFact, Source
from frontdesk.contract import CallContext, Limits
from frontdesk.ended import EndedReason
from frontdesk.link.routes import LIMIT_BYTES
from tests.link.desk import LinkDesk, link_desk

CALL, OTHER = "c" * 32, "d" * 32
NOW = 1_800_000_000.0


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def desk(clock: Clock) -> AsyncIterator[LinkDesk]:
    async with link_desk(clock=clock) as desk:
        yield desk


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as http:
        yield http


def event(kind: str, sequence: int = 1, **data: Any) -> dict[str, Any]:
    """One report."""
    at = datetime.fromtimestamp(NOW, UTC).isoformat()
    return {"id": f"s-{sequence:06}", "sequence": sequence, "type": kind, "at": at, "data": data}


class Bot:
    """Speaks HTTP as a bot does."""

    def __init__(self, desk: LinkDesk, http: aiohttp.ClientSession, token: str | None = None) -> None:
        self._desk = desk
        self._http = http
        self._token = token or desk.tokens.issue(CALL, 2, 100)

    async def send(self, *events: dict[str, Any], call_id: str = CALL, **more: Any) -> tuple[int, Any]:
        """Post a batch; gives status and answer."""
        options = {"json": {"session_id": "s", "events": list(events)}} | more
        return await self._ask("POST", f"{call_id}/events", **options)

    async def claim(self, session_id: object = "s", call_id: str = CALL, **more: Any) -> tuple[int, Any]:
        """Ask whether this bot may dial."""
        return await self._ask("POST", f"{call_id}/claim", json={"session_id": session_id} | more)

    async def context(self, wait_s: object = 0, call_id: str = CALL) -> tuple[int, Any]:
        """Ask who is calling."""
        return await self._ask("GET", f"{call_id}/context", params={"wait_s": str(wait_s)})

    async def _ask(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self._token}"}
        url = f"{self._desk.url}/link/calls/{path}"
        async with self._http.request(method, url, headers=headers, **options) as answer:
            return answer.status, await answer.json(content_type=None)


@pytest.fixture
def bot(desk: LinkDesk, http: aiohttp.ClientSession) -> Bot:
    return Bot(desk, http)


async def test_reports_become_facts_of_the_tokens_attempt(desk: LinkDesk, bot: Bot) -> None:
    """A report is written down with its id, its time, and the call and attempt that the token names."""
    turn = {"role": "user", "text": "Hello?", "latency_ms": {"total": 812.5}, "mood": "kept"}
    status, answer = await bot.send(event("connected", 1, session_id="leg"), event("turn", 2, **turn))
    assert (status, answer) == (200, {"taken": 2, "orders": {"hang_up": None}})
    connected, said = desk.books.facts
    assert (connected.call_id, connected.attempt, connected.source) == (CALL, 2, Source.BOT)
    assert (connected.id, connected.type, connected.at) == ("s-000001", "connected", NOW)
    assert connected.data == {"session_id": "leg"}
    assert said.data == turn


async def test_no_clock_of_a_bot_moves_a_call(desk: LinkDesk, bot: Bot, clock: Clock) -> None:
    """Whatever a bot's clock says, nothing happened before its token was issued or after it was reported."""
    clock.now += 60
    times = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
    status, _ = await bot.send(*(event("greeting", n) | {"at": at} for n, at in enumerate(times, 1)))
    assert status == 200
    assert [fact.at for fact in desk.books.facts] == [NOW, NOW + 60]


async def test_what_a_newer_bot_says_is_kept(desk: LinkDesk, bot: Bot) -> None:
    """An unknown type is a fact like any other, and an unknown reason still ends the call."""
    status, _ = await bot.send(event("mind_changed", 1, times=3), event("ended", 2, reason="vanished"))
    assert status == 200
    assert [(fact.type, fact.data) for fact in desk.books.facts] == [
        ("mind_changed", {"times": 3}),
        ("ended", {"reason": "lost", "detail": "vanished"}),
    ]


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        (event("turn", 1, role="cat", text="Meow"), "events.0.turn.data.role"),
        (event("tool", 1, name="x"), "events.0.tool.data.ok"),
        (event("ringing", 1), "events.0.dial.data.dial"),
        (event("ended", 1), "events.0.end.data.reason"),
        (event("closed", 1), "events.0.other.type"),
        (event("claimed", 1, session_id="s"), "events.0.other.type"),
        (event("heartbeat", 1), "events.0.other.type"),
        (event("daily.dialin.stopped", 1), "events.0.other.type"),
        (event("greeting", 1) | {"id": "hang_up:canceled"}, "events.0.other.id"),
        (event("greeting", 1) | {"id": "opened"}, "events.0.other.id"),
        (event("greeting", 1) | {"id": "claimed:s"}, "events.0.other.id"),
        (event("greeting", 1) | {"at": "yesterday"}, "events.0.other.at"),
        (event("greeting", 1) | {"sequence": "1"}, "events.0.other.sequence"),
        ("greeting", "events.0.other"),
    ],
)
async def test_a_bad_report_is_named_by_its_place(desk: LinkDesk, bot: Bot, wrong: Any, place: str) -> None:
    """A report that cannot be is 422 with its place, quotes nothing, and nothing of its batch is written."""
    status, problem = await bot.send(wrong, event("greeting", 2))
    assert (status, problem["code"]) == (422, "invalid_body")
    assert problem["errors"][0]["field"] == place
    assert "Meow" not in str(problem)
    assert desk.books.facts == []


async def test_a_batch_out_of_order_is_refused(bot: Bot) -> None:
    """The sequence within a batch only rises."""
    status, problem = await bot.send(event("greeting", 2), event("first_word", 1))
    assert (status, problem["errors"][0]["field"]) == (422, "events")


async def test_every_fact_of_bots_can_be_reported(desk: LinkDesk, bot: Bot) -> None:
    """The vocabulary of the ledger and of the link is one; only claims have a door of their own."""
    kinds = [kind for kind in BotFact if kind is not BotFact.CLAIMED]
    data = {"dial": 1, "reason": "busy", "role": "bot", "text": "Hi", "name": "end_call", "ok": True}
    status, answer = await bot.send(*(event(kind, n, **data) for n, kind in enumerate(kinds, 1)))
    assert (status, answer["taken"]) == (200, len(kinds))
    assert desk.books.types() == kinds


async def test_a_body_beyond_the_limit_is_refused(bot: Bot) -> None:
    """More than half a mebibyte is not read."""
    status, _ = await bot.send(data=b" " * (LIMIT_BYTES + 1), json=None)
    assert status == 415
    text = "x" * (LIMIT_BYTES + 1)
    status, problem = await bot.send(event("turn", 1, role="bot", text=text))
    assert (status, problem["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("path", ["events", "context", "claim"])
async def test_a_token_is_good_for_one_call_only(
    desk: LinkDesk, http: aiohttp.ClientSession, clock: Clock, path: str
) -> None:
    """Every route of the link refuses another call's token, a foreign, a missing and an expired one."""
    method = "GET" if path == "context" else "POST"
    good = desk.tokens.issue(CALL, 1, 100)
    head, payload, signature = good.split(".")
    cases = {
        f"Bearer {desk.tokens.issue(OTHER, 1, 100)}": "link_token_invalid",
        f"Bearer {head}.{payload}.{signature[::-1]}": "link_token_invalid",
        "Bearer x": "link_token_invalid",
        f"Basic {good}": "link_token_invalid",
        "": "link_token_invalid",
        f"Bearer {desk.tokens.issue(CALL, 1, -1)}": "link_token_expired",
    }
    for header, code in cases.items():
        headers = {"Authorization": header} if header else {}
        url = f"{desk.url}/link/calls/{CALL}/{path}"
        async with http.request(method, url, headers=headers, data=b"no json") as answer:
            assert (answer.status, (await answer.json(content_type=None))["code"]) == (401, code), header
    assert desk.books.facts == []
    clock.now += 99
    assert (await Bot(desk, http, good).send())[0] == 200
    clock.now += 1
    assert (await Bot(desk, http, good).send())[1]["code"] == "link_token_expired"


async def test_the_token_outlives_the_longest_call(desk: LinkDesk, clock: Clock) -> None:
    """Hold, every dial, the whole conversation and a minute without gateway fit into a token's life."""
    limits = Limits(max_duration_s=3600, ring_timeout_s=45, dial_attempts=5)
    callback = desk.callbacks.callback_for(CALL, 1, limits, ask_context=True)
    clock.now += 5 * (45 + 25 + 37.5 + 15) + 3600 + 20 + 240
    assert desk.tokens.check(callback.token, CALL).attempt == 1
    assert callback.ask_context
    assert callback.heartbeat_s == 10


async def test_a_call_that_is_not_known_yet_may_be_soon(desk: LinkDesk, bot: Bot, clock: Clock) -> None:
    """A young call's reports are to be sent again, with and without events; an old one's are over."""
    await bot.send()
    desk.books.unknown.add(CALL)
    token = Bot(desk, bot._http, desk.tokens.issue(CALL, 1, 10_000))
    for events in ([], [event("joined", 1)]):
        status, problem = await token.send(*events)
        assert (status, problem["code"], problem["retryable"]) == (404, "link_call_unknown", True)
    clock.now += 301
    for events in ([], [event("joined", 1)]):
        status, problem = await token.send(*events)
        assert (status, problem["code"], problem["retryable"]) == (410, "link_call_gone", False)
    desk.books.unknown.clear()


async def test_heartbeats_cost_a_write_now_and_then(desk: LinkDesk, bot: Bot, clock: Clock) -> None:
    """Within a third of the lease one write says that the bot lives; reports count as well."""
    await bot.send()
    for _ in range(14):
        clock.now += 1
        assert (await bot.send())[1]["taken"] == 0
    assert desk.books.types() == ["heartbeat"]
    clock.now += 1
    await bot.send()
    assert desk.books.types() == ["heartbeat"] * 2
    clock.now += 14
    await bot.send(event("greeting", 1))
    clock.now += 14
    await bot.send()
    assert desk.books.types() == ["heartbeat"] * 2 + ["greeting"]
    assert len({fact.id for fact in desk.books.facts}) == 3


@pytest.mark.parametrize("reason", [EndedReason.CANCELED, EndedReason.MAX_DURATION])
async def test_the_answer_carries_orders(desk: LinkDesk, bot: Bot, reason: EndedReason) -> None:
    """The next answer after a hang-up was decided tells the bot, also one that wrote nothing."""
    await bot.send()
    desk.books.hang_up = reason
    assert (await bot.send())[1]["orders"] == {"hang_up": reason.value}
    assert (await bot.send(event("turn", 1, role="bot", text="x")))[1]["orders"] == {"hang_up": reason.value}


async def test_the_context_comes_in_time_or_not_at_all(desk: LinkDesk, bot: Bot) -> None:
    """What the CRM said is passed on; what it did not say in time is nothing."""
    nothing: dict[str, Any] = {"variables": {}, "workflow": None, "refusal": None}
    assert await bot.context() == (200, nothing)
    desk.contexts.answer = CallContext(variables={"name": "Ada"}, workflow="reception")
    assert await bot.context(1) == (200, nothing | {"variables": {"name": "Ada"}, "workflow": "reception"})
    desk.contexts.after_s = 0.2
    assert await bot.context(0.1) == (200, nothing)
    assert (await bot.context(60))[0] == 422


async def test_of_two_bots_one_may_dial(desk: LinkDesk, bot: Bot) -> None:
    """The first to claim an attempt is granted it, also when it asks again; another one never is."""
    assert await bot.claim("first") == (200, {"granted": True})
    assert await bot.claim("second") == (200, {"granted": False})
    assert await bot.claim("first") == (200, {"granted": True})
    assert await bot.claim("second") == (200, {"granted": False})
    assert [fact.id for fact in desk.books.facts] == ["claimed:2:first", "claimed:2:second"]
    claimed = desk.books.facts[0]
    assert (claimed.source, claimed.attempt, claimed.data) == (Source.BOT, 2, {"session_id": "first"})


async def test_who_does_not_hold_the_claim_is_not_believed(desk: LinkDesk, bot: Bot) -> None:
    """Of two bots of one start request the holder's word counts; the other's is taken, and it has to go."""
    await bot.claim("first")
    gone = {"session_id": "s", "claim": "second", "events": [event("ended", 1, reason="lost")]}
    assert await bot.send(json=gone) == (200, {"taken": 1, "orders": {"hang_up": "canceled"}})
    silent = {"session_id": "s", "claim": "second", "events": []}
    assert await bot.send(json=silent) == (200, {"taken": 0, "orders": {"hang_up": "canceled"}})
    assert desk.books.types() == ["claimed"]
    talks = {"session_id": "s", "claim": "first", "events": [event("dialing", 2, dial=1)]}
    assert await bot.send(json=talks) == (200, {"taken": 1, "orders": {"hang_up": None}})
    assert desk.books.types() == ["claimed", "dialing"]


async def test_a_bot_that_names_no_claim_is_believed(desk: LinkDesk, bot: Bot) -> None:
    """Bots that are older, and those of calls in, report as ever."""
    await bot.claim("first")
    assert await bot.send(event("joined", 1)) == (200, {"taken": 1, "orders": {"hang_up": None}})
    assert desk.books.types() == ["claimed", "joined"]


async def test_a_field_of_a_newer_bots_batch_is_left_alone(desk: LinkDesk, bot: Bot) -> None:
    """What is unknown here costs no report: so a gateway may be older than its bots."""
    newer = {"session_id": "s", "mood": "hopeful", "events": [event("joined", 1)]}
    assert (await bot.send(json=newer))[0] == 200
    assert desk.books.types() == ["joined"]


async def test_a_call_that_was_called_off_is_granted_to_nobody(desk: LinkDesk, bot: Bot) -> None:
    """Once the gateway has decided to hang up, no bot may dial, not even the one that was granted before."""
    assert await bot.claim("first") == (200, {"granted": True})
    desk.books.hang_up = EndedReason.CANCELED
    assert await bot.claim("first") == (200, {"granted": False})


async def test_nothing_is_granted_from_the_spool(desk: LinkDesk, bot: Bot) -> None:
    """While the database does not answer, a claim is 503 and to be repeated; then it is decided."""
    desk.books.spools = True
    for _ in range(2):
        status, problem = await bot.claim()
        assert (status, problem["code"], problem["retryable"]) == (503, "link_undecided", True)
    desk.books.spools = False
    assert await bot.claim() == (200, {"granted": True})


async def test_a_claim_of_a_call_that_is_not_known_yet(desk: LinkDesk, bot: Bot, clock: Clock) -> None:
    """A young call's claim is to be repeated, an old one's is over."""
    desk.books.unknown.add(CALL)
    status, problem = await bot.claim()
    assert (status, problem["code"], problem["retryable"]) == (404, "link_call_unknown", True)
    token = Bot(desk, bot._http, desk.tokens.issue(CALL, 1, 10_000))
    clock.now += 301
    status, problem = await token.claim()
    assert (status, problem["code"], problem["retryable"]) == (410, "link_call_gone", False)


async def test_a_further_dial_is_asked_for_at_the_same_door(desk: LinkDesk, bot: Bot) -> None:
    """The bot that holds the claim is granted it, another one is not, and no fact comes of it."""
    assert await bot.claim("first") == (200, {"granted": True})
    assert await bot.claim("first", dial=2) == (200, {"granted": True})
    assert await bot.claim("second", dial=2) == (200, {"granted": False})
    assert [fact.id for fact in desk.books.facts] == ["claimed:2:first"]


async def test_what_a_newer_bot_asks_is_answered_as_far_as_it_is_understood(bot: Bot) -> None:
    """A field that is unknown here costs a bot nothing: so a gateway may be older than its bots."""
    assert await bot.claim("first", mood="hopeful") == (200, {"granted": True})


@pytest.mark.parametrize("dial", [0, 1001, "2", None, 1.5])
async def test_a_further_dial_has_a_number(desk: LinkDesk, bot: Bot, dial: object) -> None:
    """Which dial cannot be guessed: what is no number is refused, and grants nothing."""
    status, problem = await bot.claim("first", dial=dial)
    assert (status, problem["errors"][0]["field"]) == (422, "dial")
    assert desk.books.facts == []


@pytest.mark.parametrize("session_id", ["", "x" * 101, 7, None])
async def test_a_claim_needs_a_session(desk: LinkDesk, bot: Bot, session_id: object) -> None:
    """Without a session of its own a bot is granted nothing."""
    status, problem = await bot.claim(session_id)
    assert (status, problem["errors"][0]["field"]) == (422, "session_id")
    assert desk.books.facts == []
