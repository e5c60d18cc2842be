"""Daily's pagination: `limit`, `starting_after`, `ending_before`; newest first (Daily docs, pagination)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from frontdesk.simulator.rest.errors import invalid
from frontdesk.simulator.rest.fields import whole_number

MAX_PAGE = 100
Item = TypeVar("Item")


def page(
    items: Sequence[Item],
    query: Mapping[str, str],
    *,
    cursor: Callable[[Item], str],
    show: Callable[[Item], dict[str, Any]],
) -> dict[str, Any]:
    """`{total_count, data}` for a list that is newest first already; raises a 400 for an unknown cursor."""
    limit = min(whole_number(query, "limit", MAX_PAGE), MAX_PAGE)
    chosen = _window(items, query, limit, cursor)
    return {"total_count": len(items), "data": [show(item) for item in chosen]}


def _window(
    items: Sequence[Item], query: Mapping[str, str], limit: int, cursor: Callable[[Item], str]
) -> Sequence[Item]:
    if "starting_after" in query:
        start = _position(items, query["starting_after"], cursor) + 1
        return items[start : start + limit]
    if "ending_before" in query:
        end = _position(items, query["ending_before"], cursor)
        return items[max(0, end - limit) : end]
    return items[:limit]


def _position(items: Sequence[Item], wanted: str, cursor: Callable[[Item], str]) -> int:
    for position, item in enumerate(items):
        if cursor(item) == wanted:
            return position
    raise invalid("invalid pagination cursor")
