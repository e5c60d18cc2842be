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


class UnwantedError(Exception):
    """The gateway does not want this bot to dial."""


class Manner(StrEnum):
    """What kind of bot this is."""

    NORMAL = "normal"
    MUTE = "mute"
    """Works, and never reports anything."""
    CRASHES = "crashes"
    """Is gone without a word in the middle of the call."""
    CRASHES_EARLY = "crashes_early"
    """Is gone without a word when it was let dial, before it does."""
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

    async def may_dial(self) -> bool:
        """Claim the attempt: whether this bot may dial."""


class Silence:
    """Reports of a bot that makes none; it asks before it dials all the same."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports

    def tell(self, kind: BotFact, **data: Any) -> None:
        """Forget it."""

    async def ordered(self) -> EndedReason:
        """Hear nothing."""
        await asyncio.Event().wait()
        raise AssertionError

    async def may_dial(self) -> bool:
        """As everybody."""
        return await self._reports.may_dial()


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
        self._reports = Silence(reports) if manner is Manner.MUTE else reports
        self._with = surroundings

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
                await _leave(life)
                self._ended(order.result())
        finally:
            order.cancel()
            life.cancel()
            await asyncio.gather(order, life, return_exceptions=True)

    async def _live(self) -> None:
        """What a bot says of its end, it says when it has left."""
        try:
            async with RoomSocket.joined(
                self._with.http, self._request.room_url, self._request.token
            ) as room:
                await self._claim()
                self._reports.tell(BotFact.JOINED)
                reason = await self._work(room)
                if self._manner is Manner.HANGS:
                    await self._stay(room)
        except (RoomGoneError, aiohttp.ClientError):
            reason = EndedReason.LOST
        except UnwantedError:
            return
        self._ended(reason)

    async def _claim(self) -> None:
        """Ask before anything is said or dialed; who calls in asks nobody.

        Raises:
            UnwantedError: Somebody else dials, or nobody may.
        """
        if self._request.dialout_settings is not None and not await self._reports.may_dial():
            raise UnwantedError

    async def _work(self, room: RoomSocket) -> EndedReason:
        try:
            return await (self._take(room) if self._request.dialin_settings else self._dial(room))
        except TimeoutError:
            return EndedReason.LOST

    async def _stay(self, room: RoomSocket) -> None:
        while True:
            await room.next_event(3600)

    def _ended(self, reason: EndedReason) -> None:
        if self._manner not in {Manner.CRASHES, Manner.CRASHES_EARLY, Manner.HANGS}:
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
        if self._manner is Manner.CRASHES_EARLY:
            return EndedReason.BOT_CRASHED
        for dial in range(1, self._request.limits.dial_attempts + 1):
            failure = await self._dial_once(room, line, dial)
            if isinstance(failure, str):
                return await self._answered(room, failure)
            self._reports.tell(BotFact.DIAL_ENDED, dial=dial, reason=failure.reason.value)
            reason = failure.reason
            if not failure.redial:
                break
            await asyncio.sleep(PAUSE_BETWEEN_DIALS_S)
        return reason

    async def _answered(self, room: RoomSocket, network_id: str) -> EndedReason:
        if not await self._is_mailbox(network_id):
            return await self._talk(room, "dialout_stopped", "dialout_error")
        if self._request.voicemail.action == "hang_up":
            return EndedReason.VOICEMAIL_NO_MESSAGE
        self._reports.tell(BotFact.TURN, role="bot", text=self._request.voicemail.message)
        return EndedReason.VOICEMAIL_LEFT

    async def _is_mailbox(self, network_id: str) -> bool:
        """A bot without ears looks at the phone network's own account of what picked up."""
        simulator = self._with.daily.removesuffix("/v1")
        async with self._with.http.get(f"{simulator}/sim/calls/{network_id}") as answer:
            timeline = (await answer.json())["timeline"]
        return any(e["event"] == "answered" and e["detail"] == "voicemail" for e in timeline)

    async def _dial_once(self, room: RoomSocket, line: DialoutSettings, dial: int) -> Disposition | str:
        """Dial; the network's id of the call when somebody has answered, else why nobody has."""
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
                return str(data["sipCallId"])
            elif event == "dialout_stopped":
                return UNANSWERED
            elif event == "dialout_error":
                return disposition(str(data.get("errorMsg")))


async def _leave(life: "asyncio.Future[None]") -> None:
    life.cancel()
    await asyncio.gather(life, return_exceptions=True)
