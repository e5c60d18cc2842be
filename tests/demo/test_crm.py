"""The demo's CRM: takes what is signed, counts every event once."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import aiohttp
import pytest
from standardwebhooks import Webhook

from frontdesk.demo.crm import Crm


@pytest.fixture
async def crm() -> AsyncIterator[Crm]:
    async with Crm() as crm:
        yield crm


async def _deliver(crm: Crm, secret: str, number: int, kind: str) -> int:
    body = json.dumps({"type": kind, "data": {"call_id": "c", "sequence": number}})
    now = datetime.now(UTC)
    headers = {
        "webhook-id": f"evt_{number}",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(f"evt_{number}", now, body),
    }
    async with aiohttp.ClientSession() as http, http.post(crm.url, data=body, headers=headers) as answer:
        return answer.status


async def test_signed_events_are_kept_once_and_in_order(crm: Crm) -> None:
    """Copies of an event count once, gaps show, and the last event is waited for."""
    assert await _deliver(crm, crm.secret, 1, "call.started") == 204
    assert await _deliver(crm, crm.secret, 1, "call.started") == 204
    assert await _deliver(crm, crm.secret, 3, "call.ended") == 204
    assert crm.call("c").types == ["call.started", "call.ended"]
    assert crm.call("c").ended.is_set()
    assert not crm.call("c").gapless


async def test_an_event_signed_by_somebody_else_is_refused(crm: Crm) -> None:
    """A signature with another secret gets a 401, is counted, and tells nothing."""
    assert await _deliver(crm, Crm().secret, 1, "call.started") == 401
    assert crm.refused == 1
    assert crm.call("c").types == []
