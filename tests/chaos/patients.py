"""Patients who call in, all the time, never more at once than are kept a place for."""

import asyncio
import random

from tests.chaos.people import CHATTY, QUICK
from tests.chaos.town import Town

CLINIC = "+14155550100"


class Patients:
    """Calls in.

    Args:
        town: Where.
        chance: Of what is random.
        at_once: Most patients on the phone at a time.
        gap_s: Mean seconds between two calls.
        hasty: Whether some give up on hold after a second.
    """

    def __init__(self, town: Town, chance: random.Random, *, at_once: int, gap_s: float, hasty: bool) -> None:
        self.callers: list[str] = []
        self._town = town
        self._chance = chance
        self._places = asyncio.Semaphore(at_once)
        self._gap_s = gap_s
        self._hasty = hasty

    async def run(self, enough: asyncio.Event, at_least: int) -> None:
        """Call, so often at least, until it is enough; returns when the last one has hung up."""
        async with asyncio.TaskGroup() as group:
            while not enough.is_set() or len(self.callers) < at_least:
                await self._places.acquire()
                group.create_task(self._call())
                await asyncio.sleep(self._chance.expovariate(1 / self._gap_s))

    async def _call(self) -> None:
        try:
            call = {
                "from": f"+1212736{self._chance.randrange(10_000):04}",
                "to": CLINIC,
                "script": self._chance.choice([QUICK, CHATTY, []]),
                "patience_s": 15,
                "hold_patience_s": self._chance.choice([1, 20, 20, 20]) if self._hasty else None,
                "webhook_copies": self._chance.choice([1, 1, 1, 3]),
            }
            call_id = (await self._town.sim("POST", "/calls", call))["id"]
            self.callers.append(call_id)
            await self._over(call_id)
        finally:
            self._places.release()

    async def _over(self, call_id: str) -> None:
        while (await self._town.sim("GET", f"/calls/{call_id}"))["state"] != "ended":
            await asyncio.sleep(0.25)
