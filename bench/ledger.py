"""Whole lives of calls that one ledger on SQLite keeps in a second: what the books can do, without HTTP."""

import asyncio
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from tempfile import TemporaryDirectory

from bench.figures import Figure
from frontdesk.calls.ledger import Ledger
from frontdesk.calls.models import BotFact, Fact, GatewayFact, NewCall, Source
from frontdesk.calls.orders import Patience
from frontdesk.crm.endpoints import Endpoint, Endpoints
from frontdesk.crm.outbox import CrmOutbox
from frontdesk.crm.signing import Signer
from frontdesk.migrations import upgrade
from frontdesk.storage.database import Database
from frontdesk.storage.spool import Spool

_CLINIC = str(uuid.UUID(int=1))
_SECRET = "whsec_" + "c2VjcmV0" * 5
_AT_ONCE, _LIVES, _EXPECTED = 256, 6000, 300
_STEPS: tuple[tuple[BotFact, ...], ...] = (
    (BotFact.JOINED, BotFact.DIALIN_READY),
    (BotFact.FORWARDED, BotFact.CONNECTED, BotFact.GREETING, BotFact.FIRST_WORD),
    (BotFact.TURN, BotFact.TURN),
    (BotFact.ENDING, BotFact.ENDED),
)


def measure() -> Figure:
    """Each step of a life is told when the one before it is durable; a CRM is to be told of each call."""
    with TemporaryDirectory(prefix="frontdesk-bench-") as folder:
        began_cpu = _cpu_s()
        elapsed_s, spooled = asyncio.run(_keep(Path(folder)))
        busy = (_cpu_s() - began_cpu) / elapsed_s
    facts = 3 + sum(len(step) for step in _STEPS)
    return Figure(
        "Whole lives of calls that the ledger keeps on SQLite",
        _LIVES / elapsed_s,
        _EXPECTED,
        "calls/s",
        f"{_LIVES} calls of {facts} facts, told in {2 + len(_STEPS)} steps, {_AT_ONCE} at once, flat out; "
        f"{busy:.0%} of a core, {spooled} answers from the spool; no HTTP",
        at_least=True,
    )


async def _keep(folder: Path) -> tuple[float, int]:
    database = Database.open(f"sqlite:///{folder}/books.db", exclusive=True)
    endpoint = Endpoint("ep_bench", _CLINIC, "https://crm.example/calls", Signer([_SECRET]))
    outbox = CrmOutbox(Endpoints([endpoint], {}, {_CLINIC: "bench"}), lambda _: None)
    async with database.running(upgrade):
        await database.ready.wait()
        ledger = Ledger(database, Spool(folder / "spool"), outbox, patience=Patience())
        async with ledger.running():
            lives = iter(range(_LIVES))
            began = time.perf_counter()
            spooled = await asyncio.gather(*(_one_after_the_other(ledger, lives) for _ in range(_AT_ONCE)))
            return time.perf_counter() - began, sum(spooled)


async def _one_after_the_other(ledger: Ledger, lives: Iterator[int]) -> int:
    return sum([await _live(ledger) for _ in lives])


async def _live(ledger: Ledger) -> int:
    """One life; how many of its answers came from the spool."""
    now = time.time()
    call = NewCall(
        id=uuid.uuid4().hex,
        direction="inbound",
        organization_id=_CLINIC,
        workflow="reception",
        created_at=now,
        from_number="+12025550123",
        to_number="+14155550100",
    )
    opened = await ledger.open(call, _gateway(call.id, GatewayFact.ATTEMPT_OPENED, room="r", owner="bench"))
    spooled = int(opened.spooled)
    told = [[_gateway(call.id, GatewayFact.BOT_STARTED, session_id="s", host="local")]]
    told += [[_bot(call.id, kind) for kind in step] for step in _STEPS]
    for facts in told:
        spooled += (await ledger.record(*facts)).spooled
    return spooled


def _gateway(call_id: str, kind: GatewayFact, **data: str) -> Fact:
    return Fact(call_id, f"{kind}:1", Source.GATEWAY, kind, time.time(), 1, {**data})


def _bot(call_id: str, kind: BotFact) -> Fact:
    data = {"reason": "bot_hangup"} if kind in {BotFact.ENDING, BotFact.ENDED} else {}
    if kind is BotFact.TURN:
        data = {"role": "user", "text": "What are your opening hours?"}
    return Fact(call_id, uuid.uuid4().hex, Source.BOT, kind, time.time(), 1, {**data})


def _cpu_s() -> float:
    used = getrusage(RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    print(measure().row())
