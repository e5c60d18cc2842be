"""What the launch of a call tells the ledger. A caller never waits for a ledger that is broken."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

from loguru import logger

from frontdesk.calls.entries import Opened, Recorded
from frontdesk.calls.ledger import Ledger
from frontdesk.calls.models import Data, Fact, GatewayFact, Source
from frontdesk.calls.retries import GATEWAY_LOST
from frontdesk.contract import CallContext
from frontdesk.daily.installation import Installation
from frontdesk.ended import EndedReason
from frontdesk.errors import BotCapacityError, FrontdeskError, LaunchError, RoomRateLimitedError
from frontdesk.launch.call import Call
from frontdesk.tasks import InFlight
from server_utils import HostSession

_PAUSE_S = 1.0
_TRIES = 60
_LOST: Data = {"code": GATEWAY_LOST, "reason": EndedReason.BOT_START_FAILED, "final": False}


class Books:
    """Writes down how launches go.

    Args:
        ledger: Where.
        owner: Id of this gateway.
        installation: Ours.
        clock: UTC seconds.
    """

    def __init__(
        self,
        ledger: Ledger,
        owner: str,
        installation: Installation,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ledger = ledger
        self._owner = owner
        self._installation = installation
        self._clock = clock
        self._tasks = InFlight()

    @property
    def installation(self) -> str:
        """Ours, for the rooms of a new call."""
        return self._installation.id

    async def accept(self, call: Call) -> Opened:
        """Enter a call with its first attempt; durable when this returns.

        A second try of ours, after one whose outcome is unknown, counts as the first.

        Raises:
            NotRecordedError: Neither the database nor the spool took it.
        """
        opened = await self._ledger.open(call.record(), self._opened(call, 1))
        ours = opened.state is not None and opened.state.created_at == call.created_at
        return replace(opened, created=True) if ours and not opened.created else opened

    def accept_beside(self, call: Call) -> asyncio.Task[Opened | None]:
        """Enter a call while its room is being made, again and again for a minute; None: all was in vain."""
        return self._tasks.start(self._accept_stubbornly(call))

    async def take_over(self, call: Call, attempt: int) -> bool:
        """Open the attempt after one whose gateway died; False when another gateway was faster.

        Raises:
            NotRecordedError: Neither the database nor the spool took it.
        """
        recorded = await self._ledger.record(
            self._fact(call.call_id, GatewayFact.LAUNCH_FAILED, attempt - 1, dict(_LOST)),
            self._fact(call.call_id, GatewayFact.CLOSED, attempt - 1, {"how": "deleted"}),
            self._opened(call, attempt),
        )
        state = recorded.states.get(call.call_id)
        mine = state.find(attempt) if state else None
        return mine is not None and mine.owner == self._owner

    async def open(self, call: Call, attempt: int) -> Recorded:
        """Open an attempt of a call that is in the books; of several gateways, the first one is its owner.

        Raises:
            DatabaseUnavailableError: It is not known whether the attempt is open.
        """
        return await self._ledger.decide(self._opened(call, attempt))

    async def abandoned(self, call_id: str, attempt: int) -> None:
        """The gateway that had opened the attempt is no more; nobody knows whether it started a bot.

        Raises:
            NotRecordedError: Neither the database nor the spool took it.
        """
        lost: Data = dict(_LOST) | {"ambiguous": True}
        await self._ledger.record(self._fact(call_id, GatewayFact.LAUNCH_FAILED, attempt, lost))

    async def never_launched(
        self, call_id: str, attempt: int, code: str, reason: EndedReason, *, final: bool = False
    ) -> None:
        """An attempt was opened, and certainly got neither room nor bot.

        Raises:
            NotRecordedError: Neither the database nor the spool took it.
        """
        data: Data = {"code": code, "reason": reason, "final": final, "ambiguous": False}
        await self._ledger.record(
            self._fact(call_id, GatewayFact.LAUNCH_FAILED, attempt, data), self._never_made(call_id, attempt)
        )

    def moved_on(self, call: Call, attempt: int, error: FrontdeskError) -> None:
        """The attempt before this one came to nothing, and may have left a room or a bot."""
        failed = self._failed(call.call_id, attempt - 1, error, final=False)
        self._tasks.start(self._told(failed, self._opened(call, attempt)))

    def started(self, call_id: str, attempt: int, session_id: str, host: HostSession, room_url: str) -> None:
        """The host took the bot. The call is in the books already, so nobody waits for this."""
        data: Data = {"session_id": session_id, "host": host.host, "room_url": room_url}
        if host.id is not None:
            data["host_session_id"] = host.id
        self._tasks.start(self._told(self._fact(call_id, GatewayFact.BOT_STARTED, attempt, data)))

    def caller_known(self, call_id: str, context: CallContext) -> None:
        """The CRM said who is calling; perhaps before the call itself was in the books."""
        patient_id = context.variables.get("patient_id")
        data: Data = {"variables": context.variables, "refused": context.refusal is not None}
        if context.workflow is not None:
            data["workflow"] = context.workflow
        if isinstance(patient_id, str):
            data["patient_id"] = patient_id
        self._tasks.start(self._told_stubbornly(self._fact(call_id, GatewayFact.CALLER_KNOWN, 0, data)))

    async def gave_up(
        self, call_id: str, attempt: int, error: FrontdeskError, *, room_made: bool, final: bool = True
    ) -> bool:
        """No bot will come to the attempt; False when that could not be written down."""
        facts = [self._failed(call_id, attempt, error, final=final)]
        if not room_made:
            facts.append(self._never_made(call_id, attempt))
        return await self._told(*facts)

    async def drain(self, timeout_s: float) -> None:
        """Wait for what is being written down, but not longer than this."""
        await self._tasks.drain(timeout_s)

    async def _accept_stubbornly(self, call: Call) -> Opened | None:
        for _ in range(_TRIES):
            try:
                return await self.accept(call)
            except FrontdeskError as error:
                logger.error("the call is not in the books yet: {}", error.code)
            except Exception:  # noqa: BLE001 - whatever breaks the ledger must not break the call
                logger.exception("the call is not in the books, for a reason that nobody foresaw")
            await asyncio.sleep(_PAUSE_S)
        return None

    async def _told_stubbornly(self, fact: Fact) -> None:
        for _ in range(_TRIES):
            if await self._told(fact):
                return
            await asyncio.sleep(_PAUSE_S)

    async def _told(self, *facts: Fact) -> bool:
        try:
            recorded = await self._ledger.record(*facts)
        except FrontdeskError as error:
            logger.error("{} could not be written down: {}", facts[0].type, error.code)
        except Exception:  # noqa: BLE001 - as above
            logger.exception("{} could not be written down, nobody foresaw why", facts[0].type)
        else:
            return facts[0].call_id not in recorded.unknown
        return False

    def _opened(self, call: Call, attempt: int) -> Fact:
        data: Data = {"room": call.room(attempt), "owner": self._owner}
        return self._fact(call.call_id, GatewayFact.ATTEMPT_OPENED, attempt, data)

    def _never_made(self, call_id: str, attempt: int) -> Fact:
        return self._fact(call_id, GatewayFact.CLOSED, attempt, {"how": "never_made"})

    def _failed(self, call_id: str, attempt: int, error: FrontdeskError, *, final: bool) -> Fact:
        data: Data = {
            "code": error.code,
            "reason": _reason(error),
            "final": final,
            "ambiguous": isinstance(error, LaunchError) and error.ambiguous,
        }
        if error.retry_after_s is not None:
            data["retry_after_s"] = error.retry_after_s
        return self._fact(call_id, GatewayFact.LAUNCH_FAILED, attempt, data)

    def _fact(self, call_id: str, kind: GatewayFact, attempt: int, data: Data) -> Fact:
        """One per attempt and kind: a fact that is told twice is one."""
        identity = f"{kind}:{attempt}"
        return Fact(call_id, identity, Source.GATEWAY, kind, self._clock(), attempt, data)


def _reason(error: FrontdeskError) -> EndedReason:
    return EndedReason.CAPACITY if others_full(error) else EndedReason.BOT_START_FAILED


def others_full(error: FrontdeskError) -> bool:
    """Whether Daily or the bots' host said that they have no room now."""
    return isinstance(error, BotCapacityError | RoomRateLimitedError)
