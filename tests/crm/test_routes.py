"""The delivery log over HTTP: filters, pages, sending again, endpoints; each organization sees its own."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from frontdesk.crm import routes
from frontdesk.crm.service import Crm
from frontdesk.doors.problems import install_problem_handlers
from frontdesk.doors.requests import RequestFrame
from frontdesk.keys.models import EVERYTHING, Scope
from frontdesk.keys.service import Keyring
from frontdesk.keys.store import KeyStore
from frontdesk.storage.database import Database
from tests.crm.receiver import Receiver, answer
from tests.crm.world import (
    ORGANIZATION,
    QUICK,
    deliveries,
    endpoint,
    endpoints,
    eventually,
    new_call,
    reached,
    tell,
)

THEIRS = "00000000-0000-0000-0000-000000000002"


@dataclass
class Desk:
    """A gateway's routes and its deliverer, with keys of two organizations."""

    database: Database
    crm: Crm
    http: httpx.AsyncClient
    keyring: Keyring
    keys: dict[str, str] = field(default_factory=dict)

    async def ask(
        self, path: str, *, method: str = "GET", organization: str = ORGANIZATION, **options: Any
    ) -> httpx.Response:
        """Ask with a key of an organization."""
        if organization not in self.keys:
            self.keys[organization] = (await self.keyring.create("test", organization, EVERYTHING))[1]
        headers = {"Authorization": f"Bearer {self.keys[organization]}"}
        return await self.http.request(method, f"/webhooks{path}", headers=headers, **options)

    async def listed(self, **parameters: Any) -> list[str]:
        """The events of a list."""
        answered = await self.ask("/deliveries", params=parameters)
        assert answered.status_code == 200, answered.text
        return [row["event_id"] for row in answered.json()["deliveries"]]


@pytest.fixture
async def desk(database: Database, receiver: Receiver) -> AsyncIterator[Desk]:
    crm = Crm(
        database, endpoints(endpoint(receiver.url), endpoint(f"{receiver.url}/theirs", THEIRS)), pace=QUICK
    )
    keyring = Keyring(KeyStore(database))
    app = FastAPI()
    app.state.crm, app.state.keyring = crm, keyring
    app.include_router(routes.router)
    install_problem_handlers(app)
    app.add_middleware(RequestFrame)
    async with AsyncExitStack() as stack:
        transport = httpx.ASGITransport(app)
        http = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://here"))
        await stack.enter_async_context(crm.running())
        yield Desk(database, crm, http, keyring)


async def test_the_list_is_filtered(desk: Desk, receiver: Receiver) -> None:
    """Each filter leaves what fits; together all must hold."""
    one, other = new_call(), new_call()
    first = await tell(desk.database, desk.crm, one, 1, 2)
    second = await tell(desk.database, desk.crm, other, 1)
    await reached(desk.database, *["delivered"] * 3)
    assert sorted(await desk.listed(call_id=one.id)) == sorted(first)
    assert await desk.listed(call_id=other.id, state="delivered", type="call.started") == second
    assert await desk.listed(type="call.ringing") == [first[1]]
    assert await desk.listed(state="failed") == []
    assert len(await desk.listed(endpoint=endpoint(receiver.url).id)) == 3


async def test_pages_hold_every_delivery_once(desk: Desk) -> None:
    """Following `next_cursor` shows each delivery exactly once, also while new ones arrive."""
    expected = [(await tell(desk.database, desk.crm, new_call(), 1))[0] for _ in range(7)]
    seen, cursor = [], None
    while True:
        page = (
            await desk.ask("/deliveries", params={"limit": 3} | ({"cursor": cursor} if cursor else {}))
        ).json()
        seen += [row["event_id"] for row in page["deliveries"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        await tell(desk.database, desk.crm, new_call(), 1)
    assert sorted(seen) == sorted(expected)


async def test_wrong_parameters_are_4xx(desk: Desk) -> None:
    """What cannot be a filter is refused as a problem, never a fault of ours."""
    cursors: list[dict[str, Any]] = [
        {"cursor": text} for text in ("nonsense", "W10=", "WzEsMl0", "W251bGwsMV0=")
    ]
    others: list[dict[str, Any]] = [{"state": "odd"}, {"limit": 0}, {"limit": 201}, {"color": "red"}]
    for parameters in cursors + others:
        answered = await desk.ask("/deliveries", params=parameters)
        assert answered.status_code == 422, parameters
        assert answered.headers["content-type"] == "application/problem+json"


async def test_a_delivery_shows_its_tries(desk: Desk, receiver: Receiver) -> None:
    """The record has each try with status, and the event as it is sent."""
    receiver.script = [answer(500)]
    [event] = await tell(desk.database, desk.crm, new_call(), 1)
    [row] = await reached(desk.database, "delivered")
    record = (await desk.ask(f"/deliveries/{row['id']}")).json()
    assert [entry["status"] for entry in record["log"]] == [500, 204]
    assert record["event"]["data"]["event_id"] == event == record["event_id"]
    assert record["event"] == receiver.got[-1].body


async def test_resend_delivers_once_more(desk: Desk, receiver: Receiver) -> None:
    """A delivered event comes again, with the same id, and the log goes on."""
    [event] = await tell(desk.database, desk.crm, new_call(), 1)
    [row] = await reached(desk.database, "delivered")
    answered = await desk.ask(f"/deliveries/{row['id']}/resend", method="POST")
    assert (answered.status_code, answered.json()["state"]) == (202, "pending")
    await receiver.wait_for(2)
    [again] = await reached(desk.database, "delivered")
    assert (receiver.ids, again["tries"]) == ([event, event], 2)


async def test_resend_begins_the_schedule_anew(desk: Desk, receiver: Receiver) -> None:
    """A delivery that was given up gets all its tries again."""
    receiver.otherwise = answer(500)
    await tell(desk.database, desk.crm, new_call(), 1)
    [row] = await reached(desk.database, "failed")
    await desk.ask(f"/deliveries/{row['id']}/resend", method="POST")
    await receiver.wait_for(2 * row["tries"])
    [again] = await reached(desk.database, "failed")
    assert (row["tries"], again["tries"]) == (9, 18)


async def test_resend_enables_a_disabled_endpoint(desk: Desk, receiver: Receiver) -> None:
    """After 410 the endpoint is disabled; resending a delivery enables it, and events flow again."""
    receiver.script = [answer(410)]
    call = new_call()
    first = await tell(desk.database, desk.crm, call, 1)
    [row] = await reached(desk.database, "disabled")
    assert (await _state(desk))["state"] == "disabled"
    assert (await desk.ask(f"/deliveries/{row['id']}/resend", method="POST")).status_code == 202
    await reached(desk.database, "delivered")
    second = await tell(desk.database, desk.crm, call, 2)
    await receiver.wait_for(3)
    assert receiver.ids == first + first + second
    assert (await _state(desk))["state"] == "working"


@pytest.mark.parametrize("resend", [True, False])
async def test_enable_may_bring_what_was_missed(desk: Desk, receiver: Receiver, *, resend: bool) -> None:
    """Enabling sends what was missed when asked to, in order, and otherwise only what is new."""
    receiver.script = [answer(410)]
    call = new_call()
    missed = await tell(desk.database, desk.crm, call, 1, 2)
    await reached(desk.database, "disabled", "disabled")
    path = f"/endpoints/{endpoint(receiver.url).id}/enable"
    answered = await desk.ask(path, method="POST", params={"resend_missed": resend})
    assert answered.status_code == 204
    new = await tell(desk.database, desk.crm, call, 3)
    await receiver.wait_for(4 if resend else 2)
    assert receiver.ids[1:] == (missed if resend else []) + new


async def test_an_endpoint_can_be_tested(desk: Desk, receiver: Receiver) -> None:
    """A test sends a signed event of its own type; a disabled endpoint is 409."""
    path = f"/endpoints/{endpoint(receiver.url).id}/test"
    answered = await desk.ask(path, method="POST")
    assert answered.status_code == 202
    [got] = await receiver.wait_for(1)
    assert got.body["type"] == "webhook.test"
    assert got.id == answered.json()["event_id"]
    assert (await desk.ask(f"/deliveries/{answered.json()['id']}")).status_code == 200
    receiver.script = [answer(410)]
    await desk.ask(path, method="POST")

    async def disabled() -> bool:
        return bool((await _state(desk))["state"] == "disabled")

    await eventually(disabled)
    assert (await desk.ask(path, method="POST")).json()["code"] == "endpoint_disabled"


async def test_another_organization_s_deliveries_do_not_exist(desk: Desk, receiver: Receiver) -> None:
    """Every route answers another organization's ids like unknown ones, and no list shows them."""
    await tell(desk.database, desk.crm, new_call(), 1)
    [row] = await reached(desk.database, "delivered")
    end = endpoint(receiver.url).id
    requests = [
        ("GET", f"/deliveries/{row['id']}"),
        ("POST", f"/deliveries/{row['id']}/resend"),
        ("POST", f"/endpoints/{end}/enable"),
        ("POST", f"/endpoints/{end}/test"),
    ]
    for method, path in requests:
        answered = await desk.ask(path, method=method, organization=THEIRS)
        assert (answered.status_code, answered.headers["content-type"]) == (404, "application/problem+json")
    assert (await desk.ask("/deliveries", organization=THEIRS)).json()["deliveries"] == []
    theirs = (await desk.ask("/endpoints", organization=THEIRS)).json()["endpoints"]
    assert [shown["id"] for shown in theirs] == [endpoint(f"{receiver.url}/theirs", THEIRS).id]
    assert [row["tries"] for row in await deliveries(desk.database)] == [1]


_SCOPES = [
    ("GET", "/deliveries", Scope.WEBHOOKS_READ),
    ("GET", "/deliveries/dlv_1", Scope.WEBHOOKS_READ),
    ("GET", "/endpoints", Scope.WEBHOOKS_READ),
    ("POST", "/deliveries/dlv_1/resend", Scope.WEBHOOKS_WRITE),
    ("POST", "/endpoints/ep_0123456789abcdef/enable", Scope.WEBHOOKS_WRITE),
    ("POST", "/endpoints/ep_0123456789abcdef/test", Scope.WEBHOOKS_WRITE),
]


async def test_every_route_needs_its_scope(desk: Desk) -> None:
    """Without a key it is 401, with every other scope 403, with the one scope it is let in."""
    for method, path, needed in _SCOPES:
        assert (await desk.http.request(method, f"/webhooks{path}")).status_code == 401
        others = frozenset(Scope) - {needed, Scope.ALL}
        for scopes, refused in ((others, True), (frozenset({needed}), False)):
            key = (await desk.keyring.create("test", ORGANIZATION, scopes))[1]
            answered = await desk.http.request(method, f"/webhooks{path}", headers={"X-API-Key": key})
            assert (answered.status_code == 403) == refused
            assert answered.status_code < 500


def test_every_route_is_among_those_tested() -> None:
    """The table of scopes names every route under /webhooks."""
    tested = {(method, re.sub(r"(dlv|ep)_\w+", "{}", path)) for method, path, _ in _SCOPES}
    existing = {
        (method, re.sub(r"{\w+}", "{}", route.path).removeprefix("/webhooks"))
        for route in routes.router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    assert existing == tested


async def _state(desk: Desk) -> dict[str, Any]:
    [shown] = (await desk.ask("/endpoints")).json()["endpoints"]
    assert isinstance(shown, dict)
    return shown
