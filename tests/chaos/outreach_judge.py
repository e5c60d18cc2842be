"""What must hold of calls out, by the phones' account, whatever died."""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import case, func, select

from frontdesk.calls.tables import call_events, calls
from frontdesk.dialin.copies import call_id_of
from tests.chaos.crm import Told
from tests.chaos.judge import ENDED, Judge
from tests.chaos.phones import (
    History,
    PhoneCall,
    dialed_after_cancel,
    ringing_after_answer,
    ringing_twice,
    too_many_attempts,
    unanswered_patients,
)
from tests.chaos.requests import Wish
from tests.chaos.town import Town
from tests.chaos.traffic import Seen

SINGLE_RESERVE = 1
_ID = re.compile(r"\b[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}\b")


@dataclass(frozen=True)
class Witnessed:
    """What was wanted, what was told, and what the phones saw.

    `lost` are calls of which a gateway that never came back had something in its spool.
    """

    singles: Sequence[Wish]
    rows: Sequence[Wish]
    told: Told
    callers: Sequence[str]
    history: History
    capacity: int
    reserve: int
    lost: frozenset[str]

    @property
    def wishes(self) -> dict[str, Wish]:
        """Everything that was wanted, by number."""
        return {wish.person.number: wish for wish in [*self.singles, *self.rows]}


@dataclass(frozen=True)
class Kept:
    """A call out in the books."""

    id: str
    state: str
    reason: str | None


class OutreachJudge:
    """Compares the books and the phones with what was wanted."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._judge = Judge(town, Seen())

    async def __aenter__(self) -> Self:
        await self._judge.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._judge.__aexit__(*error)

    async def calls_out(self) -> tuple[int, int]:
        """How many are open, and how many have ended."""
        ended = func.sum(case((calls.c.state == ENDED, 1), else_=0))
        out = select(func.count(), ended).where(calls.c.direction == "outbound")
        async with self._judge.reader() as reader:
            every, over = (await reader.execute(out)).one()
        return every - (over or 0), over or 0

    async def settled(self, callers: Sequence[str], lost: frozenset[str], within_s: float) -> list[str]:
        """Wait until nothing is open any more; gives what still is when the time is over.

        Nobody waits for what only a gateway that never comes back knows of its `lost` calls.
        """
        self._judge.seen.callers.extend(callers)
        self._judge.lost = lost
        return await self._judge.settled(within_s)

    async def broken(self, witnessed: Witnessed) -> list[str]:
        """Every promise that does not hold, in words."""
        kept = await self._kept()
        wrong = [
            *await self._judge.broken(),
            *_exchanges(witnessed),
            *_lost_or_doubled(witnessed, kept),
            *_came_to_something_else(witnessed, kept),
            *_phones(witnessed),
            *_limits(witnessed),
        ]
        return [await self._with_story(one) for one in wrong]

    async def _with_story(self, wrong: str) -> str:
        """What the books have of the call that a sentence names, in one line each."""
        name = _ID.search(wrong)
        if name is None:
            return wrong
        call_id = call_id_of(name[0]) if "-" in name[0] else name[0]
        facts = (
            select(call_events).where(call_events.c.call_id == call_id).order_by(call_events.c.received_at)
        )
        async with self._judge.reader() as reader:
            rows = (await reader.execute(facts)).all()
        told = [f"{row.received_at:.2f} {row.source} {row.type} a{row.attempt} {row.data}" for row in rows]
        return "\n    ".join([wrong, *(line[:200] for line in told)])

    async def totals(self, witnessed: Witnessed) -> dict[str, Any]:
        """Figures for the report."""
        history = witnessed.history
        attempts = {call.attempt for _, call in history.of("dialed")}
        return await self._judge.totals() | {
            "wanted": len(witnessed.wishes),
            "callers": len(witnessed.callers),
            "dials": sum(1 for _ in history.of("dialed")),
            "attempts dialed": len(attempts),
            "rings": history.rings().total(),
            "in the spool of a gateway that is lost": len(witnessed.lost),
            "live at once": {
                "out": history.most_at_once(_out),
                "in": history.most_at_once(lambda call: call.direction == "in"),
                "all": history.most_at_once(lambda _: True),
                "limit": witnessed.capacity,
                "kept for patients": witnessed.reserve,
            },
            **witnessed.told.totals(),
        }

    async def _kept(self) -> dict[str, list[Kept]]:
        """The calls out of the books, by number."""
        columns = (calls.c.to_number, calls.c.id, calls.c.state, calls.c.ended_reason)
        async with self._judge.reader() as reader:
            rows = (await reader.execute(select(*columns).where(calls.c.direction == "outbound"))).all()
        kept: dict[str, list[Kept]] = defaultdict(list)
        for number, *rest in rows:
            kept[number].append(Kept(*rest))
        return kept


def _out(call: PhoneCall) -> bool:
    return call.direction == "out"


def _exchanges(witnessed: Witnessed) -> list[str]:
    """Each key got one call, each request an answer."""
    told = witnessed.told
    return [
        *told.wrong,
        *(f"POST /dialout was refused {count} times: {why}" for why, count in told.refused.items()),
        *(f"{number} was answered with {len(ids)} calls" for number, ids in told.ids.items() if len(ids) > 1),
        *(
            f"the request for {wish.person.number} was never accepted"
            for wish in witnessed.singles
            if wish.key and wish.person.number not in told.ids
        ),
    ]


def _lost_or_doubled(witnessed: Witnessed, kept: dict[str, list[Kept]]) -> list[str]:
    """Each wish is one call in the books, the one whose id was answered."""
    wrong = []
    for number, wish in witnessed.wishes.items():
        ids = [call.id for call in kept.get(number, [])]
        careless = wish.key is None and not wish.campaign
        if len(ids) > 1 or (not ids and not careless):
            wrong.append(f"{number} has {len(ids)} calls in the books")
        if (answered := witnessed.told.ids.get(number)) and not answered <= set(ids):
            wrong.append(f"{number} was answered with a call that is not in the books")
    return wrong


def _came_to_something_else(witnessed: Witnessed, kept: dict[str, list[Kept]]) -> list[str]:
    """Calls whose bots do their duty end as their people would have it, whatever dies at the gateway."""
    outcomes = witnessed.history.outcomes()
    return [
        f"call {call.id} to {number} ({', '.join(wish.person.outcomes)}; at most {wish.policy.max_attempts}"
        f" on {wish.policy.on}) ended as {call.reason}; the phone saw {outcomes.get(number, [])}"
        for number, wish in witnessed.wishes.items()
        for call in kept.get(number, [])
        if wish.reasons is not None and call.reason not in wish.reasons and call.id not in witnessed.lost
    ]


def _phones(witnessed: Witnessed) -> list[str]:
    history, rings = witnessed.history, witnessed.history.rings()
    most = {number: wish.policy.max_attempts for number, wish in witnessed.wishes.items()}
    return [
        *ringing_twice(history),
        *ringing_after_answer(history),
        *too_many_attempts(history, most),
        *dialed_after_cancel(history, witnessed.told.canceled),
        *unanswered_patients(history, _waited(witnessed)),
        *(
            f"{number} rang {rings[number]} times, {wish.rings} at most were right"
            for number, wish in witnessed.wishes.items()
            if rings[number] > wish.rings
        ),
        *(f"{number} rang and nobody wanted it" for number in rings if number not in witnessed.wishes),
    ]


def _waited(witnessed: Witnessed) -> Callable[[PhoneCall], bool]:
    """Who called in to a gateway that remained, or whose spool did."""
    callers = {call for call in witnessed.callers if call_id_of(call) not in witnessed.lost}
    return lambda call: call.id in callers


def _limits(witnessed: Witnessed) -> list[str]:
    """Counted at the phones, from the dial to the end."""
    history, free = witnessed.history, witnessed.capacity - witnessed.reserve
    rows = {wish.person.number for wish in witnessed.rows}
    limits = {
        "calls": (lambda _: True, witnessed.capacity),
        "calls out": (_out, free),
        "calls of the campaign": (lambda call: _out(call) and call.number in rows, free - SINGLE_RESERVE),
    }
    most = {what: history.most_at_once(counts) for what, (counts, _) in limits.items()}
    return [
        f"{most[what]} {what} were live at once, {limit} are allowed"
        for what, (_, limit) in limits.items()
        if most[what] > limit
    ]
