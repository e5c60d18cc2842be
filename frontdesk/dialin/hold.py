"""A bot is sought for as long as the caller is on hold."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from loguru import logger
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception
from tenacity.wait import wait_exponential_jitter

from frontdesk.errors import FrontdeskError, UpstreamError
from frontdesk.launch.service import Launch, Launched

_FIRST_PAUSE_S = 0.25
_BACK_OFF = wait_exponential_jitter(multiplier=0.5, max=4, jitter=0.25)


@dataclass(frozen=True, slots=True)
class Hold:
    """How launches are repeated.

    Args:
        now: Monotonic seconds.
        sleep: How to wait between tries, in seconds.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def launch(self, launch: Launch, hold_s: float) -> Launched:
        """Try until a bot is started, or `hold_s` seconds are over.

        Raises:
            TimeoutError: They are over during a try.
            UpstreamError: They are over between two, or trying again does not help.
            Exception: Whatever else a try raises.
        """
        async with asyncio.timeout(hold_s):
            try:
                return await launch.attempt()  # nearly every call ends here, without the cost of the rest
            except UpstreamError as error:
                if not error.retryable:
                    raise
                logger.warning("the launch failed ({}); trying again while the caller is on hold", error.code)
            deadline = self.now() + hold_s
            await self.sleep(_FIRST_PAUSE_S)
            return await self._retrying(deadline)(launch.attempt)

    def _retrying(self, deadline: float) -> AsyncRetrying:
        def too_late(state: RetryCallState) -> bool:
            return self.now() + state.upcoming_sleep > deadline

        return AsyncRetrying(
            retry=retry_if_exception(_worth_a_retry),
            stop=too_late,
            wait=_BACK_OFF,
            sleep=self.sleep,
            before_sleep=_log_retry,
            reraise=True,
        )


def _worth_a_retry(error: BaseException) -> bool:
    return isinstance(error, UpstreamError) and error.retryable


def _log_retry(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    code = error.code if isinstance(error, FrontdeskError) else "?"
    logger.warning("launch {} failed ({}); the caller is on hold, trying again", state.attempt_number, code)
