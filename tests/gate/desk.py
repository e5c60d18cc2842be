"""The routes of the list and of the patients over the real books, with keys of two clinics."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI

from frontdesk.doors.problems import install_problem_handlers
from frontdesk.doors.requests import RequestFrame
from frontdesk.gate import routes as gate_routes
from frontdesk.gate.do_not_call import DoNotCall
from frontdesk.keys.models import EVERYTHING, Scope
from frontdesk.keys.service import Keyring
from frontdesk.keys.store import KeyStore
from frontdesk.patients import routes as patient_routes
from frontdesk.patients.store import Patients
from frontdesk.retention import routes as retention_routes
from frontdesk.retention.service import Retention
from frontdesk.storage.database import Database
from tests.gate.clinic import clinic, of

OURS, THEIRS = (
    clinic(),
    clinic(id="7b0e3f52-5a0e-4b1c-8a56-0e4d2b7c9f11", slug="other", default=False, numbers=[]),
)
OUR_ID, THEIR_ID = str(OURS.id), str(THEIRS.id)


@dataclass
class Desk:
    """Asks over HTTP."""

    database: Database
    app: FastAPI
    http: httpx.AsyncClient
    keyring: Keyring
    keys: dict[str, str] = field(default_factory=dict)

    async def key(self, organization: str = OUR_ID, scopes: frozenset[Scope] = EVERYTHING) -> str:
        """A new key."""
        return (await self.keyring.create("test", organization, scopes))[1]

    async def ask(
        self, method: str, path: str, *, organization: str = OUR_ID, **options: Any
    ) -> httpx.Response:
        """Ask with a key of an organization."""
        if organization not in self.keys:
            self.keys[organization] = await self.key(organization)
        headers = {"Authorization": f"Bearer {self.keys[organization]}"} | options.pop("headers", {})
        return await self.http.request(method, path, headers=headers, **options)


def an_app(database: Database, keyring: Keyring) -> FastAPI:
    """The routes alone."""
    app = FastAPI()
    app.state.keyring = keyring
    app.state.organizations = of(OURS, THEIRS)
    app.state.do_not_call, app.state.patients = DoNotCall(database), Patients(database)
    app.state.retention = Retention(database, retention_days=30)
    for router in (gate_routes.router, patient_routes.router, retention_routes.router):
        app.include_router(router)
    install_problem_handlers(app)
    app.add_middleware(RequestFrame)
    return app


@asynccontextmanager
async def a_desk(database: Database) -> AsyncIterator[Desk]:
    """The routes, asked by a program on this machine."""
    keyring = Keyring(KeyStore(database), local_operator=True)
    app = an_app(database, keyring)
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 50_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as http:
        yield Desk(database, app, http, keyring)
