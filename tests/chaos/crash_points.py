"""Named moments at which the gateway dies, as if the machine had lost its power then."""

import functools
import inspect
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal


@dataclass(frozen=True)
class CrashPoint:
    """Before or after a function, at its nth call.

    Attributes:
        where: `module:function` or `module:Class.method`.
        when: On which side of the call.
        means: What has happened by then, and what has not.
    """

    where: str
    when: Literal["before", "after"]
    means: str


CRASH_POINTS: dict[str, CrashPoint] = {}


def install(name: str, passages: int) -> None:
    """Have this process killed at the nth passage of a crash point."""
    point = CRASH_POINTS[name]
    module, _, path = point.where.partition(":")
    owner: Any = import_module(module)
    *holders, attribute = path.split(".")
    for holder in holders:
        owner = getattr(owner, holder)
    original = getattr(owner, attribute)
    deadly = _deadly(original, point.when, passages)
    setattr(owner, attribute, deadly)
    if not holders:
        for other in _holders_of(original, attribute):
            setattr(other, attribute, deadly)


def _holders_of(function: Any, attribute: str) -> Iterator[Any]:
    """Modules that have imported the function by its name."""
    for module in list(sys.modules.values()):
        if getattr(module, "__dict__", {}).get(attribute) is function:
            yield module


def _deadly(function: Callable[..., Any], when: str, passages: int) -> Callable[..., Any]:
    left = iter(range(passages - 1, -1, -1))

    def die_in_turn() -> None:
        if next(left, 0) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    @functools.wraps(function)
    async def around(*args: Any, **kwargs: Any) -> Any:
        if when == "before":
            die_in_turn()
        result = await function(*args, **kwargs)
        if when == "after":
            die_in_turn()
        return result

    @functools.wraps(function)
    def plain(*args: Any, **kwargs: Any) -> Any:
        if when == "before":
            die_in_turn()
        result = function(*args, **kwargs)
        if when == "after":
            die_in_turn()
        return result

    return around if inspect.iscoroutinefunction(function) else plain
