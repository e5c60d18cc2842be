"""The routes of the record over the real books, with keys of two clinics and calls as the ledger has them."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import Table

from frontdesk.calls import routes as call_routes
from frontdesk.calls.queries import CallQueries
from frontdesk.calls.tables import attempts, call_events, calls, legs, tool_calls, turns
from frontdesk.doors.problems import install_problem_handlers
from frontdesk.doors.requests import RequestFrame
from frontdesk.keys import routes as key_routes
from frontdesk.keys.models import EVERYTHING, Scope
from frontdesk.keys.service import Keyring
from frontdesk.keys.store import KeyStore
from frontdesk.retention import routes as retention_routes
from frontdesk.retention.service import Retention
from frontdesk.storage.database import Database

NOW = 1_800_000_000.0
OURS, THEIRS = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
SLUGS = {OURS: "ours", THEIRS: "theirs"}


def an_app(database: Database, keyring: Keyring) -> FastAPI:
    """The routes alone."""
    app = FastAPI()
    app.state.keyring = keyring
    app.state.call_queries = CallQueries(database, SLUGS)
    app.state.retention = Retention(database, retention_days=30)
    for router in (call_routes.router, key_routes.router, retention_routes.router):
        app.include_router(router)
    install_problem_handlers(app)
    app.add_middleware(RequestFrame)
    return app


@dataclass
class Office:
    """Writes calls into the books and asks for them over HTTP."""

    database: Database
    app: FastAPI
    http: httpx.AsyncClient
    keyring: Keyring
    keys: dict[str, str] = field(default_factory=dict)

    async def key(self, organization: str = OURS, scopes: frozenset[Scope] = EVERYTHING) -> str:
        """A new key."""
        return (await self.keyring.create("test", organization, scopes))[1]

    async def ask(
        self, path: str, *, method: str = "GET", organization: str = OURS, **options: Any
    ) -> httpx.Response:
        """Ask with a key of an organization."""
        if organization not in self.keys:
            self.keys[organization] = await self.key(organization)
        headers = {"Authorization": f"Bearer {self.keys[organization]}"}
        return await self.http.request(method, path, headers=headers, **options)

    async def call(self, **columns: Any) -> str:
        """A call that ended; anything about it may be said otherwise. Returns its id."""
        row = {**_ENDED, "id": uuid.uuid4().hex, **columns}
        await self.insert(calls, row)
        return str(row["id"])

    async def insert(self, table: Table, *rows: dict[str, Any]) -> None:
        """Rows of any table."""
        async with self.database.writer() as connection:
            await connection.execute(table.insert(), list(rows))

    async def event(self, call_id: str, **columns: Any) -> None:
        """An event of a call."""
        await self.insert(call_events, {**_EVENT, "call_id": call_id, "id": uuid.uuid4().hex, **columns})

    async def turn(self, call_id: str, **columns: Any) -> None:
        """Something that was said."""
        await self.insert(turns, {**_TURN, "call_id": call_id, "id": uuid.uuid4().hex, **columns})

    async def tool(self, call_id: str, **columns: Any) -> None:
        """Something that was looked up."""
        await self.insert(tool_calls, {**_TOOL, "call_id": call_id, "id": uuid.uuid4().hex, **columns})

    async def attempt(self, call_id: str, **columns: Any) -> None:
        """An attempt."""
        await self.insert(attempts, {**_ATTEMPT, "call_id": call_id, **columns})

    async def leg(self, call_id: str, **columns: Any) -> None:
        """A leg."""
        await self.insert(legs, {**_LEG, "call_id": call_id, **columns})


_ENDED: dict[str, Any] = {
    "organization_id": OURS,
    "direction": "inbound",
    "workflow": "reception",
    "state": "ended",
    "from_number": "+12025550123",
    "to_number": "+14155550100",
    "patient_id": None,
    "line": {"From": "+12025550123"},
    "limits": {"max_duration_s": 3600},
    "variables": {},
    "metadata": {},
    "created_at": NOW,
    "updated_at": NOW + 60,
    "answered_at": NOW + 2,
    "first_word_at": NOW + 2.45,
    "ended_at": NOW + 60,
    "ended_reason": "caller_hangup",
    "ended_by": "caller",
    "ended_detail": None,
    "attempt": 1,
    "life": {},
    "due_at": None,
    "erased_at": None,
}
LIVE: dict[str, Any] = {
    "state": "in_progress",
    "ended_at": None,
    "ended_reason": None,
    "ended_by": None,
    "due_at": NOW + 90,
}
_EVENT: dict[str, Any] = {
    "source": "bot",
    "type": "joined",
    "attempt": 1,
    "at": NOW + 1,
    "received_at": NOW + 1.02,
    "late": False,
    "data": {},
}
_TURN: dict[str, Any] = {
    "attempt": 1,
    "role": "user",
    "text": "My tooth hurts.",
    "at": NOW + 5,
    "started_at": None,
    "ended_at": None,
    "interrupted": False,
    "latency_ms": {},
}
_TOOL: dict[str, Any] = {
    "attempt": 1,
    "name": "opening_hours",
    "arguments": {"day": "monday"},
    "result": {"opens": "09:00"},
    "ok": True,
    "at": NOW + 6,
    "duration_ms": 12.5,
}
_ATTEMPT: dict[str, Any] = {
    "number": 1,
    "room": "fd-abcdef-1",
    "owner": "gateway-1",
    "session_id": "s-1",
    "host": "local",
    "host_session_id": None,
    "opened_at": NOW + 0.1,
    "joined_at": NOW + 1,
    "ringing_at": None,
    "answered_at": NOW + 2,
    "ended_at": NOW + 60,
    "ended_reason": "caller_hangup",
    "dials": [],
}
_LEG: dict[str, Any] = {
    "session_id": "leg-1",
    "attempt": 1,
    "kind": "dialin",
    "started_at": NOW + 1.5,
    "answered_at": NOW + 2,
    "ended_at": NOW + 60,
}


@asynccontextmanager
async def an_office(database: Database) -> AsyncIterator[Office]:
    """The routes, asked by a program on this machine."""
    keyring = Keyring(KeyStore(database), local_operator=True)
    app = an_app(database, keyring)
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 50_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as http:
        yield Office(database, app, http, keyring)
