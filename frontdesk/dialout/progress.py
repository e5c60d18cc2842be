"""How far calls are that were just accepted: somebody waits for the answer."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from frontdesk.calls.entries import LedgerCall
from frontdesk.calls.ledger import Ledger
from frontdesk.calls.state import Attempt, CallState
from frontdesk.errors import DatabaseUnavailableError
from frontdesk.launch.service import Launched

_LOOK_S = 0.25


class Followed:
    """A call that somebody waits for.

    Args:
        state: As far as it is known; None while it is in the spool.
    """

    def __init__(self, state: CallState | None) -> None:
        self.state = state
        self.launched: Launched | None = None
        self._moved = asyncio.Event()

    def moved(self) -> None:
        """Something has changed."""
        self._moved.set()

    async def settled(self, within_s: float, clock: Callable[[], float]) -> None:
        """Wait until a bot is on its way, or it is clear that none will be in time; not longer than this."""
        deadline = clock() + within_s
        try:
            async with asyncio.timeout(within_s):
                while not self._is_settled(deadline):
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError:
            return

    def _is_settled(self, deadline: float) -> bool:
        state = self.state
        if self.launched is not None:
            return True
        if state is None:
            return False
        waits = state.waiting is not None and state.waiting.at > deadline
        return waits or state.ended or bot_of(state) is not None


def bot_of(state: CallState) -> Attempt | None:
    """The attempt that goes on and whose bot is on its way, or there."""
    started = (one for one in state.attempts if one.bot_started_at is not None and one.over is None)
    return next(started, None)


class Progress:
    """Tells those who wait what becomes of their calls.

    Args:
        ledger: Whose commits are watched.
        shared: Whether another gateway may place the call, of whose commits only the books tell.
        clock: UTC seconds.
    """

    def __init__(
        self, ledger: Ledger, *, shared: bool = False, clock: Callable[[], float] = time.time
    ) -> None:
        self._followed: dict[str, Followed] = {}
        self._ledger = ledger
        self._shared = shared
        self._clock = clock
        ledger.watch(self._changed)

    def launched(self, call_id: str, launched: Launched) -> None:
        """A bot is on its way into the room of a call."""
        followed = self._followed.get(call_id)
        if followed is not None:
            followed.launched = launched
            followed.moved()

    @contextmanager
    def following(self, call_id: str, state: CallState | None) -> Iterator[Followed]:
        """Follow a new call, of which nobody else can know yet."""
        followed = self._followed[call_id] = Followed(state)
        try:
            yield followed
        finally:
            del self._followed[call_id]

    async def settled(self, call_id: str, followed: Followed, within_s: float) -> None:
        """Wait for the launch of a call; see `Followed.settled`."""
        looking = asyncio.create_task(self._look(call_id, followed)) if self._shared and within_s else None
        try:
            await followed.settled(within_s, self._clock)
        finally:
            if looking is not None:
                looking.cancel()

    async def _look(self, call_id: str, followed: Followed) -> None:
        """Read where the call stands, again and again."""
        while True:
            await asyncio.sleep(_LOOK_S)
            with contextlib.suppress(DatabaseUnavailableError):
                known = await self._ledger.load(call_id)
                if known is not None:
                    followed.state = known.state
                    followed.moved()

    def _changed(self, changed: LedgerCall) -> None:
        followed = self._followed.get(changed.state.id)
        if followed is not None:
            followed.state = changed.state
            followed.moved()
