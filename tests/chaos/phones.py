"""What the phones saw: every call of the simulated network, in the order in which things happened.

The simulator tells of each call as it happens. Its account is nobody's but the phones': what rang, rang.
"""

import asyncio
import json
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from frontdesk.daily.room_names import parse_room

STILL_ON_ITS_WAY_S = 3.0
"""A bot that was let dial just before a cancellation may dial this much later."""


@dataclass(frozen=True)
class Moment:
    """Something that happened to a call: when (monotonic seconds), to which, and what."""

    at: float
    call: str
    event: str
    detail: Any = None


@dataclass(frozen=True)
class PhoneCall:
    """One call of the network: `in` or `out`, the other side's number, and the room that it was in."""

    id: str
    direction: str
    number: str
    room: str = ""

    @property
    def attempt(self) -> tuple[str, int] | None:
        """Our call and the attempt of it, as the room's name has them."""
        name = parse_room(self.room)
        return (name.call_id, name.attempt) if name else None


@dataclass(frozen=True)
class History:
    """All that happened."""

    moments: list[Moment] = field(repr=False)
    calls: Mapping[str, PhoneCall] = field(repr=False)

    def of(self, *events: str) -> Iterator[tuple[Moment, PhoneCall]]:
        """Everything of these kinds, in order."""
        for moment in self.moments:
            if moment.event in events:
                yield moment, self.calls[moment.call]

    def most_at_once(self, counts: Callable[[PhoneCall], bool]) -> int:
        """How many of these calls were on the network at the same time, from the dial to the end."""
        live, most = set(), 0
        for moment, call in self.of("dialed", "connected", "ended"):
            if not counts(call):
                continue
            if moment.event == "ended":
                live.discard(call.id)
            elif moment.event == "dialed" or call.direction == "in":
                live.add(call.id)
            most = max(most, len(live))
        return most

    def rings(self) -> Counter[str]:
        """How often each number rang."""
        return Counter(call.number for _, call in self.of("ringing") if call.direction == "out")

    def outcomes(self) -> dict[str, list[str]]:
        """What each number's calls came to, in the order in which they were dialed."""
        ends = {moment.call: str(moment.detail) for moment, _ in self.of("ended")}
        came_to: dict[str, list[str]] = defaultdict(list)
        for moment, call in self.of("dialed"):
            came_to[call.number].append(ends.get(moment.call, "open"))
        return came_to


class Phones:
    """Listens to the network from before the first call."""

    def __init__(self, http: aiohttp.ClientSession, simulator_url: str) -> None:
        self._http = http
        self._url = simulator_url
        self._moments: list[Moment] = []

    @asynccontextmanager
    async def watched(self) -> AsyncIterator["Phones"]:
        """Listen for the length of a block."""
        opened = asyncio.Event()
        listening = asyncio.create_task(self._listen(opened))
        try:
            await asyncio.wait(
                {listening, asyncio.ensure_future(opened.wait())}, return_when="FIRST_COMPLETED"
            )
            yield self
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def history(self) -> History:
        """Everything until now."""
        async with self._http.get(f"{self._url}/sim/calls") as answer:
            views = (await answer.json())["calls"]
        calls = {view["id"]: _phone_call(view) for view in views}
        missing = {moment.call for moment in self._moments} - set(calls)
        assert not missing, f"the simulator has forgotten {len(missing)} calls"
        return History(list(self._moments), calls)

    async def _listen(self, opened: asyncio.Event) -> None:
        forever = aiohttp.ClientTimeout(total=None, sock_read=None)
        async with self._http.get(f"{self._url}/sim/events", timeout=forever) as stream:
            opened.set()
            async for line in stream.content:
                if line.startswith(b"data:"):
                    self._note(json.loads(line[5:]))

    def _note(self, event: dict[str, Any]) -> None:
        if event["type"] == "timeline":
            self._moments.append(Moment(time.monotonic(), event["call"], event["event"], event.get("detail")))


def _phone_call(view: Mapping[str, Any]) -> PhoneCall:
    out = view["direction"] == "out"
    number = view["to_number"] if out else view["from_number"]
    return PhoneCall(view["id"], view["direction"], number or "withheld", view["room"] or "")


def ringing_twice(history: History) -> list[str]:
    """No phone rings twice for one attempt of a call."""
    rings = Counter(call.attempt for _, call in history.of("ringing") if call.attempt)
    return [
        f"attempt {attempt} of call {call} rang {n} times" for (call, attempt), n in rings.items() if n > 1
    ]


def ringing_after_answer(history: History) -> list[str]:
    """Once somebody has picked up, the phone does not ring again for that call; a mailbox is nobody."""
    answered: set[str] = set()
    wrong = []
    for moment, call in history.of("ringing", "answered"):
        if call.attempt is None:
            continue
        ours, number = call.attempt
        if moment.event == "answered" and moment.detail != "voicemail":
            answered.add(ours)
        elif moment.event == "ringing" and ours in answered:
            wrong.append(f"attempt {number} of call {ours} rang after an answer")
    return wrong


def too_many_attempts(history: History, most: Mapping[str, int]) -> list[str]:
    """No number is dialed in more attempts than its request allows.

    Args:
        history: What happened.
        most: Attempts that are allowed, by number.
    """
    attempts: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for _, call in history.of("dialed"):
        if call.attempt:
            attempts[call.number].add(call.attempt)
    return [
        f"{number} was dialed in {len(attempts[number])} attempts, {limit} are allowed"
        for number, limit in most.items()
        if len(attempts[number]) > limit
    ]


def dialed_after_cancel(history: History, canceled: Mapping[str, float]) -> list[str]:
    """Nobody dials for a call once its cancellation was accepted.

    Args:
        history: What happened.
        canceled: When each call's DELETE was answered, monotonic seconds, by its id in 32 hex digits.
    """
    return [
        f"call {call.attempt[0]} was dialed {moment.at - canceled[call.attempt[0]]:.1f} s after its DELETE"
        for moment, call in history.of("dialed")
        if call.attempt
        and call.attempt[0] in canceled
        and moment.at > canceled[call.attempt[0]] + STILL_ON_ITS_WAY_S
    ]


def unanswered_patients(history: History, patient: Callable[[PhoneCall], bool]) -> list[str]:
    """Whoever calls in, and waits, gets a bot."""
    connected = {moment.call for moment, _ in history.of("connected")}
    ends = {moment.call: moment.detail for moment, _ in history.of("ended")}
    return [
        f"caller {call.id} was not answered: {ends.get(call.id, 'still on hold')}"
        for call in history.calls.values()
        if call.direction == "in" and patient(call) and call.id not in connected
    ]
