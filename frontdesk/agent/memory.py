"""Giving the memory of finished calls back.

A finished pipeline is full of reference cycles that hold the models' sessions, about 50 MiB a call, and
Python's oldest generation is collected too rarely for that. What the process loaded at its start is
frozen, so that a collection only walks what calls made.
"""

import asyncio
import gc

_SETTLE_S = 0.5


class Memory:
    """Collects after calls; several calls that end together share one collection."""

    def __init__(self) -> None:
        self._due: asyncio.Task[None] | None = None

    def settle(self) -> None:
        """Freeze what is loaded by now; for the start of the process."""
        gc.collect()
        gc.freeze()

    def call_over(self) -> None:
        """Collect in a moment, when the call's last tasks are gone."""
        if self._due is None or self._due.done():
            self._due = asyncio.create_task(self._collect(), name="collect-finished-calls")

    async def _collect(self) -> None:
        await asyncio.sleep(_SETTLE_S)
        gc.collect()
