"""A gateway that has nothing but the link, on a real port, with books that remember."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from frontdesk.calls.models import BotFact, Fact, NewCall
from frontdesk.calls.plan import Plan
from frontdesk.calls.state import Attempt, CallState, HangUp
from frontdesk.contract import CallContext
from frontdesk.doors.problems import install_problem_handlers, problem_response
from frontdesk.ended import EndedReason
from frontdesk.errors import FrontdeskError
from frontdesk.link import routes
from frontdesk.link.callbacks import Callbacks
from frontdesk.link.service import Books, LinkService
from frontdesk.link.tokens import LinkTokens
from server import UVICORN
from tests.calls.samples import planned_call

DAILY_KEY = "simulated-daily-key"


@dataclass
class Recorded:
    """What became of facts."""

    states: dict[str, CallState]
    unknown: frozenset[str] = frozenset()


@dataclass
class Known:
    """A call."""

    state: CallState

    @property
    def call(self) -> NewCall:
        """As it was accepted."""
        return planned_call(self.state.id)


@dataclass
class NotedBooks:
    """Books in memory: the facts of known calls, each once, in the order in which they came.

    The first claim of an attempt is granted. While `spools`, facts are kept and no state is known.
    """

    facts: list[Fact] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    hang_up: EndedReason | None = None
    plan: Plan | None = None
    spools: bool = False
    writes: int = 0

    async def record(self, *facts: Fact) -> Recorded:
        call_ids = {fact.call_id for fact in facts}
        if call_ids & self.unknown:
            return Recorded({}, frozenset(call_ids & self.unknown))
        self.writes += 1
        seen = {(fact.call_id, fact.id) for fact in self.facts}
        self.facts += [fact for fact in facts if (fact.call_id, fact.id) not in seen]
        return Recorded({} if self.spools else {call_id: self._state(call_id) for call_id in call_ids})

    async def load(self, call_id: str) -> Known | None:
        return None if call_id in self.unknown else Known(self._state(call_id))

    def types(self, call_id: str | None = None) -> list[str]:
        """The types of a call's facts, or of all."""
        return [fact.type for fact in self.facts if call_id in (None, fact.call_id)]

    def _state(self, call_id: str) -> CallState:
        order = HangUp(1.0, self.hang_up) if self.hang_up else None
        attempts = self._attempts(call_id)
        return CallState(call_id, "inbound", 0.0, 3600.0, hang_up=order, attempts=attempts, plan=self.plan)

    def _attempts(self, call_id: str) -> tuple[Attempt, ...]:
        claims: dict[int, str] = {}
        for fact in self.facts:
            if fact.call_id == call_id and fact.type == BotFact.CLAIMED:
                claims.setdefault(fact.attempt, str(fact.data["session_id"]))
        return tuple(Attempt(number, claimed_by=claims[number]) for number in sorted(claims))


@dataclass
class NotedContexts:
    """What the CRM says of every caller, and when."""

    answer: CallContext | None = None
    after_s: float = 0.0
    asked: list[str] = field(default_factory=list)

    async def context(self, call_id: str, wait_s: float) -> CallContext | None:
        self.asked.append(call_id)
        await asyncio.sleep(min(wait_s, self.after_s))
        return self.answer if self.after_s <= wait_s else None


Mishap = int | str | FrontdeskError


class Mishaps:
    """What goes wrong in front of the gateway: each entry is what happens to the next request.

    A status answers with it, `lost` lets the gateway work and loses its answer, `garbage` answers nonsense,
    `hang` never answers. An error is the gateway's own answer.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self.plan: list[Mishap] = []
        self.met: list[Mishap] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self.plan:
            await self._app(scope, receive, send)
            return
        mishap = self.plan.pop(0)
        self.met.append(mishap)
        if mishap == "lost":
            await self._app(scope, receive, _nowhere)
        if mishap == "hang":
            await _disconnected(receive)
            return
        if isinstance(mishap, FrontdeskError):
            await problem_response(mishap, None)(scope, receive, send)
            return
        status = mishap if isinstance(mishap, int) else 502 if mishap == "lost" else 200
        await Response("<html>not what you expected</html>", status)(scope, receive, send)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _nowhere(_: Any) -> None:
    pass


@dataclass
class LinkDesk:
    """A running gateway's link."""

    url: str
    books: NotedBooks
    contexts: NotedContexts
    tokens: LinkTokens
    mishaps: Mishaps
    callbacks: Callbacks


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def link_desk(
    *, heartbeat_s: float = 10, clock: Any = None, ledger: Books | None = None
) -> AsyncIterator[LinkDesk]:
    """Serve the link's routes, with books that only remember unless others are given."""
    more = {} if clock is None else {"clock": clock}
    books, contexts, tokens = NotedBooks(), NotedContexts(), LinkTokens(DAILY_KEY, **more)
    app = FastAPI()
    app.include_router(routes.router)
    install_problem_handlers(app)
    app.state.link_tokens = tokens
    app.state.link = LinkService(ledger or books, lease_s=45, contexts=contexts, **more)
    mishaps = Mishaps(app)
    options = UVICORN | {"timeout_graceful_shutdown": 1, "lifespan": "off"}
    server = _Server(uvicorn.Config(mishaps, "127.0.0.1", 0, **options))
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(60):
        while not server.started:
            await asyncio.sleep(0.005)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    callbacks = Callbacks(url, tokens, hold_s=40, heartbeat_s=heartbeat_s)
    try:
        yield LinkDesk(url, books, contexts, tokens, mishaps, callbacks)
    finally:
        server.should_exit = True
        await task
