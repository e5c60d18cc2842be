"""Which bot of an attempt is to be believed: a host that takes one start request twice makes two of them.

The one that holds the claim talks, or will. The other one leaves, and nothing that it says of the call, such
as that it ended, is true of the one that goes on.
"""

import asyncio
from typing import Protocol

from loguru import logger

from frontdesk.calls.state import CallState
from frontdesk.errors import DatabaseUnavailableError
from frontdesk.link.tokens import Reporter

MOST_REMEMBERED = 20_000
_WITHIN_S = 1.0
"""A report that waits longer for a database would not be written down in time either."""


class Known(Protocol):
    """A call."""

    @property
    def state(self) -> CallState:
        """Where it stands."""


class Calls(Protocol):
    """Where calls can be looked up."""

    async def load(self, call_id: str) -> Known | None:
        """Read a call.

        Raises:
            DatabaseUnavailableError: It cannot be read now.
        """


class Holders:
    """Knows who holds the claims of attempts; once one is granted, that never changes.

    Args:
        calls: Looked up for what is not remembered.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._holders: dict[tuple[str, int], str] = {}

    def note(self, state: CallState, attempt: int) -> None:
        """Remember who holds the claim of an attempt, if anybody does."""
        known = state.find(attempt)
        if known is None or not known.claimed_by:
            return
        self._holders[state.id, attempt] = known.claimed_by
        while len(self._holders) > MOST_REMEMBERED:
            del self._holders[next(iter(self._holders))]

    async def believes(self, reporter: Reporter, claim: str | None) -> bool:
        """Whether what a bot says counts: always, unless another one holds the claim of its attempt.

        A bot that never claims, and what nobody can look up now, is believed: its word must not be lost.

        Args:
            reporter: Of which attempt it speaks.
            claim: The name in which it asked for its claim; None when it is older than that, or a call in.
        """
        if claim is None:
            return True
        key = reporter.call_id, reporter.attempt
        if key not in self._holders:
            await self._look_up(reporter)
        return self._holders.get(key, claim) == claim

    async def _look_up(self, reporter: Reporter) -> None:
        try:
            async with asyncio.timeout(_WITHIN_S):
                known = await self._calls.load(reporter.call_id)
        except (DatabaseUnavailableError, TimeoutError) as error:
            logger.warning("nobody can tell whose report this is: {}", type(error).__name__)
            return
        if known is not None:
            self.note(known.state, reporter.attempt)
