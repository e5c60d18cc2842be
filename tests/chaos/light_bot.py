"""A bot without speech: takes a held caller or dials, says what happens over the link, and leaves."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import aiohttp

from frontdesk.agent.dispositions import UNANSWERED, Disposition, disposition
from frontdesk.calls.models import BotFact
from frontdesk.contract import AgentRequest, DialoutSettings
from frontdesk.ended import EndedReason
from tests.chaos.room import RoomGoneError, RoomSocket

PATIENCE_S = 25.0
PAUSE_BETWEEN_DIALS_S = 0.3


class Manner(StrEnum):
    """What kind of bot this is."""

    NORMAL = "normal"
    MUTE = "mute"
    """Works, and never reports anything."""
    CRASHES = "crashes"
    """Is gone without a word in the middle of the call."""
    HANGS = "hangs"
    """Stays in the room after everything is over, and says nothing."""
    ABSENT = "absent"
    """Accepts the start and never comes."""


class Reports(Protocol):
    """Where the bot says what happens."""

    def tell(self, kind: BotFact, **data: Any) -> None:
        """Report one thing."""

    async def ordered(self) -> EndedReason:
        """Wait until the gateway wants the call to end."""


class Silence:
    """Reports of a bot that makes none."""

    def tell(self, kind: BotFact, **data: Any) -> None:
        """Forget it."""

    async def ordered(self) -> EndedReason:
        """Hear nothing."""
        await asyncio.Event().wait()
        raise AssertionError


@dataclass(frozen=True)
class Surroundings:
    """What a light bot works with.

    Attributes:
        http: HTTP client.
        daily: Daily's REST API.
        talk_s: How long it stays on an answered call before it hangs up, in seconds.
    """

    http: aiohttp.ClientSession
    daily: str
    talk_s: Callable[[], float]


class LightBot:
    """One bot on one call."""

    def __init__(
        self, request: AgentRequest, manner: Manner, reports: Reports, surroundings: Surroundings
    ) -> None:
        self._request = request
        self._manner = manner
        self._reports = Silence() if manner is Manner.MUTE else reports
        self._with = surroundings
        self._dials = 0

    async def run(self) -> None:
        """Live from start to end, or until the gateway orders to hang up."""
        if self._manner is Manner.ABSENT:
            return
        order = asyncio.ensure_future(self._reports.ordered())
        life = asyncio.ensure_future(self._live())
        try:
            waits = {life} if self._manner is Manner.HANGS else {life, order}
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if not life.done():
                self._ended(order.result())
        finally:
            order.cancel()
            life.cancel()
            await asyncio.gather(order, life, return_exceptions=True)

    async def _live(self) -> None:
        try:
            async with RoomSocket.joined(
                self._with.http, self._request.room_url, self._request.token
            ) as room:
                self._reports.tell(BotFact.JOINED)
                reason = await self._work(room)
                if self._manner is Manner.HANGS:
                    await self._stay(room)
                self._ended(reason)
        except (RoomGoneError, aiohttp.ClientError):
            self._ended(EndedReason.LOST)

    async def _work(self, room: RoomSocket) -> EndedReason:
        try:
            return await (self._take(room) if self._request.dialin_settings else self._dial(room))
        except TimeoutError:
            return EndedReason.LOST

    async def _stay(self, room: RoomSocket) -> None:
        while True:
            await room.next_event(3600)

    def _ended(self, reason: EndedReason) -> None:
        if self._manner not in {Manner.CRASHES, Manner.HANGS}:
            self._reports.tell(BotFact.ENDED, reason=reason.value)

    async def _take(self, room: RoomSocket) -> EndedReason:
        """A caller is on hold: forward, talk, until either side hangs up."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            event, data = await room.next_event(deadline - time.monotonic())
            if event == "dialin_ready":
                self._reports.tell(BotFact.DIALIN_READY)
                if not await self._forward(str(data["value"])):
                    return EndedReason.CALLER_HANGUP
                self._reports.tell(BotFact.FORWARDED)
            elif event == "dialin_connected":
                self._reports.tell(BotFact.CONNECTED, session_id=data["sessionId"])
                return await self._talk(room, "dialin_stopped", "dialin_error")

    async def _forward(self, endpoint: str) -> bool:
        line = self._request.dialin_settings
        assert line is not None
        body = {"callId": line.call_id, "callDomain": line.call_domain, "sipUri": endpoint}
        headers = {"Authorization": "Bearer daily-key-of-the-simulator"}
        for pause_s in (0.2, 0.5, 1.0, 0.0):
            async with self._with.http.post(
                f"{self._with.daily}/dialin/pinlessCallUpdate", json=body, headers=headers
            ) as answer:
                if answer.status < 500:
                    return answer.status == 200
            await asyncio.sleep(pause_s)
        return False

    async def _talk(self, room: RoomSocket, *ends: str) -> EndedReason:
        self._reports.tell(BotFact.GREETING)
        self._reports.tell(BotFact.FIRST_WORD)
        self._reports.tell(BotFact.TURN, role="bot", text="Hello, how can I help you?")
        if self._manner is Manner.CRASHES:
            return EndedReason.BOT_CRASHED
        until = time.monotonic() + self._with.talk_s()
        while True:
            try:
                event, _ = await room.next_event(max(0.0, until - time.monotonic()))
            except TimeoutError:
                return EndedReason.BOT_HANGUP
            if event in ends:
                return EndedReason.CALLER_HANGUP

    async def _dial(self, room: RoomSocket) -> EndedReason:
        line = self._request.dialout_settings
        assert line is not None
        for dial in range(1, self._request.limits.dial_attempts + 1):
            failure = await self._dial_once(room, line, dial)
            if failure is None:
                return await self._talk(room, "dialout_stopped", "dialout_error")
            self._reports.tell(BotFact.DIAL_ENDED, dial=dial, reason=failure.reason.value)
            if not failure.redial:
                break
            await asyncio.sleep(PAUSE_BETWEEN_DIALS_S)
        assert failure is not None
        return failure.reason

    async def _dial_once(self, room: RoomSocket, line: DialoutSettings, dial: int) -> Disposition | None:
        """Dial; None when somebody has answered, else why not."""
        self._reports.tell(BotFact.DIALING, dial=dial)
        session = await room.ask("start_dialout", settings={"phoneNumber": line.phone_number})
        while True:
            event, data = await room.next_event(PATIENCE_S)
            if data.get("sessionId") != session:
                continue
            if event == "dialout_connected":
                self._reports.tell(BotFact.RINGING, dial=dial, session_id=session)
            elif event == "dialout_answered":
                self._reports.tell(BotFact.ANSWERED, dial=dial, session_id=session)
                return None
            elif event == "dialout_stopped":
                return UNANSWERED
            elif event == "dialout_error":
                return disposition(str(data.get("errorMsg")))
