"""The routes of campaigns as a client sees them; for commands in a terminal."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any

import aiohttp

from frontdesk.calls.client import ApiError, CallsClient

_CONNECT_S = 10
_SILENT_S = 60
_PIECE = 64 * 1024
_TRIES = 5
_LONGEST_PAUSE_S = 60.0
_NAMED = 20
Pause = Callable[[float], Awaitable[object]]


class CampaignsClient(CallsClient):
    """Asks a gateway; see `CallsClient`."""

    def __init__(
        self, http: aiohttp.ClientSession, url: str, key: str | None, *, pause: Pause = asyncio.sleep
    ) -> None:
        super().__init__(http, url, key)
        self._pause = pause

    async def send(self, file: Path, settings: dict[str, Any], key: str) -> dict[str, Any]:
        """Send a file, again with the same key when it was not taken; the campaign is still being read.

        The pauses double from a second, and are as long as the gateway asks for.

        Raises:
            ApiError: The gateway cannot be reached, or it refused.
        """
        for left in reversed(range(_TRIES)):
            try:
                return await self._send(file, settings, key)
            except ApiError as error:
                if error.final or not left:
                    raise
                await self._pause(max(2.0 ** (_TRIES - left - 1), min(error.retry_after_s, _LONGEST_PAUSE_S)))
        raise AssertionError

    async def find(self, campaign_id: str) -> dict[str, Any]:
        """How a campaign stands.

        Raises:
            ApiError: See `ask`.
        """
        return dict(await self.ask("GET", f"/campaigns/{campaign_id}"))

    async def drive(self, campaign_id: str, what: str) -> dict[str, Any]:
        """`start`, `pause`, `resume` or `cancel` a campaign.

        Raises:
            ApiError: See `ask`.
        """
        return dict(await self.ask("POST", f"/campaigns/{campaign_id}/{what}"))

    async def problems(self, campaign_id: str) -> list[tuple[int, str]]:
        """The first rows that are not called: row, and what is wrong with it.

        Raises:
            ApiError: See `ask`.
        """
        page = await self.ask("GET", f"/campaigns/{campaign_id}/problems?limit={_NAMED}")
        return [(row["row"], _in_words(row["problems"])) for row in page["rows"]]

    async def why_paused(self, campaign_id: str) -> str:
        """The last entry of the log that tells of a pause, in words.

        Raises:
            ApiError: See `ask`.
        """
        entries = (await self.ask("GET", f"/campaigns/{campaign_id}/log"))["entries"]
        told: dict[str, Any] = next((one["data"] for one in reversed(entries) if one["what"] == "paused"), {})
        if told.get("why") == "rows_refused":
            return f"row {told['row']} was refused, as others would be: {_in_words(told['problems'])}"
        if told.get("why") != "calls_fail":
            return str(told.get("why", "unknown"))
        reasons = ", ".join(f"{count} {reason}" for reason, count in told["reasons"].items())
        return f"{told['failed']} of the last {told['of']} attempts failed ({reasons})"

    async def result(self, campaign_id: str, to: Path) -> None:
        """Save the result as CSV, for the eyes of its owner alone: it holds phone numbers.

        Raises:
            ApiError: The gateway cannot be reached, or it refused; nothing was saved under that name.
        """
        part = to.with_name(f"{to.name}.part")
        address = f"{self._url}/campaigns/{campaign_id}/result.csv"
        try:
            async with self._http.get(address, headers=self._headers, timeout=_timeout()) as answer:
                if answer.status != HTTPStatus.OK:
                    raise refusal(answer.status, await _json(answer))
                with _private(part) as file:
                    async for piece in answer.content.iter_chunked(_PIECE):
                        file.write(piece)
        except (aiohttp.ClientError, TimeoutError) as error:
            part.unlink(missing_ok=True)
            raise _unreachable(error) from None
        part.replace(to)

    async def _send(self, file: Path, settings: dict[str, Any], key: str) -> dict[str, Any]:
        headers = {**self._headers, "Idempotency-Key": key, "Prefer": "respond-async"}
        try:
            with file.open("rb") as content:
                form = aiohttp.FormData()
                form.add_field("settings", json.dumps(settings), content_type="application/json")
                form.add_field("file", content, filename=file.name, content_type="text/csv")
                address = f"{self._url}/campaigns"
                async with self._http.post(address, data=form, headers=headers, timeout=_timeout()) as answer:
                    body = await _json(answer)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise _unreachable(error) from None
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise refusal(answer.status, body)
        return dict(body)


def refusal(status: int, body: Any) -> ApiError:
    """What the gateway said, with each field that is wrong."""
    known = body if isinstance(body, dict) else {}
    text = f"{known.get('title', f'the gateway answered {status}')}. {known.get('detail', '')}".strip()
    errors = _in_words(known.get("errors") or [])
    final = status < HTTPStatus.INTERNAL_SERVER_ERROR and known.get("code") != "idempotency_in_progress"
    text = f"{text} ({errors})" if errors and errors not in text else text
    later_s = known.get("retry_after_s")
    return ApiError(text, final=final, retry_after_s=later_s if isinstance(later_s, int | float) else 0.0)


def _in_words(problems: list[dict[str, str]]) -> str:
    return "; ".join(f"{one['field']} {one['message']}" for one in problems)


def _unreachable(error: Exception) -> ApiError:
    return ApiError(f"the gateway cannot be reached ({type(error).__name__})", final=False)


def _private(path: Path) -> IO[bytes]:
    """A new file that nobody else can read; what was there under its name, with whatever rights, is gone."""
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _timeout() -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S, sock_read=_SILENT_S)


async def _json(answer: aiohttp.ClientResponse) -> Any:
    return await answer.json(content_type=None)
