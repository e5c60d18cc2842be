"""Asking the gateway what the CRM said of the caller, beside joining the room."""

import asyncio
import contextlib

import aiohttp
from loguru import logger
from pydantic import ValidationError

from frontdesk.agent.link_post import bearer, link_url, read_object
from frontdesk.contract import AgentRequest, CallContext

WAIT_S = 2.0
"""How long the gateway may hold its answer; the CRM has no longer than that."""
_MORE_S = 1.0
_OK = 200


class CallerContext:
    """What is known of the caller as soon as it is; nobody ever waits for it.

    Args:
        http: The call's HTTP session.
        request: The call; it says whether there is anything to ask.
    """

    def __init__(self, http: aiohttp.ClientSession, request: AgentRequest) -> None:
        self._http = http
        self._request = request
        self._task: asyncio.Task[CallContext | None] | None = None

    def start(self) -> None:
        """Ask, if the gateway has asked the CRM."""
        if self._request.callback is not None and self._request.callback.ask_context:
            self._task = asyncio.create_task(self._ask(), name="caller-context")

    def arrived(self) -> CallContext | None:
        """What has come by now."""
        if self._task is None or not self._task.done() or self._task.cancelled():
            return None
        return self._task.result()

    async def close(self) -> None:
        """Stop asking."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _ask(self) -> CallContext | None:
        try:
            return CallContext.model_validate(await self._answer())
        except ValidationError:
            logger.warning("the caller's context cannot be used")
        except Exception as error:  # noqa: BLE001 - a caller is greeted without it
            logger.warning("the caller's context did not come: {}", type(error).__name__)
        return None

    async def _answer(self) -> dict[str, object]:
        callback = self._request.callback
        assert callback is not None  # noqa: S101 - start() looked
        async with self._http.get(
            link_url(callback, self._request.call_id, "context"),
            params={"wait_s": str(WAIT_S)},
            headers=bearer(callback),
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=WAIT_S + _MORE_S),
        ) as response:
            return await read_object(response) if response.status == _OK else {}
