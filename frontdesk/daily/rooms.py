"""One room per call, made by pipecat's `configure()` and by nothing else."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import aiohttp
from pipecat.runner.daily import DailyRoomConfig, configure
from pipecat.transports.daily.utils import DailyMeetingTokenProperties

from frontdesk.daily.presence import BOT_USER_ID
from frontdesk.errors import (
    RoomError,
    RoomNameTakenError,
    RoomRateLimitedError,
    RoomRejectedError,
    RoomUnauthorizedError,
    RoomUnavailableError,
)

_STATUS = re.compile(r"\(status: (\d{3})\)")
_TAKEN = "already exists"  # Daily's words for a name that is taken; no document shows them
_SECONDS_PER_HOUR = 3600
_OURS = aiohttp.ClientTimeout(total=None)  # one clock for both requests costs less than one for each


@dataclass(frozen=True, slots=True)
class Room:
    """A Daily room with the bot's owner token; `sip_endpoint` is a SIP URI, for incoming calls only."""

    url: str
    token: str = field(repr=False)
    sip_endpoint: str | None = None

    @property
    def name(self) -> str:
        """The room's name in Daily's REST API."""
        return self.url.partition("?")[0].rpartition("/")[2]


class _Tap:
    """The HTTP session as `configure()` sees it: it gives the room its name, and notes what was asked for."""

    def __init__(self, http: aiohttp.ClientSession, name: str | None) -> None:
        self._http = http
        self._name = name
        self.room_name: str | None = None
        self.token_asked = False

    def post(self, url: str, *, json: dict[str, Any], headers: dict[str, str]) -> Any:
        if url.endswith("/rooms"):
            if self._name is not None:
                json["name"] = self._name
            self.room_name = json["name"]
        else:
            self.token_asked = True
        return self._http.post(url, json=json, headers=headers, timeout=_OURS)


async def make_room(
    http: aiohttp.ClientSession,
    *,
    api_key: str,
    name: str | None,
    timeout_s: float,
    lifetime_s: float,
    caller: str | None,
    enable_dialout: bool,
    abandon: Callable[[str], None],
) -> Room:
    """Make a room and an owner token for it; both end after `lifetime_s`, and whoever is inside is ejected.

    Args:
        http: The application's session.
        api_key: Key of the Daily domain.
        name: The room's name; one that pipecat invents when None.
        timeout_s: Longest wait for the room and its token together.
        lifetime_s: Seconds until the room and its token end.
        caller: Name of the SIP leg; None makes a room without SIP (pipecat takes an empty one for none).
        enable_dialout: Whether phones may be called from the room; needs a Daily plan that allows it.
        abandon: Told the name of a room that may exist although this call failed or was canceled.

    Raises:
        RoomError: Or one of its subclasses; see `frontdesk.errors`.
    """
    tap = _Tap(http, name)
    hours = lifetime_s / _SECONDS_PER_HOUR
    try:
        async with asyncio.timeout(timeout_s):
            config = await configure(
                tap,  # type: ignore[arg-type]
                api_key=api_key,
                room_exp_duration=hours,
                token_exp_duration=hours,
                sip_caller_phone=caller,
                enable_dialout=enable_dialout,
                token_properties=DailyMeetingTokenProperties(user_id=BOT_USER_ID),
            )
        return _room(config, with_sip=caller is not None)
    except Exception as error:
        problem = _problem(error, token_asked=tap.token_asked)
        if tap.room_name and _may_exist(problem, token_asked=tap.token_asked):
            abandon(tap.room_name)
        raise problem from error
    except BaseException:
        if tap.room_name:
            abandon(tap.room_name)
        raise


def _room(config: DailyRoomConfig, *, with_sip: bool) -> Room:
    if with_sip and not config.sip_endpoint:
        raise RoomError("Daily made a room without a SIP endpoint: does the domain have SIP?")
    return Room(config.room_url, config.token, config.sip_endpoint)


def _problem(error: Exception, *, token_asked: bool) -> RoomError:
    """`configure()` raises bare exceptions; the status stands in their text."""
    if isinstance(error, RoomError):
        return error
    found = _STATUS.search(str(error))
    status = int(found.group(1)) if found else HTTPStatus.INTERNAL_SERVER_ERROR
    unauthorized = status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
    if unauthorized or "authorization-header-error" in str(error):
        return RoomUnauthorizedError()
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RoomRateLimitedError(retry_after_s=1)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return RoomUnavailableError()
    if token_asked:
        return RoomError("Daily made the room but gave no token for it.")
    return _refusal(str(error))


def _refusal(words: str) -> RoomError:
    return RoomNameTakenError() if _TAKEN in words else RoomRejectedError()


def _may_exist(problem: RoomError, *, token_asked: bool) -> bool:
    refused = (RoomRejectedError, RoomRateLimitedError, RoomUnauthorizedError, RoomNameTakenError)
    return token_asked or not isinstance(problem, refused)
