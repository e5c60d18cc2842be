"""The start of an attempt: written down first, launched once, whoever dies in between."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from loguru import logger

from frontdesk.calls import evidence
from frontdesk.calls.state import Attempt, CallState
from frontdesk.ended import EndedReason
from frontdesk.engine.admission import Admission
from frontdesk.engine.queue import Again
from frontdesk.engine.turns import Turn
from frontdesk.errors import FrontdeskError
from frontdesk.launch.books import others_full
from frontdesk.launch.service import Launched, Launcher

UNDECIDED_S = 10.0
"""How long to wait for a database that does not say whose attempt it is."""
_SOON_S = 2.0
_ALIVE_S = 5.0


class Owners(Protocol):
    """Which gateways run; `frontdesk.calls.gateways.Gateways`."""

    @property
    def own_id(self) -> str:
        """Of this gateway."""

    async def is_dead(self, gateway_id: str) -> bool:
        """Whether a gateway is certainly no more."""


class Start:
    """Opens attempts that may dial and launches their bots.

    Args:
        launcher: Makes the room and starts the bot; its books arbitrate whose attempt it is.
        admission: Where the slot is from.
        owners: Which gateways run.
        clock: UTC seconds.
    """

    def __init__(
        self,
        launcher: Launcher,
        admission: Admission,
        owners: Owners,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._launcher = launcher
        self._books = launcher.books
        self._admission = admission
        self._owners = owners
        self._clock = clock
        self._unlaunched: set[tuple[str, int]] = set()
        self.launched: Callable[[str, Launched], None] = lambda _call_id, _launched: None

    async def dial(self, turn: Turn) -> Again | None:
        """Open an attempt that has a slot, and launch its bot.

        Raises:
            FrontdeskError: Something could not be written down or looked up: nothing was launched.
        """
        key = (turn.call.id, turn.attempt)
        self._unlaunched.add(key)
        state = await self._open(turn)
        if state is None:
            return Again(self._clock() + _SOON_S)
        attempt = state.find(turn.attempt)
        if attempt is None or attempt.owner != self._owners.own_id:
            self._unlaunched.discard(key)
            await self._admission.give_back(*key)
            return Again(self._clock() + _SOON_S)
        if await self._called_off(state, attempt) or await self._without_slot(state, attempt):
            self._unlaunched.discard(key)
            return None
        self._unlaunched.discard(key)
        await self._launch(turn)
        return None

    async def inherit(self, state: CallState, attempt: Attempt) -> Again | None:
        """See to an attempt that was opened before: by another gateway, or by this one.

        Raises:
            FrontdeskError: Something could not be written down or looked up.
        """
        if state.ended or _came_to_something(attempt):
            return None
        key = (state.id, attempt.number)
        if attempt.owner == self._owners.own_id:
            if key in self._unlaunched:
                await self._books.never_launched(*key, "not_recorded", EndedReason.BOT_START_FAILED)
                self._unlaunched.discard(key)
            return None
        if not await self._owners.is_dead(attempt.owner):
            return Again(self._clock() + _ALIVE_S)
        logger.warning("the gateway that launched the call is no more", attempt=attempt.number)
        await self._books.abandoned(*key)
        return None

    async def _open(self, turn: Turn) -> CallState | None:
        """The call with the attempt opened; None when nobody knows: a launch must not rest on hope."""
        try:
            async with asyncio.timeout(UNDECIDED_S):
                recorded = await self._books.open(turn.launch, turn.attempt)
        except TimeoutError:
            return None
        return recorded.states.get(turn.call.id)

    async def _called_off(self, state: CallState, attempt: Attempt) -> bool:
        """Whether the call was called off or ended, by the clock or by somebody, before the bot's start."""
        hang_up = state.hang_up_of(attempt.number)
        if not state.ended and hang_up is None and not _came_to_something(attempt):
            return False
        if attempt.over is None:
            why = hang_up.why if hang_up else EndedReason.CANCELED
            await self._books.never_launched(state.id, attempt.number, "called_off", why, final=True)
        await self._admission.give_back(state.id, attempt.number)
        return True

    async def _without_slot(self, state: CallState, attempt: Attempt) -> bool:
        """Whether somebody took the slot for a forgotten one and gave it back before the attempt was open."""
        if await self._admission.holds(state.id, attempt.number):
            return False
        await self._books.never_launched(state.id, attempt.number, "slot_lost", EndedReason.CAPACITY)
        return True

    async def _launch(self, turn: Turn) -> None:
        began_at = self._clock()
        with self._launcher.launching(turn.launch, first=turn.attempt) as launch:
            try:
                launched = await launch.attempt()
            except FrontdeskError as error:
                problem = error
            except Exception as error:  # noqa: BLE001 - the attempt must come to its end
                logger.error("the launch failed for a reason that nobody foresaw: {}", type(error).__name__)
                problem = FrontdeskError()
            else:
                self.launched(turn.call.id, launched)
                return
            logger.warning("no bot for the call: {}", problem.code)
            await launch.give_up(problem, final=not problem.retryable)
        if others_full(problem):
            await self._admission.slow_down(began_at, problem.retry_after_s)


def _came_to_something(attempt: Attempt) -> bool:
    """Whether the attempt needs nobody who launches it any more."""
    started = attempt.bot_started_at is not None or bool(attempt.claimed_by)
    done = attempt.over is not None or attempt.launch_failed is not None
    return started or done or evidence.shows_life(attempt)
