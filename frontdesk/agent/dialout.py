"""Placing a call: drives the machine in `dialing` with Daily's events, a clock and a lock."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from loguru import logger

from frontdesk.agent import dial_events as ev
from frontdesk.agent import dialing
from frontdesk.agent.dial_policy import DialPolicy
from frontdesk.agent.dial_state import Phase, State
from frontdesk.agent.dispositions import NEVER_LEFT
from frontdesk.agent.report import CallReport, Step
from frontdesk.agent.timers import Sleep, Timers
from frontdesk.ended import EndedReason

START_TIMEOUT_S = 25.0
"""daily-python gives up on `start_dialout` after 20 s."""
STOP_TIMEOUT_S = 10.0
CALL_OFF_TIMEOUT_S = 5.0
"""How long the end of a call waits for a phone to stop ringing."""


class Phone(Protocol):
    """The part of pipecat's DailyTransport that places calls."""

    async def start_dialout(self, settings: dict[str, Any]) -> tuple[str, Any]:
        """Start a dial; returns its session id and an error or None."""

    async def stop_dialout(self, participant_id: str) -> Any:
        """Stop a dial; returns an error or None."""


MayRedial = Callable[[int], Awaitable[bool]]
"""Asks whether the session may dial for the so manieth time; answers within a bounded time."""


@dataclass(frozen=True)
class DialoutOutcome:
    """What the manager tells the session."""

    answered: Callable[[str | None], Awaitable[None]]
    finished: Callable[[EndedReason], Awaitable[None]]


class DialoutManager:
    """Places one call, with as many dials as the policy allows.

    Args:
        phone: Starts and stops dials.
        settings: Daily's settings of the dial.
        policy: How often, how long, how far apart.
        report: Told of each dial.
        outcome: Told when somebody picked up and when it is over.
        may_redial: Asked before each dial but the first; None where nobody else decides.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self,
        phone: Phone,
        settings: Mapping[str, Any],
        policy: DialPolicy,
        report: CallReport,
        outcome: DialoutOutcome,
        *,
        may_redial: MayRedial | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._phone = phone
        self._may_redial = may_redial
        self._settings = settings
        self._policy = policy
        self._report = report
        self._outcome = outcome
        self._timers = Timers(sleep)
        self._tasks: set[asyncio.Task[None]] = set()
        self._lock = asyncio.Lock()
        self._state = State(policy.most_dials)
        self._over = asyncio.Event()

    @property
    def talking(self) -> bool:
        """Whether somebody has picked up and is still there."""
        return self._state.phase is Phase.TALKING

    async def begin(self) -> None:
        """Start the first dial; the bot is in the room."""
        await self.handle(ev.Begin())

    async def cancel(self) -> None:
        """Call the call off: stop what rings, also a dial that is just being started."""
        await self.handle(ev.Cancel())

    async def call_off(self) -> None:
        """Make sure that no phone rings when the bot leaves; a conversation is not touched."""
        if self.talking:
            return
        await self.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CALL_OFF_TIMEOUT_S):
                await self._over.wait()

    async def on_event(self, name: str, data: Any) -> None:
        """Take one of Daily's dialout events by its name (`connected`, `answered`, `stopped`, `error`)."""
        session_id = _text(data, "sessionId") or None
        match name:
            case "connected":
                await self.handle(ev.Connected(session_id))
            case "answered":
                await self.handle(ev.Answered(session_id))
            case "stopped":
                await self.handle(ev.Stopped(session_id))
            case "error":
                await self.handle(ev.Failed(session_id, _error_text(data)))

    async def handle(self, event: ev.Event) -> None:
        """Advance by one event; the commands that follow run beside it."""
        async with self._lock:
            self._state, commands = dialing.step(self._state, event)
            for command in commands:
                await self._obey(command)

    async def close(self) -> None:
        """Drop every timer and task; for the end of the session."""
        await self._timers.close()
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _obey(self, command: ev.Command) -> None:
        match command:
            case ev.Dial(dial):
                self._report.step(Step.DIALING, dial=dial)
                self._spawn(self._dial(dial))
            case ev.WatchRing(dial):
                self._later("ring", self._policy.ring_timeout_s, ev.RangLongEnough(dial))
            case ev.ReportRinging(dial):
                self._report.step(Step.RINGING, dial=dial, **self._leg())
            case ev.HangUp() | ev.HangUpStray():
                self._spawn(self._hang_up(command))
            case ev.ReportDialEnded(dial, reason):
                self._timers.cancel("ring")
                self._report.step(Step.DIAL_ENDED, dial=dial, reason=reason.value, **self._leg())
            case ev.Pause(dial):
                self._later("pause", self._policy.pause_s(dial), ev.PauseOver(dial))
            case ev.AskAgain(dial):
                self._spawn(self._ask(dial))
            case ev.Talk(session_id):
                self._timers.cancel("ring")
                self._report.step(Step.ANSWERED, dial=self._state.dial, **self._leg())
                self._spawn(self._outcome.answered(session_id))
            case ev.Finish(reason):
                self._timers.cancel("ring")
                self._timers.cancel("pause")
                self._over.set()
                self._spawn(self._outcome.finished(reason))

    def _leg(self) -> dict[str, str]:
        session_id = self._state.session_id
        return {"session_id": session_id} if session_id else {}

    async def _dial(self, dial: int) -> None:
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                session_id, error = await self._phone.start_dialout(dict(self._settings))
        except TimeoutError:
            await self.handle(ev.Unknown(dial))
        except Exception as failure:  # noqa: BLE001
            # pipecat raises bare exceptions when the room is gone; the dial never left.
            await self.handle(ev.Refused(dial, f"{NEVER_LEFT}: {type(failure).__name__}"))
        else:
            await self.handle(ev.Refused(dial, str(error)) if error else ev.Started(dial, session_id))

    async def _ask(self, dial: int) -> None:
        try:
            may = self._may_redial is None or await self._may_redial(dial)
        except Exception as failure:  # noqa: BLE001 - nobody dials on a maybe
            logger.warning("nobody said whether to dial again: {}", type(failure).__name__)
            may = False
        await self.handle(ev.MayDial(dial) if may else ev.MayNot(dial))

    async def _hang_up(self, command: ev.HangUp | ev.HangUpStray) -> None:
        if isinstance(command, ev.HangUp):
            self._timers.cancel("ring")
        done = await self._stop(command.session_id)
        if isinstance(command, ev.HangUp):
            await self.handle(ev.HungUp(command.dial, done=done))

    async def _stop(self, session_id: str) -> bool:
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                return not await self._phone.stop_dialout(session_id)
        except Exception as failure:  # noqa: BLE001
            logger.warning("a dial was not stopped: {}", type(failure).__name__)
            return False

    def _later(self, name: str, seconds: float, event: ev.Event) -> None:
        async def happen() -> None:
            await self.handle(event)

        self._timers.after(name, seconds, happen)

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Future[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.opt(exception=task.exception()).error("placing the call failed")


def _text(data: Any, key: str) -> str:
    value = data.get(key) if isinstance(data, Mapping) else None
    return value if isinstance(value, str) else ""


def _error_text(data: Any) -> str:
    """What went wrong: Daily's clients name it `errorMsg`, older ones `message` or `error`."""
    return next((text for key in ("errorMsg", "message", "error") if (text := _text(data, key))), "")
