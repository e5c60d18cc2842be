"""What belongs to one organization does not exist for the keys of another, on every route of the gateway."""

import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi import FastAPI
from fastapi.routing import APIRoute

from frontdesk.calls.tables import calls
from frontdesk.campaigns.models import Campaign, CampaignState, Report
from frontdesk.campaigns.store import Entry
from frontdesk.crm.tables import crm_deliveries, crm_events
from frontdesk.keys.models import EVERYTHING, Scope
from frontdesk.patients.models import Patient
from frontdesk.retention.models import Erasure
from frontdesk.storage.database import Database
from tests.gateway.conftest import Configure, configure, far
from tests.gateway.gate import Gateway, Reply, serving
from tests.records.office import _ENDED as ENDED
from tests.records.office import NOW

__all__ = ["configure", "far"]

MARK = "of-bright-smile"
OWN_NUMBER, THEIR_NUMBER = str(uuid.UUID(int=71)), str(uuid.UUID(int=72))
Route = tuple[str, str]


@dataclass
class Case:
    """How to ask a route for something of the first organization."""

    scope: Scope
    body: dict[str, Any] | None = None
    lists: bool = False
    makes: bool = False
    """A stranger is served too, and gets one of its own."""
    csv: str | None = None
    form: str | None = None
    allowed: frozenset[int] = field(default=frozenset({200, 202, 204, 409}))


FORM = (
    '--b\r\nContent-Disposition: form-data; name="settings"\r\n\r\n'
    '{"name":"x","organization":"bright-smile","start":false}\r\n'
    '--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
    "phone_number\n+12025550123\n\r\n--b--\r\n"
)
DIAL = {"dialout_settings": {"phone_number": "+12025550123"}, "organization": "bright-smile"}
CASES: dict[Route, Case] = {
    ("POST", "/dialout"): Case(Scope.CALLS_WRITE, DIAL, allowed=frozenset({201, 202})),
    ("GET", "/calls"): Case(Scope.CALLS_READ, lists=True),
    ("GET", "/calls/{call_id}"): Case(Scope.CALLS_READ),
    ("DELETE", "/calls/{call_id}"): Case(Scope.CALLS_WRITE),
    ("GET", "/calls/{call_id}/timeline"): Case(Scope.CALLS_READ),
    ("GET", "/calls/{call_id}/transcript"): Case(Scope.CALLS_READ),
    ("GET", "/calls/{call_id}/attempts"): Case(Scope.CALLS_READ),
    ("POST", "/campaigns"): Case(Scope.CALLS_WRITE, form=FORM, allowed=frozenset({201, 202})),
    ("GET", "/campaigns"): Case(Scope.CALLS_READ, lists=True),
    ("GET", "/campaigns/{campaign_id}"): Case(Scope.CALLS_READ),
    ("GET", "/campaigns/{campaign_id}/problems"): Case(Scope.CALLS_READ),
    ("GET", "/campaigns/{campaign_id}/log"): Case(Scope.CALLS_READ),
    ("GET", "/campaigns/{campaign_id}/result.csv"): Case(Scope.CALLS_READ),
    ("POST", "/campaigns/{campaign_id}/start"): Case(Scope.CALLS_WRITE),
    ("POST", "/campaigns/{campaign_id}/pause"): Case(Scope.CALLS_WRITE),
    ("POST", "/campaigns/{campaign_id}/resume"): Case(Scope.CALLS_WRITE),
    ("POST", "/campaigns/{campaign_id}/cancel"): Case(Scope.CALLS_WRITE),
    ("GET", "/do-not-call"): Case(Scope.DO_NOT_CALL_READ, lists=True),
    ("GET", "/do-not-call/{number}"): Case(Scope.DO_NOT_CALL_READ),
    ("DELETE", "/do-not-call/{number}"): Case(Scope.DO_NOT_CALL_WRITE),
    ("PUT", "/do-not-call/{number}"): Case(Scope.DO_NOT_CALL_WRITE, {"reason": "asked"}, makes=True),
    ("POST", "/do-not-call/import"): Case(Scope.DO_NOT_CALL_WRITE, csv="+12025550188", makes=True),
    ("GET", "/patients/{patient_id}"): Case(Scope.PATIENTS_READ),
    ("DELETE", "/patients/{patient_id}"): Case(Scope.PATIENTS_WRITE),
    ("PUT", "/patients/{patient_id}"): Case(
        Scope.PATIENTS_WRITE, {"phone_number": "+12025550177"}, makes=True
    ),
    ("GET", "/webhooks/deliveries"): Case(Scope.WEBHOOKS_READ, lists=True),
    ("GET", "/webhooks/deliveries/{delivery_id}"): Case(Scope.WEBHOOKS_READ),
    ("POST", "/webhooks/deliveries/{delivery_id}/resend"): Case(Scope.WEBHOOKS_WRITE),
    ("GET", "/webhooks/endpoints"): Case(Scope.WEBHOOKS_READ, lists=True),
    ("POST", "/webhooks/endpoints/{endpoint_id}/enable"): Case(Scope.WEBHOOKS_WRITE),
    ("POST", "/webhooks/endpoints/{endpoint_id}/test"): Case(Scope.WEBHOOKS_WRITE),
    ("GET", "/keys"): Case(Scope.ALL, lists=True),
    ("DELETE", "/keys/{key_id}"): Case(Scope.ALL),
    ("POST", "/erasures"): Case(Scope.ERASE, {"patient_id": MARK}, lists=True),
    ("GET", "/erasures"): Case(Scope.ERASE, lists=True),
    ("GET", "/erasures/{erasure_id}"): Case(Scope.ERASE),
}
OTHER_DOORS = ("/healthz", "/readyz", "/link/", "/daily-", "/{organization}/{workflow}/daily-")
"""Probes, the bots with their tokens, and Daily with its signatures: no API key opens these."""


@dataclass
class Two:
    """A gateway for two organizations; something of everything belongs to the first."""

    gateway: Gateway
    first: str
    second: str
    ids: dict[str, str]

    async def ask(self, route: Route, case: Case, key: str) -> Reply:
        """Ask for what belongs to the first, with any key."""
        method, path = route
        headers = {"Authorization": f"Bearer {key}"}
        what: dict[str, Any] = {"json": case.body}
        if case.csv is not None:
            what, headers["Content-Type"] = {"data": case.csv}, "text/csv"
        if case.form is not None:
            what, headers["Content-Type"] = {"data": case.form}, "multipart/form-data; boundary=b"
        return await self.gateway.send(method, path.format(**self.ids), headers=headers, **what)

    def shown_in(self, reply: Reply) -> bool:
        """Whether an answer names anything of the first organization."""
        marks = (MARK, own(), *self.ids.values())
        return any(mark in str(reply.body) for mark in marks)


@pytest.fixture
async def two(configure: Configure, tmp_path: Path) -> AsyncIterator[Two]:
    settings = configure(
        clinics_dir=two_clinics(tmp_path / "clinics"),
        crm_events_url=f"https://127.0.0.1:9/{MARK}",
        crm_secrets="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    )
    async with serving(settings) as gateway:
        keyring = gateway.app.state.keyring
        theirs = (await keyring.create("theirs", str(uuid.UUID(int=2)), EVERYTHING))[1]
        narrow, ours = await keyring.create(MARK, own(), EVERYTHING)
        ids = await fill(gateway, own()) | {"key_id": narrow.id}
        yield Two(gateway, ours, theirs, ids)


def two_clinics(folder: Path) -> Path:
    folder.mkdir()
    clinic = yaml.safe_load(Path("clinics/bright-smile.yaml").read_text())
    (folder / "bright-smile.yaml").write_text(yaml.safe_dump(clinic | {"caller_id": OWN_NUMBER}))
    other = (
        clinic
        | {"caller_id": THEIR_NUMBER}
        | {"id": str(uuid.UUID(int=2)), "name": "Other", "numbers": [], "default": False}
    )
    (folder / "other.yaml").write_text(yaml.safe_dump(other))
    return folder


def own() -> str:
    """Id of the first organization."""
    organization = yaml.safe_load(Path("clinics/bright-smile.yaml").read_text())
    return str(organization["id"])


async def fill(gateway: Gateway, organization: str) -> dict[str, str]:
    """One of everything for the first organization."""
    state = gateway.app.state
    database: Database = state.call_queries._database
    call_id, event_id = uuid.uuid4().hex, "evt_1"
    endpoint_id = next(iter(state.crm.endpoints)).id
    common = {"organization_id": organization, "call_id": call_id, "sequence": 1, "type": "call.ended"}
    delivery = {"id": "dlv_1", "event_id": event_id, "endpoint_id": endpoint_id, "created_at": NOW}
    counts = {"tries": 1, "earlier_tries": 0, "state": "delivered"}
    async with database.writer() as connection:
        values = {**ENDED, "id": call_id, "organization_id": organization, "metadata": {"mark": MARK}}
        await connection.execute(calls.insert().values(values | {"ended_reason": "canceled"}))
        event = {"id": event_id, "payload": {"data": {"mark": MARK}}, "created_at": NOW}
        await connection.execute(crm_events.insert().values(common | event))
        await connection.execute(crm_deliveries.insert().values(common | delivery | counts))
    campaign = Campaign(
        id=uuid.uuid4().hex,
        organization_id=organization,
        name=MARK,
        state=CampaignState.DRAFT,
        settings={"name": MARK},
        report=Report(),
        created_at=NOW,
        updated_at=NOW,
    )
    await state.campaigns.store.insert(campaign, Entry(NOW, "created", MARK))
    erasure = Erasure(uuid.uuid4().hex, organization, "request", MARK, "x", NOW, NOW)
    await state.retention._store.add(erasure)
    return {
        "call_id": call_id,
        "campaign_id": campaign.id,
        "delivery_id": "dlv_1",
        "endpoint_id": endpoint_id,
        "erasure_id": erasure.id,
        "number": (await state.do_not_call.add(organization, "+12025550177", reason=MARK)).number,
        "patient_id": (await state.patients.put(_patient(organization))).id,
    }


def _patient(organization: str) -> Patient:
    return Patient(
        organization_id=organization, id="p-177", phone_number="+12025550177", created_at=NOW, updated_at=NOW
    )


def every_route(app: FastAPI) -> Iterator[Route]:
    """The route table of the running app, with the routes of included routers."""
    for route in app.routes:
        inside = getattr(route, "original_router", None)
        for one in inside.routes if inside is not None else [route]:
            if isinstance(one, APIRoute):
                yield from ((method, one.path) for method in one.methods or ())


async def test_a_key_sees_its_own_organization_only(two: Two) -> None:
    """On every route, what belongs to an organization is there for its own key, and is not for another's."""
    table = {route for route in every_route(two.gateway.app) if not route[1].startswith(OTHER_DOORS)}
    assert table == CASES.keys()
    wrong = {}
    for route, case in CASES.items():
        stranger = await two.ask(route, case, two.second)
        apart = case.lists and stranger.status in case.allowed and not two.shown_in(stranger)
        apart = apart or (case.makes and stranger.status == HTTPStatus.OK)
        if not apart and stranger.status != HTTPStatus.NOT_FOUND:
            wrong[route] = ("a stranger", stranger.status, stranger.body)
    for route, case in sorted(CASES.items(), key=lambda item: item[0][0] == "DELETE"):
        owner = await two.ask(route, case, two.first)
        if owner.status not in case.allowed or (case.lists and not two.shown_in(owner)):
            wrong[route] = ("the owner", owner.status, owner.body)
    assert wrong == {}


async def test_a_call_shows_no_number_of_another_organization(two: Two) -> None:
    """Where there are several organizations, a call shows only what its own one lists."""
    wanted = {THEIR_NUMBER: 422, OWN_NUMBER: 201, str(uuid.uuid4()): 422}
    headers = {"Authorization": f"Bearer {two.first}"}
    for caller_id, status in wanted.items():
        body = {"dialout_settings": {"phone_number": "+12025550123", "caller_id": caller_id}}
        reply = await two.gateway.send("POST", "/dialout", json=body, headers=headers)
        assert reply.status == status
    refused = {"dialout_settings": {"phone_number": "+12025550123", "caller_id": THEIR_NUMBER}}
    reply = await two.gateway.send("POST", "/dialout", json=refused, headers=headers)
    assert reply.body["errors"][0]["field"] == "dialout_settings.caller_id"


async def test_every_route_asks_for_its_scope(two: Two) -> None:
    """On every route, no key is 401, and a key with all scopes but the route's own is 403."""
    wrong = {}
    keyring = two.gateway.app.state.keyring
    for route, case in CASES.items():
        nobody = await two.gateway.send(route[0], route[1].format(**two.ids), json=case.body)
        scopes = frozenset(set(Scope) - {Scope.ALL, case.scope})
        other = (await keyring.create("narrow", own(), scopes))[1]
        narrow = await two.ask(route, case, other)
        codes = (nobody.status, nobody.body.get("code"), narrow.status, narrow.body.get("code"))
        if codes != (401, "api_key_missing", 403, "scope_missing"):
            wrong[route] = codes
    assert wrong == {}
