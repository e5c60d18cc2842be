"""Gateways that place calls, in real books: the gate, the CRM and the hosts of bots do as the test says."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from frontdesk.calls import queue_facts
from frontdesk.calls.ledger import Ledger
from frontdesk.calls.models import Data, Fact, GatewayFact, NewCall, Source
from frontdesk.calls.orders import AskPresence, CloseLine, Enqueue, Order
from frontdesk.calls.plan import Plan
from frontdesk.calls.state import CallState
from frontdesk.daily.installation import Installation
from frontdesk.engine.admission import Admission
from frontdesk.engine.callee import Callees
from frontdesk.engine.limits import Ceilings
from frontdesk.engine.placing import Parts, Placing
from frontdesk.engine.queue import Again
from frontdesk.errors import FrontdeskError
from frontdesk.gate.answers import Answer, Yes
from frontdesk.launch.books import Books
from frontdesk.launch.call import Call
from frontdesk.launch.service import Launched
from frontdesk.organizations import Organizations, load_organizations
from frontdesk.storage.database import Database
from server_utils import HostSession
from tests.engine import waiting
from tests.engine.waiting import WIDE, Clock, call_out

Yesses = deque[Answer]
UP_SINCE = 0.0


def organizations() -> Organizations:
    """The one of the repository, with the id of the test's calls."""
    (clinic,) = load_organizations(Path("clinics"))
    return Organizations([clinic.model_copy(update={"id": waiting.ORGANIZATION})])


class Killed(BaseException):
    """The process is no more."""


@dataclass
class Doom:
    """Kills a process at the nth moment at which it could be killed."""

    at: int = 0
    passed: int = 0

    def pass_by(self) -> None:
        """One such moment."""
        self.passed += 1
        if self.passed == self.at:
            raise Killed


class Mortal:
    """Something that a process works with; it may be killed before and after each use of it."""

    def __init__(self, real: Any, doom: Doom) -> None:
        self._real = real
        self._doom = doom

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._real, name)
        return self._mortal(value) if asyncio.iscoroutinefunction(value) else value

    def _mortal(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def mortal(*args: Any, **kwargs: Any) -> Any:
            self._doom.pass_by()
            result = await function(*args, **kwargs)
            self._doom.pass_by()
            return result

        return mortal


@dataclass
class Gate:
    """Says yes when nothing else was scripted."""

    answers: Yesses = field(default_factory=deque)
    crm: Yesses = field(default_factory=deque)
    asked: int = 0

    async def ask(self, call: NewCall, plan: Plan, now: float) -> Answer:
        self.asked += 1
        return self.answers.popleft() if self.answers else Yes()

    async def ask_crm(self, call: NewCall, plan: Plan, now: float) -> Answer:
        return self.crm.popleft() if self.crm else Yes()


@dataclass
class Holds:
    """Holds campaigns for the reasons of the test."""

    why: deque[str | None] = field(default_factory=deque)
    most: int | None = None

    async def hold(self, campaign_id: str) -> str | None:
        return self.why.popleft() if self.why else None

    async def most_at_once(self, campaign_id: str) -> int | None:
        return self.most


@dataclass
class Owners:
    """Knows which gateways the test has killed."""

    own_id: str
    dead: set[str]

    async def is_dead(self, gateway_id: str) -> bool:
        return gateway_id in self.dead


@dataclass(frozen=True)
class Bot:
    """A bot that was started."""

    call: Call
    attempt: int

    @property
    def session_id(self) -> str:
        """Names itself at the claim."""
        return f"bot-{self.call.call_id}-{self.attempt}"


class Hosts:
    """Starts bots, or fails as scripted."""

    def __init__(self, books: Books, started: list[Bot], failures: deque[Exception]) -> None:
        self.books = books
        self._started = started
        self._failures = failures

    async def start(self, call: Call, attempt: int) -> Launched:
        if self._failures:
            raise self._failures.popleft()
        bot = Bot(call, attempt)
        self._started.append(bot)
        return Launched("https://x.daily.co/room", bot.session_id)


class Launcher:
    """A launcher without Daily."""

    def __init__(self, hosts: Any, books: Any) -> None:
        self.hosts = hosts
        self.books = books

    @contextmanager
    def launching(self, call: Call, *, first: int = 1) -> Iterator["Launch"]:
        yield Launch(self, call, first)


@dataclass
class Launch:
    """One launch."""

    launcher: Launcher
    call: Call
    attempt_number: int

    async def attempt(self) -> Launched:
        launched: Launched = await self.launcher.hosts.start(self.call, self.attempt_number)
        self.launcher.books.started(
            self.call.call_id,
            self.attempt_number,
            launched.session_id,
            HostSession("local"),
            launched.room_url,
        )
        return launched

    async def give_up(self, error: FrontdeskError, *, final: bool = True) -> None:
        await self.launcher.books.gave_up(
            self.call.call_id, self.attempt_number, error, room_made=False, final=final
        )


class Gateway:
    """One process; `doom` may end it."""

    def __init__(self, town: "Town", name: str, books: waiting.Books, doom: Doom | None = None) -> None:
        doom = doom or Doom()
        self.name = name
        self.ledger: Ledger = books.ledger
        self.admission = books.admission
        self.books = Books(books.ledger, name, Installation(), clock=town.clock)
        mortal_books: Any = Mortal(self.books, doom)
        hosts = Mortal(Hosts(self.books, town.bots, town.failures), doom)
        parts: Any = {
            "ledger": books.ledger,
            "gate": town.gate,
            "admission": books.admission,
            "callees": Callees(town.database),
            "holds": town.holds,
            "owners": Owners(name, town.dead),
        }
        mortals: dict[str, Any] = {part: Mortal(real, doom) for part, real in parts.items()}
        launcher: Any = (town.launcher or Launcher)(hosts, mortal_books)
        known = Parts(**mortals, launcher=launcher, organizations=organizations(), rules=town.rules)
        self.placing = Placing(known, clock=town.clock, sleep=town.clock.sleep)
        books.keeper.wake = self.placing.wake

    async def place(self, call_id: str, attempt: int = 1, turn: int = 0) -> Again | None:
        """Have a call placed, and what it tells in the background written down."""
        try:
            return await self.placing.place(call_id, attempt, turn)
        finally:
            await self.books.drain(60)

    async def dies_over(self, call_id: str, attempt: int, turn: int) -> Again | None:
        """Have a call placed until this process is killed; nothing goes on afterwards."""
        try:
            return await self.placing.place(call_id, attempt, turn)
        finally:
            if (usher := self.placing._line._usher) is not None:
                usher.cancel()
                await asyncio.gather(usher, return_exceptions=True)
            await self.books.drain(0)


@dataclass
class Town:
    """What gateways share."""

    database: Database
    folder: Path
    ceilings: Ceilings = WIDE
    rules: bool = False
    clock: Clock = field(default_factory=Clock)
    gate: Gate = field(default_factory=Gate)
    holds: Holds = field(default_factory=Holds)
    dead: set[str] = field(default_factory=set)
    bots: list[Bot] = field(default_factory=list)
    failures: deque[Exception] = field(default_factory=deque)
    launcher: Callable[[Any, Any], Any] | None = None

    @asynccontextmanager
    async def gateway(self, name: str = "one", doom: Doom | None = None) -> AsyncIterator[Gateway]:
        """A process with a ledger of its own."""
        folder = self.folder / name
        async with waiting.books(self.database, folder, ceilings=self.ceilings, clock=self.clock) as books:
            yield Gateway(self, name, books, doom)

    async def finish(
        self, gateway: Gateway, call_id: str, *tasks: tuple[float, int, int], looks: int = 200
    ) -> CallState:
        """Play queue and clock until the call has ended, or a bot was told that it may dial."""
        queue = list(tasks)
        for _ in range(looks):
            state = await self._look(gateway, call_id, queue)
            if state.ended or any(attempt.claimed_by for attempt in state.attempts):
                return state
            if queue:
                queue.sort()
                at, attempt, turn = queue.pop(0)
                self.clock.now = max(self.clock.now, at)
                again = await gateway.place(call_id, attempt, turn)
                if again is not None:
                    assert not await self.waits_with_a_slot(gateway.ledger, call_id, attempt)
                    queue.append((again.at, attempt, turn + 1))
            elif (claimed := await self.claim(gateway.ledger, call_id)) is not None:
                return claimed
            else:
                self.clock.now = max(self.clock.now, state.due_at or 0.0) + 0.01
        raise AssertionError("the call came to nothing")

    async def claim(self, ledger: Ledger, call_id: str) -> CallState | None:
        """Every bot of a call asks whether it may dial, the last one first; the call if one of them may."""
        for bot in reversed([one for one in self.bots if one.call.call_id == call_id]):
            fact = queue_facts.claimed(call_id, bot.attempt, bot.session_id, self.clock.now)
            state = (await ledger.record(fact)).states[call_id]
            if state.claim_granted(bot.attempt, bot.session_id):
                return state
        return None

    async def waits_with_a_slot(self, ledger: Ledger, call_id: str, attempt: int) -> bool:
        """Whether an attempt that is in the queue holds a slot, so that others wait for nothing."""
        known = await ledger.load(call_id)
        in_queue = known is not None and known.state.waits_for(attempt)
        admission = Admission(self.database, self.ceilings)
        return in_queue and await admission.holds(call_id, attempt)

    async def _look(self, gateway: Gateway, call_id: str, queue: list[tuple[float, int, int]]) -> CallState:
        step = await gateway.ledger.tick(call_id, self.clock.now, UP_SINCE)
        assert step is not None
        for order in step.orders:
            await self._carry_out(gateway.ledger, call_id, order, queue)
        known = await gateway.ledger.load(call_id)
        assert known is not None
        return known.state

    async def _carry_out(
        self, ledger: Ledger, call_id: str, order: Order, queue: list[tuple[float, int, int]]
    ) -> None:
        if isinstance(order, Enqueue):
            task = (order.at, order.attempt, order.turn)
            queue += [] if task in queue else [task]
            fact = queue_facts.enqueued(call_id, order.attempt, order.turn, self.clock.now)
            await ledger.record(fact)
        elif isinstance(order, CloseLine):
            await ledger.record(self._fact(call_id, GatewayFact.CLOSED, order.attempt, {"how": "deleted"}))
        elif isinstance(order, AskPresence):
            data: Data = {"bot": False, "phones": 0}
            await ledger.record(self._fact(call_id, GatewayFact.PRESENCE, order.attempt, data))

    def _fact(self, call_id: str, kind: GatewayFact, attempt: int, data: Data) -> Fact:
        identity = f"{kind}:{attempt}:{self.clock.now}"
        return Fact(call_id, identity, Source.GATEWAY, kind, self.clock.now, attempt, data)


async def accepted(gateway: Gateway, **changes: Any) -> NewCall:
    """A call out that is in the books."""
    call = call_out(**changes)
    await gateway.ledger.open(call)
    return call
