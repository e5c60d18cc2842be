"""The routes of campaigns over the real books; what becomes a call is entered, and nobody dials it."""

import asyncio
import csv
import io
import json
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import Table, func, select

from frontdesk.calls.ledger import Ledger, NoOutbox
from frontdesk.calls.models import Data, Fact, GatewayFact, NewCall, Source
from frontdesk.calls.orders import Enqueue, Patience
from frontdesk.calls.queue_facts import blocked
from frontdesk.calls.tables import calls
from frontdesk.campaigns import routes
from frontdesk.campaigns.service import Campaigns, Parts
from frontdesk.contract import Limits
from frontdesk.dialout.acceptance import Acceptance
from frontdesk.dialout.drafting import Drafting
from frontdesk.dialout.idempotency import Digests
from frontdesk.doors.problems import install_problem_handlers
from frontdesk.doors.requests import RequestFrame
from frontdesk.ended import EndedReason
from frontdesk.keys.models import EVERYTHING
from frontdesk.keys.service import Keyring
from frontdesk.keys.store import KeyStore
from frontdesk.organizations import Organizations, load_organizations
from frontdesk.patients.store import Patients
from frontdesk.storage.database import Database
from frontdesk.storage.spool import Spool

SETTINGS = {"name": "Check-ups", "timezone": "America/New_York"}
HEADER = "phone_number"
Reply = httpx.Response


def number(index: int) -> str:
    """A number that may be dialed; another one for each index below ten million."""
    return f"+1{('212', '415', '305', '202')[index % 4]}{2_000_000 + index}"


def a_csv(*lines: str, header: str = HEADER) -> bytes:
    """A file."""
    return "\n".join([header, *lines, ""]).encode()


def numbers(count: int) -> bytes:
    """A file of as many rows."""
    return a_csv(*(number(index) for index in range(count)))


class Nobody:
    """A queue that only remembers."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    def accepted(self, call: NewCall, order: Enqueue) -> None:
        """Remember it."""
        self.taken.append(call.id)


@dataclass
class Gateway:
    """One gateway's campaigns over a database."""

    database: Database
    ledger: Ledger
    campaigns: Campaigns
    acceptance: Acceptance
    queue: Nobody
    id: str
    woken: list[str] = field(default_factory=list)

    async def end(self, call_id: str, reason: EndedReason = EndedReason.INVALID_NUMBER) -> None:
        """Let a call that waits end."""
        await self.ledger.record(blocked(call_id, 1, time.time(), reason=reason))

    async def launch(self, call_id: str) -> None:
        """Let a call that waits be made."""
        data: Data = {"room": "r", "owner": self.id}
        fact = Fact(
            call_id, "attempt_opened:1", Source.GATEWAY, GatewayFact.ATTEMPT_OPENED, time.time(), 1, data
        )
        await self.ledger.record(fact)

    async def calls_of(self, campaign_id: str) -> list[dict[str, Any]]:
        """The rows of its calls."""
        query = select(calls).where(calls.c.campaign_id == campaign_id)
        return [dict(row) for row in await rows_of(self.database, query)]


async def rows_of(database: Database, query: Any) -> list[Any]:
    """Rows of a query."""
    async with database.reader() as connection:
        return list((await connection.execute(query)).mappings())


async def count(database: Database, table: Table) -> int:
    """How many rows a table has."""
    return int((await rows_of(database, select(func.count().label("n")).select_from(table)))[0]["n"])


@asynccontextmanager
async def a_gateway(
    database: Database,
    folder: Path,
    *,
    organizations: Organizations | None = None,
    clock: Callable[[], float] = time.time,
    is_dead: Callable[[str], Any] | None = None,
    timezone_needed: bool = True,
) -> AsyncIterator[Gateway]:
    """Campaigns with a real ledger and a real acceptance."""
    own_id = uuid.uuid4().hex
    served = organizations or load_organizations(Path("clinics"))
    queue = Nobody()
    spool, patience = Spool(folder / own_id), Patience()
    ledger = Ledger(database, spool, NoOutbox(), patience=patience, clock=clock, spool_after_s=60)
    drafting = Drafting(served, Patients(database), Limits(), timezone_needed=timezone_needed, clock=clock)
    acceptance = Acceptance(drafting, ledger, queue, Digests("secret"))
    woken: list[str] = []

    async def everybody_else(gateway_id: str) -> bool:
        return gateway_id != own_id

    campaigns = Campaigns(
        Parts(
            database=database,
            ledger=ledger,
            organizations=served,
            acceptance=acceptance,
            wake=woken.append,
            is_dead=is_dead or everybody_else,
            gateway_id=own_id,
            secret="secret",
            limits=Limits(),
            timezone_needed=timezone_needed,
            clock=clock,
        )
    )
    async with ledger.running():
        yield Gateway(database, ledger, campaigns, acceptance, queue, own_id, woken)
        await campaigns.drain(60)


def an_app(gateway: Gateway, keyring: Keyring) -> FastAPI:
    """The routes alone."""
    app = FastAPI()
    app.state.keyring = keyring
    app.state.campaigns = gateway.campaigns
    app.include_router(routes.router)
    install_problem_handlers(app)
    app.add_middleware(RequestFrame)
    return app


@dataclass
class Office:
    """Sends files and asks over HTTP."""

    gateway: Gateway
    http: httpx.AsyncClient
    keyring: Keyring
    keys: dict[str, str] = field(default_factory=dict)

    async def ask(self, method: str, path: str, *, organization: str | None = None, **options: Any) -> Reply:
        """Ask with a key of an organization."""
        own = organization or own_organization()
        if own not in self.keys:
            self.keys[own] = (await self.keyring.create("test", own, EVERYTHING))[1]
        headers = {"Authorization": f"Bearer {self.keys[own]}", **options.pop("headers", {})}
        return await self.http.request(method, path, headers=headers, **options)

    async def send(
        self,
        file: bytes,
        settings: dict[str, Any] | None = None,
        *,
        key: str | None = None,
        **options: Any,
    ) -> Reply:
        """Send a file."""
        parts = {
            "settings": ("settings.json", json.dumps(SETTINGS | (settings or {})), "application/json"),
            "file": ("rows.csv", file, "text/csv"),
        }
        headers = {"Idempotency-Key": key} if key else {}
        return await self.ask("POST", "/campaigns", files=parts, headers=headers, **options)

    async def sent(self, file: bytes, settings: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a file that is good; the campaign."""
        reply = await self.send(file, settings)
        assert reply.status_code == 201, reply.text
        return dict(reply.json())

    async def problems(self, campaign: dict[str, Any]) -> dict[int, list[tuple[str, str]]]:
        """What is wrong, by row: field and code or message."""
        reply = await self.ask("GET", f"/campaigns/{campaign['campaign_id']}/problems?limit=1000")
        return {
            row["row"]: [(one["field"], one["message"]) for one in row["problems"]]
            for row in reply.json()["rows"]
        }

    async def find(self, campaign: dict[str, Any]) -> dict[str, Any]:
        """How it stands."""
        return dict((await self.ask("GET", f"/campaigns/{campaign['campaign_id']}")).json())

    async def until(self, campaign: dict[str, Any], state: str) -> dict[str, Any]:
        """The campaign, once it stands there."""
        async with asyncio.timeout(60):
            while (found := await self.find(campaign))["state"] != state:
                await self.gateway.campaigns.rounds.once()
        return found

    async def until_over(self, campaign: dict[str, Any]) -> dict[str, Any]:
        """The campaign, once its last call has ended."""
        async with asyncio.timeout(60):
            while (found := await self.find(campaign))["ended_at"] is None:
                await self.gateway.campaigns.rounds.once()
        return found

    async def log(self, campaign: dict[str, Any]) -> list[dict[str, Any]]:
        """What happened to it."""
        return list((await self.ask("GET", f"/campaigns/{campaign['campaign_id']}/log")).json()["entries"])

    async def result(self, campaign: dict[str, Any]) -> list[dict[str, str]]:
        """Its result."""
        text = (await self.ask("GET", f"/campaigns/{campaign['campaign_id']}/result.csv")).text
        return list(csv.DictReader(io.StringIO(text)))


def own_organization() -> str:
    """Id of the default organization."""
    default = load_organizations(Path("clinics")).default
    assert default is not None
    return str(default.id)


@asynccontextmanager
async def an_office(gateway: Gateway) -> AsyncIterator[Office]:
    """The routes of a gateway, asked by programs on this machine."""
    keyring = Keyring(KeyStore(gateway.database), local_operator=True)
    transport = httpx.ASGITransport(an_app(gateway, keyring), client=("127.0.0.1", 50_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as http:
        yield Office(gateway, http, keyring)


async def end_all(gateway: Gateway, campaign_id: str) -> int:
    """Let every call that waits end; how many did."""
    waiting = [call["id"] for call in await gateway.calls_of(campaign_id) if call["state"] != "ended"]
    await asyncio.gather(*map(gateway.end, waiting))
    return len(waiting)


async def run_dry(gateway: Gateway, campaign_id: str) -> None:
    """Rounds, until the campaign is complete; calls end as they come."""
    async with asyncio.timeout(120):
        while True:
            await gateway.campaigns.rounds.once()
            found = await gateway.campaigns.store.find(campaign_id)
            if found is not None and found.ended_at is not None:
                return
            await end_all(gateway, campaign_id)


def assert_each_row_once(calls: list[dict[str, Any]], rows: int) -> None:
    """Each row is one call, by its own number."""
    assert Counter(call["to_number"] for call in calls) == Counter(number(index) for index in range(rows))


def assert_it_adds_up(progress: dict[str, Any]) -> None:
    """Every row that can be called is somewhere."""
    places = ("pending", "waiting", "going_on", "ended", "expired", "canceled")
    assert sum(progress[place] for place in places) == progress["total"]
