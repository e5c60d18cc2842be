"""What Daily and the hosts of bots may answer to a launch: the reason, and when it is tried again."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from frontdesk.calls.state import CallState
from frontdesk.ended import EndedReason
from frontdesk.engine import slot_rows
from frontdesk.launch.service import Launcher
from frontdesk.storage.database import Database
from tests.databases import address, opened
from tests.engine.placing_town import UP_SINCE, Gateway, Town, accepted
from tests.engine.waiting import NOW
from tests.gateway.conftest import Configure, configure, far, production
from tests.gateway.far import Answer, Far

__all__ = ["configure", "far", "production"]
NO_BOT, FULL = EndedReason.BOT_START_FAILED, EndedReason.CAPACITY
AT_CAPACITY = {"error": "Service maximum agent instances reached", "code": "PCC-AGENT-AT-CAPACITY"}
NOT_READY = {"error": "Attempt to start agent when deployment is not in ready state.", "code": "PCC-1001"}
RATE_LIMIT = {"error": "rate-limit-error"}
REFUSED = {"error": "invalid-request-error", "info": "dialout is not enabled for the domain"}


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Args:
        where: Whose answer it is: `rooms` and `tokens` are Daily's, `starts` Pipecat Cloud's.
        answer: As they give it.
        code: Of the error.
        reason: Of the attempt's end.
        after_s: Seconds until the next attempt; None when none follows.
        slower: Whether dialing slows down.
    """

    where: str
    answer: Answer
    code: str
    reason: EndedReason
    after_s: float | None
    slower: bool = False


def later(status: int, body: Any = None, retry_after: int | None = None) -> Answer:
    """An answer with Retry-After."""
    return Answer(status, body, headers={} if retry_after is None else {"Retry-After": str(retry_after)})


TABLE = [
    Row("rooms", Answer(401, {"error": "authentication-error"}), "room_unauthorized", NO_BOT, None),
    Row("rooms", Answer(403, {"error": "forbidden"}), "room_unauthorized", NO_BOT, None),
    Row("rooms", Answer(400, REFUSED), "room_rejected", NO_BOT, None),
    Row("rooms", Answer(429, RATE_LIMIT), "room_rate_limited", FULL, 2, slower=True),
    Row("rooms", Answer(500, {"error": "server-error"}), "room_unavailable", NO_BOT, 1),
    Row("rooms", Answer(503, None), "room_unavailable", NO_BOT, 1),
    Row("rooms", Answer(reset=True), "room_unavailable", NO_BOT, 1),
    Row("rooms", Answer(hang=True), "room_unavailable", NO_BOT, 1),
    Row("rooms", Answer(text="<html>"), "room_unavailable", NO_BOT, 1),
    Row("tokens", Answer(401, {"error": "authentication-error"}), "room_unauthorized", NO_BOT, None),
    Row("tokens", Answer(400, {"error": "invalid-request-error"}), "room_failed", NO_BOT, 1),
    Row("tokens", Answer(429, RATE_LIMIT), "room_rate_limited", FULL, 2, slower=True),
    Row("tokens", Answer(500, None), "room_unavailable", NO_BOT, 1),
    Row("starts", Answer(400, {"error": "Bad request", "code": "400"}), "launch_rejected", NO_BOT, None),
    Row("starts", Answer(401, {"error": "Unauthorized"}), "launch_unauthorized", NO_BOT, None),
    Row("starts", Answer(403, {"error": "Forbidden"}), "launch_unauthorized", NO_BOT, None),
    Row("starts", Answer(404, {"error": "Service not found"}), "agent_not_found", NO_BOT, None),
    Row("starts", Answer(413, {"error": "Payload too large"}), "launch_too_large", NO_BOT, None),
    Row("starts", Answer(422, {"detail": []}), "launch_rejected", NO_BOT, None),
    Row("starts", later(429), "capacity", FULL, 2, slower=True),
    Row("starts", later(429, None, 17), "capacity", FULL, 17, slower=True),
    Row("starts", Answer(429, AT_CAPACITY), "capacity", FULL, 2, slower=True),
    Row("starts", Answer(503, AT_CAPACITY), "capacity", FULL, 2, slower=True),
    Row("starts", Answer(500, {"error": "maximum instances reached"}), "capacity", FULL, 2, slower=True),
    Row("starts", Answer(400, NOT_READY), "agent_not_ready", NO_BOT, 1),
    Row("starts", Answer(500, {"error": "Internal"}), "launch_unavailable", NO_BOT, 1),
    Row("starts", Answer(502, None), "launch_unavailable", NO_BOT, 1),
    Row("starts", Answer(503, None), "launch_unavailable", NO_BOT, 1),
    Row("starts", Answer(reset=True), "launch_unavailable", NO_BOT, 1),
    Row("starts", Answer(hang=True), "launch_timeout", NO_BOT, 1),
    Row("starts", Answer(302, None), "launch_bad_answer", NO_BOT, 1),
    Row("starts", Answer(200, "ok"), "launch_bad_answer", NO_BOT, 1),
]


class Nobody:
    """Neither the link nor the CRM has a part in this; which rooms are to be deleted at once is noted."""

    def __init__(self) -> None:
        self.removed: list[str] = []

    def remove(self, name: str) -> None:
        self.removed.append(name)

    def callback_for(self, *_: object, **__: object) -> None:
        pass


@pytest.fixture
async def books_file(tmp_path: Path) -> AsyncIterator[Database]:
    async with address("sqlite", tmp_path) as url, opened(url) as database:
        yield database


async def judged(town: Town, gateway: Gateway, call_id: str) -> CallState:
    """The call, once its first attempt is over, by the clock alone."""
    for _ in range(50):
        await gateway.ledger.tick(call_id, town.clock.now, UP_SINCE)
        known = await gateway.ledger.load(call_id)
        assert known is not None
        if known.state.ended or known.state.attempts[0].over:
            return known.state
        assert known.state.due_at is not None
        town.clock.now = max(town.clock.now, known.state.due_at)
    raise AssertionError("the attempt has no end")


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.where}-{row.answer.status}-{row.code}")
async def test_what_becomes_of_a_launch_that_fails(
    row: Row, production: Configure, far: Far, books_file: Database, tmp_path: Path
) -> None:
    """Each failure has its reason; the call is launched again when that may help, and not too early."""
    hangs = "launch_timeout_s" if row.where == "starts" else "upstream_timeout_s"
    patience = {hangs: 1} if row.answer.hang else {}
    settings = production(pipecat_agent_name="only", **{"upstream_timeout_s": 60} | patience)
    settings.publish()
    getattr(far, row.where).append(row.answer)
    async with aiohttp.ClientSession() as http:
        town = Town(books_file, tmp_path)
        nobody: Any = Nobody()
        town.launcher = lambda _, books: Launcher(
            http=http, settings=settings, remover=nobody, books=books, callbacks=nobody, callers=nobody
        )
        async with town.gateway() as gateway:
            call = await accepted(gateway)
            assert await gateway.place(call.id) is None
            state = await judged(town, gateway, call.id)
            far.release()
    assert nobody.removed == []
    (attempt,) = state.attempts
    assert attempt.launch_failed is not None
    assert attempt.launch_failed.code == row.code
    assert attempt.over is not None
    assert attempt.over.reason is row.reason
    if row.after_s is None:
        assert state.ended_reason is row.reason
    else:
        assert state.waiting is not None
        again_at = max(state.waiting.at, town.clock.now)
        assert again_at - NOW == pytest.approx(row.after_s, abs=0.1)
    async with books_file.writer() as connection:
        pace = await slot_rows.locked_pace(connection)
    assert (pace.slowdown > 1) is row.slower
    assert (pace.full_until > NOW) is row.slower
