"""Calls in and calls out, and what the two sides saw of each."""

import asyncio
import contextlib
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.chaos.town import CRM_KEY, Town

CLINIC = "+14155550100"
POST_TIMEOUT_S = 15.0
QUICK = [{"wait": 0.3}, {"hang_up": True, "at_once": True}]
SHORTEST_S = 10
"""Shortest maximum duration that a call may have."""


@dataclass(frozen=True)
class Dialed:
    """A number that the CRM had called, what the people there do, and how often their phone may ring."""

    number: str
    outcomes: tuple[str, ...]

    @property
    def rings(self) -> int:
        """Most rings that one call may cause: each dial rings once at most, and busy phones do not."""
        return sum(outcome != "busy" for outcome in self.outcomes)


@dataclass
class Seen:
    """What the outside saw.

    Attributes:
        callers: Daily's ids of the calls that came in.
        dialed: Numbers to be called.
        accepted: Ids that POST /dialout answered with, by number.
        refused: Statuses of POST /dialout beyond 299.
        unanswered: POSTs without an answer, by the error.
        canceled: Ids of calls whose DELETE was accepted.
    """

    callers: list[str] = field(default_factory=list)
    dialed: list[Dialed] = field(default_factory=list)
    accepted: dict[str, str] = field(default_factory=dict)
    refused: list[int] = field(default_factory=list)
    unanswered: Counter[str] = field(default_factory=Counter)
    canceled: set[str] = field(default_factory=set)

    def totals(self) -> dict[str, Any]:
        """Figures for the report."""
        return {
            "called in": len(self.callers),
            "dialed out": len(self.dialed),
            "accepted": len(self.accepted),
            "refused": dict(Counter(self.refused)),
            "unanswered": dict(self.unanswered),
            "canceled": len(self.canceled),
        }


class Traffic:
    """Places calls at random moments.

    Args:
        town: Where.
        calls: How many, half of them in.
        gap_s: Mean seconds between two.
        copies: Whether some webhooks come several times.
        chance: Of what is random.
    """

    def __init__(self, town: Town, calls: int, gap_s: float, chance: random.Random) -> None:
        self.seen = Seen()
        self._town = town
        self._chance = chance
        self._gap_s = gap_s
        self._directions = ["in", "out"] * (calls // 2)
        chance.shuffle(self._directions)

    async def run(self) -> None:
        """Place all calls; returns when each is placed."""
        async with asyncio.TaskGroup() as group:
            for number, direction in enumerate(self._directions):
                group.create_task(self._call_in() if direction == "in" else self._call_out(number))
                await asyncio.sleep(self._chance.expovariate(1 / self._gap_s))

    async def _call_in(self) -> None:
        call = {
            "from": f"+1212736{self._chance.randrange(10_000):04}",
            "to": CLINIC,
            "script": self._chance.choice([QUICK, [{"wait": 1.5}, *QUICK], []]),
            "patience_s": 15,
            "hold_patience_s": self._chance.choice([1, 20, 20, 20]),
            "webhook_copies": self._chance.choice([1, 1, 1, 3]),
        }
        self.seen.callers.append((await self._town.sim("POST", "/calls", call))["id"])

    async def _call_out(self, number: int) -> None:
        outcomes = self._chance.choice([["answer"], ["answer"], ["busy", "answer"], ["busy"], ["decline"]])
        dialed = Dialed(f"+1310555{number:04}", tuple(outcomes))
        self.seen.dialed.append(dialed)
        person = {
            "outcomes": [*outcomes, "busy"],
            "script": self._chance.choice([QUICK, [{"wait": 1.5}, *QUICK], []]),
            "patience_s": 15,
            "ring_s": self._chance.uniform(0.1, 1.0),
        }
        await self._town.sim("PUT", f"/people/{dialed.number}", person)
        # A bot that hangs is hung up on once all the dials that it had and the longest call are over.
        limits = {"max_duration_s": self._chance.choice([SHORTEST_S, 60]), "dial_attempts": 1}
        limits["ring_timeout_s"] = 5
        await self._post(
            dialed.number, {"dialout_settings": {"phone_number": dialed.number}, "limits": limits}
        )

    async def _post(self, number: str, body: dict[str, Any]) -> None:
        try:
            async with await self._post_when_up("/dialout", body) as answer:
                content = await answer.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            self.seen.unanswered[type(error).__name__] += 1
            return
        if answer.status >= 300:
            self.seen.refused.append(answer.status)
            return
        self.seen.accepted[number] = content["call_id"]
        if self._chance.random() < 0.1:
            await self._cancel(content["call_id"])

    async def _post_when_up(self, path: str, body: dict[str, Any]) -> aiohttp.ClientResponse:
        """Post; again where the connection was refused, for then nothing was said."""
        async with asyncio.timeout(POST_TIMEOUT_S):
            while True:
                with contextlib.suppress(aiohttp.ClientConnectorError):
                    answer: aiohttp.ClientResponse = await self._request("POST", path, json=body)
                    return answer
                await asyncio.sleep(0.2)

    async def _cancel(self, call_id: str) -> None:
        await asyncio.sleep(self._chance.uniform(0, 1.5))
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with self._request("DELETE", f"/calls/{call_id}") as answer:
                if answer.status < 300:
                    self.seen.canceled.add(call_id)

    def _request(self, method: str, path: str, **more: Any) -> Any:
        at_once = {"Prefer": "respond-async"} if self._chance.random() < 0.5 else {}
        return self._town.http.request(
            method,
            f"{self._town.gateway_url}{path}",
            headers={"Authorization": f"Bearer {CRM_KEY}", **at_once},
            timeout=aiohttp.ClientTimeout(total=POST_TIMEOUT_S),
            **more,
        )
