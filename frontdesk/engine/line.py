"""Where attempts of this process wait for a slot: one at a time asks the database, the urgent first."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from frontdesk.engine.limits import Limit
from frontdesk.engine.wanted import Full, Granted, NotYet, Refusal, Wanted
from frontdesk.errors import FrontdeskError

POLL_S = 0.5
"""How often to ask for a slot that is full: what other gateways release wakes nobody here."""
OWN_PATIENCE_S = 5.0
"""Most seconds to wait for a limit of the call's own: meanwhile others could be dialed."""
_SHORTEST_S = 0.001
Key = tuple[Limit, str]


@dataclass(eq=False, slots=True)
class _Waiter:
    wanted: Wanted
    number: int
    until: float
    answer: "asyncio.Future[Granted | Refusal]"
    refusal: Refusal | None = None
    holds: bool = False
    keys: frozenset[Key] = field(init=False)

    def __post_init__(self) -> None:
        self.keys = frozenset() if self.holds else self._all_keys()

    def _all_keys(self) -> frozenset[Key]:
        return frozenset(_key(self.wanted, limit) for limit in Limit if _counts(self.wanted, limit))

    def is_full(self) -> None:
        """For who has a slot, too: it waits as everybody does."""
        self.holds, self.keys = False, self._all_keys()

    @property
    def rank(self) -> tuple[bool, bool, int]:
        """Sorts first who has a slot already, then the urgent; among equals, who came first."""
        return not self.holds, not self.wanted.urgent, self.number


async def _nobody(_call_id: str, _attempt: int) -> bool:
    return False


class Line:
    """A queue for slots. Who is refused waits; who waits for the same asks nobody meanwhile.

    What a process that died over a placement had taken is found again: it is full for nobody who has it.

    Args:
        take: Asks for a slot.
        give_back: Returns one that nobody waits for any more.
        holds: Whether an attempt has a slot already.
        clock: UTC seconds.
        sleep: How to wait, in seconds.
    """

    def __init__(
        self,
        take: Callable[[Wanted], Awaitable[Granted | Refusal]],
        give_back: Callable[[str, int], Awaitable[None]],
        *,
        holds: Callable[[str, int], Awaitable[bool]] = _nobody,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._take = take
        self._give_back = give_back
        self._holds = holds
        self._clock = clock
        self._sleep = sleep
        self._numbers = itertools.count()
        self._waiting: list[_Waiter] = []
        self._opens_at = 0.0
        self._full_until: dict[Key, float] = {}
        self._woken = asyncio.Event()
        self._usher: asyncio.Task[None] | None = None

    async def wait(self, wanted: Wanted, patience_s: float) -> Granted | Refusal:
        """Wait for a slot; the last refusal when patience is over, or when it certainly will be.

        Raises:
            DatabaseUnavailableError: The database is away.
        """
        holds = await self._holds(wanted.call_id, wanted.attempt)
        answer: asyncio.Future[Granted | Refusal] = asyncio.get_running_loop().create_future()
        waiter = _Waiter(wanted, next(self._numbers), self._clock() + patience_s, answer, holds=holds)
        self._waiting.append(waiter)
        self._woken.set()
        if self._usher is None or self._usher.done():
            self._usher = asyncio.create_task(self._serve(), name="line for slots")
        try:
            return await answer
        finally:
            if waiter in self._waiting:
                self._waiting.remove(waiter)

    def wake(self) -> None:
        """A slot may be free."""
        self._full_until.clear()
        self._woken.set()

    async def _serve(self) -> None:
        try:
            while self._waiting:
                self._woken.clear()
                self._dismiss()
                waiter = self._next()
                if waiter is not None:
                    await self._ask(waiter)
                elif self._waiting:
                    await self._pause()
        finally:
            for waiter in self._waiting:
                waiter.answer.cancel()

    async def _ask(self, waiter: _Waiter) -> None:
        try:
            answer = await self._take(waiter.wanted)
        except Exception as error:  # noqa: BLE001 - whoever waits gets it
            self._leave(waiter)
            if not waiter.answer.done():
                waiter.answer.set_exception(error)
            return
        if isinstance(answer, Granted):
            self._opens_at = answer.next_at
            await self._hand_over(waiter, answer)
        elif isinstance(answer, NotYet):
            self._opens_at = answer.at
            for other in self._waiting:
                other.refusal = answer
        elif isinstance(answer, Full):
            self._note_full(waiter, answer)
        else:
            await self._hand_over(waiter, answer)

    async def _hand_over(self, waiter: _Waiter, answer: Granted | Refusal) -> None:
        self._leave(waiter)
        if not waiter.answer.done():
            waiter.answer.set_result(answer)
        elif isinstance(answer, Granted):
            with suppress(FrontdeskError):  # if that fails, it is found and given back later
                await self._give_back(waiter.wanted.call_id, waiter.wanted.attempt)

    def _note_full(self, waiter: _Waiter, answer: Full) -> None:
        waiter.is_full()
        now = self._clock()
        key = _key(waiter.wanted, answer.limit)
        self._full_until[key] = now + POLL_S
        for other in self._waiting:
            if key in other.keys:
                other.refusal = answer
                if not answer.limit.of_all:
                    other.until = min(other.until, now + OWN_PATIENCE_S)

    def _leave(self, waiter: _Waiter) -> None:
        if waiter in self._waiting:
            self._waiting.remove(waiter)

    def _dismiss(self) -> None:
        """Send away those whose patience is over, or will be before anybody may be dialed."""
        now = self._clock()
        for waiter in tuple(self._waiting):
            if self._opens_at > waiter.until:
                waiter.refusal = NotYet(self._opens_at)
            elif waiter.refusal is None or now < waiter.until:
                continue
            self._leave(waiter)
            if not waiter.answer.done():
                waiter.answer.set_result(waiter.refusal)

    def _next(self) -> _Waiter | None:
        now = self._clock()
        if now < self._opens_at:
            return None
        self._full_until = {key: until for key, until in self._full_until.items() if now < until}
        free = (waiter for waiter in self._waiting if waiter.keys.isdisjoint(self._full_until))
        return min(free, key=lambda waiter: waiter.rank, default=None)

    async def _pause(self) -> None:
        """Until something may have changed, or somebody came."""
        now = self._clock()
        times = [waiter.until for waiter in self._waiting]
        times += [self._opens_at] if now < self._opens_at else list(self._full_until.values())
        later = [at for at in times if at > now]
        sleeping = asyncio.ensure_future(self._sleep(max(_SHORTEST_S, min(later, default=now) - now)))
        woken = asyncio.ensure_future(self._woken.wait())
        try:
            await asyncio.wait((sleeping, woken), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            woken.cancel()


def _counts(wanted: Wanted, limit: Limit) -> bool:
    return wanted.campaign_id is not None or limit not in {Limit.CAMPAIGN, Limit.SINGLE_RESERVE}


def _key(wanted: Wanted, limit: Limit) -> Key:
    """What is full for everybody who has the same key."""
    whose = {
        Limit.ORGANIZATION: wanted.organization_id,
        Limit.CALLER_ID: f"{wanted.organization_id}/{wanted.caller_id}",
        Limit.CAMPAIGN: wanted.campaign_id or "",
    }
    return limit, whose.get(limit, "")
