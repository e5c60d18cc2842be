"""Which bot an incoming call gets, once per call however often Daily tells of it."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from loguru import logger
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception
from tenacity.wait import wait_exponential_jitter

from frontdesk.contract import Limits
from frontdesk.dialin.models import DialinAnswer, DialinWebhook
from frontdesk.errors import FrontdeskError, LaunchTimeoutError, UpstreamError
from frontdesk.launch.call import Call
from frontdesk.launch.service import Launched, Launcher
from frontdesk.logs import call_context
from frontdesk.organizations import Organizations
from frontdesk.tasks import InFlight

_REMEMBERED_S = 900
_FIRST_PAUSE_S = 0.25
_BACK_OFF = wait_exponential_jitter(multiplier=0.5, max=4, jitter=0.25)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One incoming call: told of by any number of webhooks, launched once."""

    call_id: str
    received: float
    launch: asyncio.Task[Launched | FrontdeskError]


class DialinService:
    """Finds the organization of an incoming call and launches its bot.

    Args:
        organizations: Who answers which number.
        launcher: Makes the room and starts the bot.
        limits: How long calls may take.
        answer_within_s: When a webhook is answered at the latest.
        hold_s: How long a bot is sought before the caller hears Daily's message for a timed-out hold.
        now: Monotonic seconds.
        sleep: How to wait between tries, in seconds.
    """

    def __init__(
        self,
        organizations: Organizations,
        launcher: Launcher,
        limits: Limits,
        *,
        answer_within_s: float,
        hold_s: float,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._organizations = organizations
        self._launcher = launcher
        self._limits = limits
        self._answer_within_s = answer_within_s
        self._hold_s = hold_s
        self._now = now
        self._sleep = sleep
        self._calls: dict[str, _Entry] = {}
        self._tasks = InFlight()

    async def receive(
        self, webhook: DialinWebhook, organization: str | None = None, workflow: str | None = None
    ) -> DialinAnswer:
        """Launch a bot for the call, or join the launch that an earlier copy of the webhook began.

        Args:
            webhook: The call.
            organization: Slug that the path pins; by the called number when None.
            workflow: Conversation that the path pins; the organization's own when None.

        Raises:
            UnknownNumberError: Nobody answers the called number.
            UnknownOrganizationError: The pinned organization does not exist.
            UnknownWorkflowError: The pinned workflow does not exist.
            UpstreamError: No bot could be had; a later copy of the webhook may try again.
        """
        entry = self._calls.get(webhook.call_id)
        if entry is None:
            entry = self._begin(webhook, organization, workflow)
        left = entry.received + self._answer_within_s - self._now()
        await asyncio.wait((entry.launch,), timeout=max(0, left))
        if not entry.launch.done():
            return DialinAnswer(call_id=entry.call_id, status="launching")
        outcome = entry.launch.result()
        if isinstance(outcome, FrontdeskError):
            raise outcome
        return DialinAnswer(call_id=entry.call_id, status="started", session_id=outcome.session_id)

    async def drain(self, timeout_s: float) -> None:
        """Wait for the launches in flight, but not longer than this."""
        await self._tasks.drain(timeout_s)

    def _begin(self, webhook: DialinWebhook, slug: str | None, workflow: str | None) -> _Entry:
        self._forget_old()
        if slug is None:
            organization = self._organizations.by_number(webhook.to)
        else:
            organization = self._organizations.by_slug(slug)
        call = Call(
            call_id=str(uuid.uuid4()),
            organization=organization,
            workflow=organization.knows(workflow or organization.inbound_workflow),
            line=webhook.settings(),
            limits=self._limits,
        )
        launch = self._tasks.start(self._launch(webhook.call_id, call))
        entry = self._calls[webhook.call_id] = _Entry(call.call_id, self._now(), launch)
        return entry

    def _forget_old(self) -> None:
        """Entries stand in the order of their arrival, and none is in flight when it is this old."""
        limit = self._now() - _REMEMBERED_S
        while self._calls:
            oldest = next(iter(self._calls))
            if self._calls[oldest].received > limit:
                return
            del self._calls[oldest]

    async def _launch(self, daily_call_id: str, call: Call) -> Launched | FrontdeskError:
        with call_context(call.call_id):
            try:
                async with asyncio.timeout(self._hold_s):
                    return await self._try_until_held_too_long(call)
            except FrontdeskError as error:
                problem = error
            except TimeoutError:
                problem = LaunchTimeoutError()
            except Exception:  # noqa: BLE001 - every copy of the webhook must get an answer
                logger.exception("the launch failed for a reason that nobody foresaw")
                problem = FrontdeskError()
            del self._calls[daily_call_id]
            logger.error("no bot for the caller, who will hear Daily's time-out message: {}", problem.code)
            return problem

    async def _try_until_held_too_long(self, call: Call) -> Launched:
        with self._launcher.launching(call) as launch:
            try:
                return await launch.attempt()  # nearly every call ends here, without the cost of the rest
            except UpstreamError as error:
                if not error.retryable:
                    raise
                logger.warning("the launch failed ({}); trying again while the caller is on hold", error.code)
            deadline = self._now() + self._hold_s
            await self._sleep(_FIRST_PAUSE_S)
            return await self._retrying(deadline)(launch.attempt)

    def _retrying(self, deadline: float) -> AsyncRetrying:
        def too_late(state: RetryCallState) -> bool:
            return self._now() + state.upcoming_sleep > deadline

        return AsyncRetrying(
            retry=retry_if_exception(_worth_a_retry),
            stop=too_late,
            wait=_BACK_OFF,
            sleep=self._sleep,
            before_sleep=_log_retry,
            reraise=True,
        )


def _worth_a_retry(error: BaseException) -> bool:
    return isinstance(error, UpstreamError) and error.retryable


def _log_retry(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    code = error.code if isinstance(error, FrontdeskError) else "?"
    logger.warning("launch {} failed ({}); the caller is on hold, trying again", state.attempt_number, code)
