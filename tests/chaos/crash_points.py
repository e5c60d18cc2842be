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
    """Before, after or in the middle of a function, at its nth call.

    Attributes:
        where: `module:function` or `module:Class.method`.
        when: On which side of the call; within a write, half of it is done.
        means: What has happened by then, and what has not.
    """

    where: str
    when: Literal["before", "within", "after"]
    means: str


CRASH_POINTS = {
    "committed": CrashPoint(
        "frontdesk.calls.ledger:Ledger._commit", "after", "the ledger has committed, nobody was answered"
    ),
    "room": CrashPoint("frontdesk.daily.rooms:make_room", "after", "a room exists that no record knows of"),
    "launched": CrashPoint(
        "frontdesk.launch.start_api:request_start", "after", "a bot is on its way, not yet in the record"
    ),
    "outbox": CrashPoint(
        "frontdesk.crm.outbox:CrmOutbox.committed", "before", "events are committed, nobody delivers them"
    ),
    "delivered": CrashPoint(
        "frontdesk.crm.sender:Sender.send", "after", "the CRM has answered 2xx, which was not written down"
    ),
    "closed": CrashPoint(
        "frontdesk.daily.hangup:HangUp.close", "after", "a line is closed, and the record does not say so"
    ),
    "inbox": CrashPoint(
        "frontdesk.daily.events.inbox:Inbox._commit", "after", "an event of Daily is kept, not yet worked on"
    ),
    "spool": CrashPoint(
        "frontdesk.storage.spool_files:_write_all", "within", "half a line stands in the spool"
    ),
    "accepted": CrashPoint(
        "frontdesk.dialout.acceptance:Acceptance.accept", "after", "a call is accepted, nobody was answered"
    ),
    "queued": CrashPoint(
        "frontdesk.engine.dbos_queue:DbosQueue.put", "after", "the queue has it, the ledger does not know"
    ),
    "slot": CrashPoint(
        "frontdesk.engine.admission:Admission.take", "after", "a slot is taken, its attempt is not opened"
    ),
    "opened": CrashPoint(
        "frontdesk.engine.start:Start._open", "after", "an attempt is opened, there is no room and no bot"
    ),
    "given_back": CrashPoint(
        "frontdesk.engine.admission:Admission.give_back", "before", "the attempt is off, its slot is taken"
    ),
    "released": CrashPoint(
        "frontdesk.engine.slots:SlotKeeper.release", "after", "an attempt's end and slot are not committed"
    ),
    "launching": CrashPoint(
        "frontdesk.engine.start:Start._without_slot", "after", "an attempt is opened and has its slot"
    ),
    "put_off": CrashPoint(
        "frontdesk.engine.placing:Placing._put_off", "after", "an attempt waits, the queue does not know"
    ),
    "finished": CrashPoint(
        "frontdesk.engine.placements:Placements.run", "after", "a placement is done, its result is not kept"
    ),
    "resumed": CrashPoint(
        "frontdesk.engine.takeover:Takeover.resume", "after", "a dead gateway's work is back in the queue"
    ),
    "placed": CrashPoint(
        "frontdesk.engine.placing:Placing.place", "after", "an attempt is placed, the queue does not know"
    ),
    "followed": CrashPoint(
        "frontdesk.engine.workflow:follow", "before", "a turn is done, the one after it is not queued"
    ),
    "claimed": CrashPoint(
        "frontdesk.link.service:LinkService.claim", "after", "a bot may dial, and was not told so"
    ),
    "loaded": CrashPoint(
        "frontdesk.campaigns.row_store:RowStore.add",
        "after",
        "some rows of a campaign's file are in the books",
    ),
    "fed": CrashPoint(
        "frontdesk.campaigns.row_store:RowStore.fed", "before", "rows are calls, the campaign does not know"
    ),
}


def install(name: str, passages: int) -> None:
    """Have this process killed at the nth passage of a crash point."""
    point = CRASH_POINTS[name]
    module, _, path = point.where.partition(":")
    owner: Any = import_module(module)
    *holders, attribute = path.split(".")
    for holder in holders:
        owner = getattr(owner, holder)
    original = getattr(owner, attribute)
    deadly = _torn(original, passages) if point.when == "within" else _deadly(original, point.when, passages)
    setattr(owner, attribute, deadly)
    if not holders:
        for other in _holders_of(original, attribute):
            setattr(other, attribute, deadly)


def _holders_of(function: Any, attribute: str) -> Iterator[Any]:
    """Modules that have imported the function by its name."""
    for module in list(sys.modules.values()):
        if getattr(module, "__dict__", {}).get(attribute) is function:
            yield module


def _countdown(passages: int) -> Callable[[], bool]:
    left = iter(range(passages - 1, -1, -1))
    return lambda: next(left, 0) == 0


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _torn(write: Callable[[int, bytes], None], passages: int) -> Callable[[int, bytes], None]:
    """A write of which only half reaches the disk."""
    is_the_last = _countdown(passages)

    def torn(descriptor: int, content: bytes) -> None:
        if is_the_last():
            write(descriptor, content[: len(content) // 2])
            os.fsync(descriptor)
            _die()
        write(descriptor, content)

    return torn


def _deadly(function: Callable[..., Any], when: str, passages: int) -> Callable[..., Any]:
    is_the_last = _countdown(passages)

    def die_in_turn() -> None:
        if is_the_last():
            _die()

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
