"""Who is in a room, told by Daily and not by the bot."""

from dataclasses import dataclass
from typing import Any

from frontdesk.daily.api import DailyApi, no_such_room
from frontdesk.errors import DailyError

BOT_USER_ID = "frontdesk-bot"
"""`user_id` of the bot's meeting token. Daily shows it as `userId`, and `user_id` in its events, and gives
participants without such a token none or another (Daily docs, presence; meeting tokens, user_id)."""


@dataclass(frozen=True, slots=True)
class RoomPresence:
    """Who is in a room: whether our bot is, and how many others, which are phones.

    `exists` is False for a room that was deleted or has expired; nobody is in it.
    """

    bot: bool
    phones: int
    exists: bool = True


_NOBODY = RoomPresence(bot=False, phones=0, exists=False)


class Presence:
    """Asks Daily who is in a room.

    What Daily says may be up to 15 seconds old (Daily docs, presence). How a phone's leg is shown is not
    documented beyond its not having the bot's token, so every other participant counts as a phone.

    Args:
        api: Daily.
        timeout_s: Longest wait for the answer.
    """

    def __init__(self, api: DailyApi, *, timeout_s: float = 5.0) -> None:
        self._api = api
        self._timeout_s = timeout_s

    async def ask(self, room: str) -> RoomPresence | None:
        """Who is in the room; None when Daily cannot say now."""
        try:
            answer = await self._api.ask("GET", f"/rooms/{room}/presence", timeout_s=self._timeout_s)
        except DailyError as error:
            return _NOBODY if no_such_room(error) else None
        return _read(answer)


def _read(answer: Any) -> RoomPresence | None:
    people = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(people, list) or not all(isinstance(one, dict) for one in people):
        return None
    bots = sum(1 for one in people if one.get("userId") == BOT_USER_ID)
    return RoomPresence(bot=bots > 0, phones=len(people) - bots)
