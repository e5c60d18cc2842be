"""One question to a CRM, signed as events are, and its answer: whole and in time, or none."""

import asyncio
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol

import aiohttp

from frontdesk.crm.endpoints import Caller

_TYPES = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"}


class Sessions(Protocol):
    """HTTP sessions that go only to addresses that are allowed."""

    def session(self, *, allow_private: bool) -> aiohttp.ClientSession:
        """One for a CRM; `allow_private` for one inside the network."""


class NoAnswerError(Exception):
    """The CRM did not answer; the text is a code, such as `timeout`, and nothing of the CRM's."""


class Asking:
    """Asks CRMs.

    Args:
        sessions: With which session.
        deadline_s: From the question to the end of the answer, in seconds.
        most_bytes: A longer answer is none.
        clock: UTC seconds.
    """

    def __init__(
        self,
        sessions: Sessions,
        *,
        deadline_s: float,
        most_bytes: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sessions = sessions
        self._deadline_s = deadline_s
        self._most_bytes = most_bytes
        self._clock = clock

    async def ask(self, caller: Caller, name: str, question: str, *, empty: bytes | None = None) -> bytes:
        """The body of a 200.

        Args:
            caller: Where to ask, and who signs.
            name: The question's id, sent as `webhook-id`.
            question: JSON.
            empty: What 204 counts as; None when it is no answer.

        Raises:
            NoAnswerError: There was no such answer.
        """
        try:
            async with asyncio.timeout(self._deadline_s):
                return await self._post(caller, name, question, empty)
        except TimeoutError:
            raise NoAnswerError("timeout") from None
        except aiohttp.ClientConnectorError:
            raise NoAnswerError("unreachable") from None
        except (aiohttp.ClientError, OSError, ValueError):
            raise NoAnswerError("broke_off") from None

    async def _post(self, caller: Caller, name: str, question: str, empty: bytes | None) -> bytes:
        headers = _TYPES | caller.signer.headers(name, self._clock(), question)
        http = self._sessions.session(allow_private=caller.allow_private)
        async with http.post(
            caller.url, data=question.encode(), headers=headers, allow_redirects=False
        ) as answer:
            if answer.status == HTTPStatus.NO_CONTENT and empty is not None:
                return empty
            if answer.status != HTTPStatus.OK:
                answer.close()
                raise NoAnswerError(f"http_{answer.status}")
            return await self._limited(answer)

    async def _limited(self, answer: aiohttp.ClientResponse) -> bytes:
        content = b""
        while chunk := await answer.content.read(self._most_bytes):
            content += chunk
            if len(content) > self._most_bytes:
                answer.close()
                raise NoAnswerError("answer_too_large")
        return content
