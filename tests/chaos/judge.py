"""What must hold after any amount of chaos."""

import asyncio
import time
from collections import Counter, defaultdict
from typing import Any, Self

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from frontdesk.calls.tables import call_events, calls
from frontdesk.crm.tables import crm_deliveries, crm_events
from frontdesk.dialin.copies import call_id_of
from frontdesk.engine.tables import dial_slots
from frontdesk.storage.database import Database
from tests.chaos.town import LIGHT, PRIVATE_KEY, REAL, Town
from tests.chaos.traffic import Seen

ENDED = "ended"


class Judge:
    """Looks at the books, at the simulator and at the CRM.

    Args:
        town: After the chaos, with every gateway up.
        seen: What the outside saw.
    """

    def __init__(self, town: Town, seen: Seen) -> None:
        self._town = town
        self.seen = seen
        self.lost: frozenset[str] = frozenset()
        """Calls of which something lies in the spool of a gateway that never came back."""

    async def settled(self, within_s: float) -> list[str]:
        """Wait until nothing is open any more; gives what still is when the time is over."""
        deadline = time.monotonic() + within_s
        while (left := await self._unsettled()) and time.monotonic() < deadline:
            await asyncio.sleep(0.5)
        return left

    async def broken(self) -> list[str]:
        """Every promise that does not hold, in words."""
        return [
            *await self._accepted_but_lost(),
            *await self._ends(),
            *await self._reports(),
            *await self._outbox(),
            *self._received(),
            *await self._rings(),
        ]

    async def totals(self) -> dict[str, Any]:
        """Figures for the report."""
        async with self.reader() as reader:
            reasons = (
                await reader.execute(
                    select(calls.c.ended_reason, func.count()).group_by(calls.c.ended_reason)
                )
            ).all()
            events = await reader.scalar(select(func.count()).select_from(crm_events))
        return {
            "calls in the ledger": sum(count for _, count in reasons),
            "reasons": dict(sorted((str(reason), count) for reason, count in reasons)),
            "CRM events": events,
            "CRM deliveries": self._town.crm.received.deliveries,
        }

    async def _unsettled(self) -> list[str]:
        async with self.reader() as reader:
            still_open = (
                await reader.execute(
                    select(calls.c.id, calls.c.direction, calls.c.state).where(calls.c.state != ENDED)
                )
            ).all()
            taken = (
                await reader.execute(
                    select(dial_slots.c.call_id, dial_slots.c.attempt).where(
                        dial_slots.c.released_at.is_(None)
                    )
                )
            ).all()
            waiting = (
                await reader.execute(
                    select(crm_deliveries.c.event_id).where(crm_deliveries.c.state == "pending")
                )
            ).all()
        rooms = (await self._town.sim("GET", "/rooms"))["rooms"]
        return [
            *(f"call {row.id} ({row.direction}) is still {row.state}" for row in still_open),
            *(f"attempt {row.attempt} of call {row.call_id} still has a slot" for row in taken),
            *(f"event {row.event_id} is not delivered" for row in waiting),
            *(
                f"room {room['name']} is left (bots {len(room['bots'])}, phones {len(room['phones'])})"
                for room in rooms
            ),
            *await self._sessions(),
            *await self._reports(),  # what a spool has may still be on its way into the books
        ]

    async def _sessions(self) -> list[str]:
        if not self._town.plan.production:
            return []
        left = []
        for agent in (LIGHT, REAL):
            url = f"{self._town.simulator_url}/cloud/v1/agents/{agent}/sessions?status=active&limit=100"
            answer = await self._town.json("GET", url, headers={"Authorization": f"Bearer {PRIVATE_KEY}"})
            left += [
                f"session {one['sessionId']} of {agent} is left"
                for one in answer["sessions"]
                if not one["endedAt"]
            ]
        return left

    async def _accepted_but_lost(self) -> list[str]:
        """Every call whose acceptance was seen is in the ledger."""
        async with self.reader() as reader:
            rows = (await reader.execute(select(calls.c.id, calls.c.direction, calls.c.line))).all()
        known = {row.id for row in rows}
        lines = Counter(row.line["call_id"] for row in rows if row.direction == "inbound")
        answered = [call for call in self.seen.callers if await self._webhook_answered(call)]
        return [
            *(
                f"caller {call} got a 200 and is not in the ledger"
                for call in answered
                if call not in lines and call_id_of(call) not in self.lost
            ),
            *(f"caller {call} is in the ledger {count} times" for call, count in lines.items() if count > 1),
            *(
                f"call {call} was answered and is not in the ledger"
                for call in self.seen.accepted.values()
                if _plain(call) not in known
            ),
        ]

    async def _webhook_answered(self, call: str) -> bool:
        timeline = (await self._town.sim("GET", f"/calls/{call}"))["timeline"]
        return any(e["event"] == "webhook_answered" and e["detail"]["status"] == 200 for e in timeline)

    async def _ends(self) -> list[str]:
        """Every call has exactly one terminal event, its last, and a reason."""
        async with self.reader() as reader:
            rows = (await reader.execute(select(calls))).all()
            told = await _events_by_call(reader)
        wrong = []
        for row in rows:
            types = [event.type for event in told[row.id]]
            if types.count("call.ended") != 1 or types[-1:] != ["call.ended"]:
                wrong.append(f"call {row.id} has the events {types}")
            if row.state != ENDED or row.ended_reason is None or row.ended_at is None:
                wrong.append(f"call {row.id} is {row.state}, reason {row.ended_reason}")
        return wrong

    async def _reports(self) -> list[str]:
        """Every report that the gateway took is in the books."""
        taken: Counter[str] = Counter()
        for line in self._town.reports_taken():
            call, count = line.split()
            taken[call] += int(count)
        of_bots = select(call_events.c.call_id, func.count()).where(call_events.c.source == "bot")
        async with self.reader() as reader:
            kept = dict((await reader.execute(of_bots.group_by(call_events.c.call_id))).all())
        return [
            f"call {call} has {kept.get(call, 0)} of the {count} reports that were taken"
            for call, count in taken.items()
            if kept.get(call, 0) < count and call not in self.lost
        ]

    async def _outbox(self) -> list[str]:
        """The CRM has every event of the outbox."""
        async with self.reader() as reader:
            told = await _events_by_call(reader)
        taken = self._town.crm.received.taken
        wrong = []
        for call, events in told.items():
            if [event.sequence for event in events] != list(range(1, len(events) + 1)):
                wrong.append(f"call {call} has the sequences {[event.sequence for event in events]}")
            wrong += [
                f"event {event.id} ({event.type}) never arrived" for event in events if event.id not in taken
            ]
        return wrong

    def _received(self) -> list[str]:
        """What arrived was signed, in order, and meant one thing."""
        received = self._town.crm.received
        return [
            *(
                [f"{received.unverified} deliveries were not signed as they should"]
                if received.unverified
                else []
            ),
            *(
                f"event {event} had {len(payloads)} payloads"
                for event, payloads in received.payloads.items()
                if len(payloads) > 1
            ),
            *(
                f"call {call} arrived as {order}"
                for call, order in received.order.items()
                if order != list(range(1, len(order) + 1))
            ),
        ]

    async def _rings(self) -> list[str]:
        """No phone rang more often than it was dialed on purpose."""
        rang = (await self._town.sim("GET", "/stats"))["phones_that_rang"]
        return [
            f"{one.number} rang {rang[one.number]} times, {one.rings} at most were right"
            for one in self.seen.dialed
            if rang.get(one.number, 0) > one.rings
        ]

    def reader(self) -> Any:
        """Reads the books, for the length of a block."""
        return self._database.reader()

    async def __aenter__(self) -> Self:
        self._database = Database.open(self._town.plan.database_url)
        self._database.ready.set()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._database.close()


async def _events_by_call(reader: AsyncConnection) -> dict[str, list[Any]]:
    rows = (
        await reader.execute(
            select(crm_events.c.id, crm_events.c.call_id, crm_events.c.sequence, crm_events.c.type).order_by(
                crm_events.c.call_id, crm_events.c.sequence
            )
        )
    ).all()
    by_call: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        by_call[row.call_id].append(row)
    return by_call


def _plain(call_id: str) -> str:
    return call_id.replace("-", "")
