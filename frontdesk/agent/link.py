"""The bot's end of the link: tells the gateway what happens, in order, again and again until it is taken.

Nothing here holds the conversation up: telling only queues, one task posts. Whatever the gateway does,
the call goes on.
"""

import asyncio
import random
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Self

import aiohttp
from loguru import logger

from frontdesk.agent.link_post import Answer, LinkPost, Verdict
from frontdesk.agent.link_queue import LinkQueue
from frontdesk.agent.timers import Sleep
from frontdesk.contract import AgentRequest
from frontdesk.ended import EndedReason

LINGER_S = 240.0
"""How long a bot that has left offers its last reports."""
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 10.0

Post = Callable[[Sequence[bytes]], Awaitable[Answer]]


class Link:
    """Reports of one session, and the gateway's orders.

    Args:
        post: Hands a batch over.
        queue: Holds what was not taken yet.
        heartbeat_s: Longest silence, in seconds.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self, post: Post, queue: LinkQueue, *, heartbeat_s: float, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._post = post
        self._queue = queue
        self._heartbeat_s = heartbeat_s
        self._sleep = sleep
        self._news = asyncio.Event()
        self._order: asyncio.Future[EndedReason] = asyncio.get_running_loop().create_future()
        self._closing = False
        self._stopped = False
        self._failures = 0
        self._task: asyncio.Task[None] | None = None

    @classmethod
    def of(cls, request: AgentRequest, http: aiohttp.ClientSession, claim: str | None = None) -> Self | None:
        """The link of a call; None when nobody wants reports.

        A start request that a host takes twice makes two bots with one session id: the ids of their events
        still differ, and so do the names of their claims, by which the gateway tells whom to believe.
        """
        if request.callback is None:
            return None
        post = LinkPost(http, request.callback, request.call_id, request.session_id, claim)
        queue = LinkQueue(f"{request.session_id}-{secrets.token_hex(3)}")
        return cls(post, queue, heartbeat_s=request.callback.heartbeat_s)

    def start(self) -> None:
        """Begin to report."""
        self._task = asyncio.create_task(self._run(), name="link")

    def discard(self) -> None:
        """Forget what was told and what will be: another bot has this call."""
        self._stopped = True
        self._queue.clear()
        self._news.set()

    def tell(self, kind: str, data: Mapping[str, Any], *, droppable: bool = False) -> None:
        """Report something that happened just now; returns at once and never fails."""
        if self._stopped:
            return
        try:
            self._queue.put(kind, data, droppable=droppable)
        except Exception as error:  # noqa: BLE001 - a report is never worth a call
            logger.warning("a report of {} could not be made: {}", kind, type(error).__name__)
        self._news.set()

    async def ordered(self) -> EndedReason:
        """Wait until the gateway orders to hang up; gives the reason."""
        return await asyncio.shield(self._order)

    async def close(self, linger_s: float = LINGER_S) -> None:
        """Wait until everything was taken, for so many seconds at most; orders come to nobody any more."""
        self._order.cancel()
        task, self._task = self._task, None
        if task is None:
            return
        self._closing = True
        self._news.set()
        patience = asyncio.ensure_future(self._sleep(linger_s))
        try:
            await asyncio.wait({task, patience}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancel(task, patience)
            if len(self._queue):
                logger.warning("{} reports were not taken", len(self._queue))

    async def _run(self) -> None:
        while not self._stopped:
            self._news.clear()
            batch = self._queue.offer()
            if not batch and self._closing:
                return
            if not batch and not self._failures and await self._told_within(self._heartbeat_s):
                continue
            await self._follow(await self._post(batch))

    async def _follow(self, answer: Answer) -> None:
        match answer.verdict:
            case Verdict.TAKEN:
                self._failures = 0
                self._queue.taken(answer.taken)
                self._obey(answer.hang_up)
            case Verdict.BAD:
                if self._queue.refused():
                    logger.error("the gateway does not understand a report: {}", answer.why)
            case Verdict.STOP:
                logger.warning("the gateway wants no more reports: {}", answer.why)
                self._stopped = True
                self._queue.clear()
            case Verdict.RETRY:
                await self._back_off(answer)

    async def _back_off(self, answer: Answer) -> None:
        if not self._failures:
            logger.warning("the gateway did not take a report, trying again: {}", answer.why)
        pause_s = min(_FIRST_PAUSE_S * 2.0 ** min(self._failures, 10), _LONGEST_PAUSE_S)
        self._failures += 1
        await self._sleep(max(answer.retry_after_s, pause_s * random.uniform(0.75, 1)))  # noqa: S311

    def _obey(self, hang_up: EndedReason | None) -> None:
        if hang_up is not None and not self._order.done():
            self._order.set_result(hang_up)

    async def _told_within(self, seconds: float) -> bool:
        """Whether something is to be reported, or the end has come, before so many seconds have passed."""
        silence = asyncio.ensure_future(self._sleep(seconds))
        news = asyncio.ensure_future(self._news.wait())
        try:
            await asyncio.wait({silence, news}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancel(silence, news)
        return self._news.is_set()


async def _cancel(*tasks: "asyncio.Future[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
