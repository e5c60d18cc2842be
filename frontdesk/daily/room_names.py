"""The names of our rooms, from which call and attempt are told without looking anything up."""

import re
from typing import NamedTuple

UNKNOWN_INSTALLATION = "0000000000000000"
"""In names that are made while the books, which know the installation's id, cannot be read."""
_NAME = re.compile(r"fd-([0-9a-f]{16})-([0-9a-f]{32})-([1-9][0-9]{0,8})")


class RoomName(NamedTuple):
    """What the name of one of our rooms says."""

    installation: str
    call_id: str
    attempt: int


def room_name(installation: str, call_id: str, attempt: int) -> str:
    """The name of the room of one attempt of a call, the same whenever it is asked for.

    Daily takes letters, digits, `-` and `_`, at most 128 of them (Daily docs, POST /rooms).

    Args:
        installation: 16 hex digits, so that installations may share a Daily domain, and so that who knows a
            call cannot guess its room: `configure()` makes rooms that everybody may join who knows the name.
        call_id: 32 hex digits.
        attempt: From 1.
    """
    return f"fd-{installation}-{call_id}-{attempt}"


def parse_room(name: str) -> RoomName | None:
    """Read a name that `room_name` made; None for any other, such as that of somebody else's room."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    installation, call_id, attempt = found.groups()
    return RoomName(installation, call_id, int(attempt))
